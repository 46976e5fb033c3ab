"""The draft's weights: points of each rule, saved one by one as they are changed, or together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.api_client import ApiProblem
from consumer.web.console.profiles.profile_page import load, quoted
from consumer.web.console.profiles.rules import Counted, grouped_rules
from consumer.web.console.profiles.stale import is_kept, is_stale
from consumer.web.console.visit import Faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from consumer.web.console.api_client import Answer
    from consumer.web.console.profiles.profile_page import ProfilePage
    from consumer.web.console.visit import Form, Visit

# A rule's field, and what was in it when the page was read: what differs is what this person has changed.
_FIELD, _WAS = "weight:", "was:"
_INHERITS: Final = "inherits"
# Seconds that the page waits for counts, which are made once a minute at most. They go on without it.
_PATIENCE: Final = 0.03
_counting: set[asyncio.Task[Answer]] = set()


async def show(visit: Visit) -> Response:
    """Show the draft's weights."""
    page, counted = await asyncio.gather(load(visit), _counted(visit))
    return await _page(page, counted)


async def save(visit: Visit) -> Response:
    """Save the weights that were changed, and no others."""
    page, counted = await asyncio.gather(load(visit), _counted(visit))
    typed = _changed(visit.form)
    inherits = _inherits(visit.form)
    body: dict[str, Any] = {}
    if typed:
        weights = {**page.profile["weights"], **{key: _points(text) for key, text in typed.items()}}
        body["weights"] = {key: points for key, points in weights.items() if points is not None}
    if inherits is not None:
        body[_INHERITS] = inherits
    if not body:
        return visit.redirect(page.url())
    try:
        await visit.api.send("PATCH", page.path, body, revision=quoted(visit.form.text("revision")))
    except ApiProblem as problem:
        if not is_kept(problem):
            raise
        return await _page(page, counted, typed=typed, inherits=inherits, problem=problem)
    return visit.redirect(page.url(saved=1))


async def _page(
    page: ProfilePage,
    counted: Counted,
    *,
    typed: Mapping[str, str] | None = None,
    inherits: bool | None = None,
    problem: ApiProblem | None = None,
) -> Response:
    stale = problem is not None and is_stale(problem)
    faults = Faults() if problem is None or stale else Faults.of(problem)
    at = {key: faults.at(f"weights.{key}") for key in typed or ()}
    known = {each["definition"] for each in page.profile["definitions"]}
    return page.show(
        "profiles/weights.html",
        "weights",
        status=200 if problem is None else problem.status,
        counted=counted,
        rule_groups=grouped_rules(page, counted, typed or {}, at),
        unknown={key: points for key, points in page.profile["weights"].items() if key not in known},
        inherits=page.profile["inherits"] if inherits is None else inherits,
        is_saved=page.visit.request.query_params.get("saved") == "1",
        stale=stale,
        last_change=await page.last_change() if stale else None,
        faults=faults,
    )


def _changed(form: Form) -> dict[str, str]:
    """Return what was typed for the definitions whose field differs from what was in it."""
    return {
        key: form.text(name)
        for name in form.fields
        if name.startswith(_FIELD)
        for key in [name.removeprefix(_FIELD)]
        if form.text(name) != form.text(f"{_WAS}{key}")
    }


def _inherits(form: Form) -> bool | None:
    """Return what was chosen for rules without points of their own; None: what it was."""
    chosen = form.text(_INHERITS)
    return None if chosen in {"", form.text(f"{_WAS}{_INHERITS}")} else chosen == "true"


def _points(text: str) -> int | str | None:
    try:
        return int(text) if text else None
    except ValueError:
        return text


async def _counted(visit: Visit) -> Counted:
    """Return the counts; those that are not known in a moment come later, asked for by the page (`counts`)."""
    task = asyncio.ensure_future(visit.api.get("definition-counts"))
    _counting.add(task)
    task.add_done_callback(_ended)
    done, _ = await asyncio.wait(
        {task}, timeout=None if visit.request.query_params.get("counts") else _PATIENCE
    )
    if not done:
        return Counted(None, 30, is_exact=True, at="", is_coming=True)
    if isinstance(task.exception(), ApiProblem):
        # They could not be counted at this moment: the points can be edited all the same.
        return Counted(None, 30, is_exact=True, at="")
    found = task.result().body
    counts = {each["definition"]: each["counted"] for each in found["definitions"]}
    return Counted(counts, found["days"], found["exact"], visit.reader.past(found["counted_at"]))


def _ended(task: asyncio.Task[Answer]) -> None:
    _counting.discard(task)
    if not task.cancelled():
        task.exception()
