"""The order of groups and definitions: one is moved before or after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from consumer.web.console.api_client import ApiProblem
from consumer.web.console.visit import Done

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_CHANGED: Final = (412, 422)


async def move(visit: Visit) -> Response:
    """Move a group or definition (`kind`, `key`) before or after another one."""
    form = visit.form
    kind = "group" if form.text("kind") == "group" else "definition"
    key = form.text("key")
    to = f"{visit.url('catalog')}#{kind}-{key}"
    order = await visit.api.get(f"{kind}-order")
    before = order.body["keys"]
    after = _moved(before, key, form.text("before"), form.text("after"))
    if after is None:
        changed = visit.text("The catalog was changed meanwhile. This is how it is now: move it again.")
        return visit.redirect(to, Done(changed))
    try:
        await visit.api.send("PUT", f"{kind}-order", {"keys": after}, revision=order.revision)
    except ApiProblem as problem:
        if problem.status not in _CHANGED:
            raise
        changed = visit.text("The catalog was changed meanwhile. This is how it is now: move it again.")
        return visit.redirect(to, Done(changed))
    return visit.redirect(to, Done(visit.text("Moved."), _way_back(visit, kind, key, before)))


def _moved(keys: list[str], key: str, before: str, after: str) -> list[str] | None:
    """Return the keys with one moved next to another; None if one of them is not there."""
    neighbour = before or after
    if key not in keys or neighbour not in keys or neighbour == key:
        return None
    others = [each for each in keys if each != key]
    place = others.index(neighbour) + (0 if before else 1)
    return [*others[:place], key, *others[place:]]


def _way_back(visit: Visit, kind: str, key: str, keys: list[str]) -> dict[str, str]:
    place = keys.index(key)
    beside = {"after": keys[place - 1]} if place else {"before": keys[1]}
    return {"action": visit.url("catalog", "order"), "kind": kind, "key": key, **beside}
