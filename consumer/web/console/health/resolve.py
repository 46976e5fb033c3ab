"""Replaying and discarding dead letters: those that are ticked, or all that the filters of the list match."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.health.dead_letters import FILTERS, instant, path_of
from consumer.web.console.visit import Done

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.responses import Response

    from consumer.web.console.visit import Visit

# Dead letters of one request of the API, and requests of one press of a button: then the person goes on.
_AT_ONCE: Final = 100
_REQUESTS: Final = 10


async def replay(visit: Visit) -> Response:
    """Process dead letters again; say how many are gone, and how many are still dead."""
    resolved = count = 0
    path = path_of(visit, visit.form.text("of"))
    async for ids in _chosen(visit):
        answer = (await visit.api.send("POST", f"{path}/replay", {"ids": ids})).body
        count += len(answer["items"])
        resolved += answer["resolved"]
    if not count:
        return _back(visit, visit.say("No dead letter was chosen."))
    left = count - resolved
    said = visit.say(
        "Replayed: %(count)s. Gone now: %(resolved)s.", **_numbers(visit, count=count, resolved=resolved)
    )
    if left:
        said += " " + visit.say("Still dead, or without effect: %(left)s.", **_numbers(visit, left=left))
    return _back(visit, said)


async def discard(visit: Visit) -> Response:
    """Delete dead letters for good, once that was confirmed."""
    if not visit.form.is_set("confirmed"):
        return await _ask(visit)
    path, count = path_of(visit, visit.form.text("of")), 0
    async for ids in _chosen(visit):
        count += len((await visit.api.send("POST", f"{path}/discard", {"ids": ids})).body["discarded"])
    return _back(visit, visit.say("Discarded: %(count)s.", **_numbers(visit, count=count)))


async def _ask(visit: Visit) -> Response:
    """Say what will be deleted."""
    ids: list[str] = []
    async for some in _chosen(visit):
        ids += some
    if not ids:
        return _back(visit, visit.say("No dead letter was chosen."))
    form = visit.form
    return visit.page(
        "health/discard.html",
        count=len(ids),
        is_more=len(ids) == _AT_ONCE * _REQUESTS,
        every=form.text("every"),
        ids=[] if form.is_set("every") else ids,
        asked={name: form.text(name) for name in FILTERS},
    )


async def _chosen(visit: Visit) -> AsyncIterator[list[str]]:
    """Yield the ids of dead letters, as many at a time as the API takes."""
    form = visit.form
    if not form.is_set("every"):
        ids = form.texts("ids")[: _AT_ONCE * _REQUESTS]
        for begin in range(0, len(ids), _AT_ONCE):
            yield ids[begin : begin + _AT_ONCE]
        return
    filters: dict[str, Any] = {"reason": form.text("reason"), "topic": form.text("topic")}
    filters["since"] = instant(visit, form.text("since"))
    cursor = None
    for _ in range(_REQUESTS):
        path = path_of(visit, form.text("of"))
        page = (await visit.api.get(path, **filters, limit=_AT_ONCE, cursor=cursor)).body
        if page["items"]:
            yield [each["id"] for each in page["items"]]
        cursor = page["next"]
        if cursor is None:
            return


def _back(visit: Visit, said: str) -> Response:
    asked = {name: visit.form.text(name) for name in FILTERS}
    return visit.redirect(visit.url("health", "dead-letters", **asked), Done(said))


def _numbers(visit: Visit, **numbers: int) -> dict[str, str]:
    return {name: visit.reader.number(number) for name, number in numbers.items()}
