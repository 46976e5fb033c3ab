"""Jobs that run in the background, with their progress, and how they are cancelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.api_client import ApiProblem, part
from consumer.web.console.navigation import N_
from consumer.web.console.visit import Done, Faults

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_CONFLICT: Final = 409
KINDS: Final = {
    "publish": N_("Publish"),
    "rejudgement": N_("Rejudgement"),
    "backfill": N_("Backfill"),
    "purge": N_("Purge"),
}
STATES: Final = {
    "building": N_("building"),
    "announcing": N_("announcing"),
    "running": N_("running"),
    "cancelling": N_("being cancelled"),
    "done": N_("done"),
    "cancelled": N_("cancelled"),
    "superseded": N_("superseded"),
}
# Of jobs that can be cancelled, the path of their kind below the account; `{}` is the subject.
_PATHS: Final = {
    "publish": "profiles/{}/publishes",
    "rejudgement": "definitions/{}/rejudgements",
    "backfill": "backfills",
}
# States after which readers have seen the result: going back is another publish.
_TOO_LATE: Final = frozenset({"announcing", "cancelling"})


async def show(visit: Visit) -> Response:
    """Show running jobs, then all of them page by page."""
    return await _page(visit)


async def cancel(visit: Visit) -> Response:
    """Cancel a job."""
    form = visit.form
    path = _PATHS.get(form.text("kind"))
    if path is None:
        raise ApiProblem(422, {"detail": visit.say("Jobs of this kind cannot be cancelled.")}, {})
    path = path.format(part(form.text("subject")))
    try:
        await visit.api.send("POST", f"{path}/{part(form.text('id'))}/cancel")
    except ApiProblem as problem:
        if problem.status != _CONFLICT:
            raise
        return await _page(visit, problem)
    return visit.redirect(visit.url("activity"), Done(visit.say("The job was cancelled.")))


async def _page(visit: Visit, problem: ApiProblem | None = None) -> Response:
    asked = {name: visit.request.query_params.get(name, "") for name in ("kind", "cursor")}
    if asked["kind"] not in KINDS:
        asked["kind"] = ""
    running, ended = await asyncio.gather(
        visit.api.get("jobs", kind=asked["kind"], unfinished=True), visit.api.get("jobs", **asked, limit=20)
    )
    return visit.page(
        "activity/jobs.html",
        status=problem.status if problem else 200,
        faults=Faults.of(problem) if problem else None,
        asked=asked,
        running=running.body["items"],
        ended=[job for job in ended.body["items"] if job["ended_at"]],
        following=ended.body["next"],
        kinds=KINDS,
        states=STATES,
        can_cancel=_can_cancel,
    )


def _can_cancel(job: dict[str, Any]) -> bool:
    return job["ended_at"] is None and job["kind"] in _PATHS and job["state"] not in _TOO_LATE
