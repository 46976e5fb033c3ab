"""Lists in an order that people set: one item is moved before or after another one, with a way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from consumer.web.console.api_client import ApiProblem
from consumer.web.console.visit import Done

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_CHANGED: Final = (412, 422)


async def move(visit: Visit, kind: str, *, action: str, to: str, changed: str) -> Response:
    """Move the `key` of the form next to `before` or `after`, and lead to a page.

    kind: of `KIND-order` of the API. action: the address of this form. changed: said where the list is another one
    by now.
    """
    form, key = visit.form, visit.form.text("key")
    order = await visit.api.get(f"{kind}-order")
    before = order.body["keys"]
    after = moved(before, key, form.text("before"), form.text("after"))
    if after is None:
        return visit.redirect(to, Done(changed))
    try:
        await visit.api.send("PUT", f"{kind}-order", {"keys": after}, revision=order.revision)
    except ApiProblem as problem:
        if problem.status not in _CHANGED:
            raise
        return visit.redirect(to, Done(changed))
    place = before.index(key)
    beside = {"after": before[place - 1]} if place else {"before": before[1]}
    return visit.redirect(
        to, Done(visit.say("Moved."), {"action": action, "kind": kind, "key": key, **beside})
    )


def moved(keys: list[str], key: str, before: str, after: str) -> list[str] | None:
    """Return the keys with one moved next to another; None if one of them is not there."""
    neighbour = before or after
    if key not in keys or neighbour not in keys or neighbour == key:
        return None
    others = [each for each in keys if each != key]
    place = others.index(neighbour) + (0 if before else 1)
    return [*others[:place], key, *others[place:]]
