"""How long timeline entries are kept: what a period would remove is shown before it is saved."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.api_client import ApiProblem
from consumer.web.console.settings.tabs import tab_page
from consumer.web.console.visit import Done, Faults

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_CHANGED, _INVALID = 412, 422
_SHOWN_PURGES: Final = 10
# Nothing is older than for ever.
_NOTHING: Final = {"entries": 0, "contacts": 0, "horizon": None}


async def show(visit: Visit) -> Response:
    """Show the period, what it has removed, and what another one (`retention` in the address) would remove."""
    asked = visit.request.query_params
    if "retention" not in asked or not visit.can("operate"):
        return await _page(visit)
    typed = asked["retention"].strip()
    try:
        preview = (
            await visit.api.result("purges/preview", {"retention": typed}, "preview") if typed else _NOTHING
        )
    except ApiProblem as problem:
        if problem.status != _INVALID:
            raise
        return await _page(visit, typed, problem=problem)
    return await _page(visit, typed, preview=preview)


async def save(visit: Visit) -> Response:
    """Change the period, as it was previewed."""
    typed, revision = visit.form.text("retention"), visit.form.text("revision")
    try:
        await visit.api.send("PATCH", "", {"retention": typed or None}, revision=revision)
    except ApiProblem as problem:
        if problem.status not in {_INVALID, _CHANGED}:
            raise
        return await _page(visit, typed, problem=problem)
    return visit.redirect(
        visit.url("settings", "retention"), Done(visit.say("The retention period was saved."))
    )


async def _page(
    visit: Visit,
    typed: str | None = None,
    *,
    preview: dict[str, Any] | None = None,
    problem: ApiProblem | None = None,
) -> Response:
    found, purges = await asyncio.gather(visit.api.get(""), visit.api.get("purges", limit=_SHOWN_PURGES))
    is_stale = problem is not None and problem.status == _CHANGED
    current = found.body["retention"]
    return tab_page(
        visit,
        "retention",
        "settings/retention.html",
        status=problem.status if problem else 200,
        current=current,
        typed=current or "" if typed is None else typed,
        revision=found.revision,
        purges=purges.body["items"],
        preview=preview,
        is_stale=is_stale,
        faults=Faults.of(problem) if problem is not None and not is_stale else None,
    )
