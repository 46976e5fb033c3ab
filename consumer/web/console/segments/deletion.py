"""Segments are deleted at once, and can be had back: the audit trail has what they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.web.console.api_client import ApiProblem, part
from consumer.web.console.reordering import moved
from consumer.web.console.visit import Done

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_NOT_FOUND, _CONFLICT, _STALE = 404, 409, 412


async def delete(visit: Visit) -> Response:
    """Delete a segment, and offer the way back."""
    key = visit.request.path_params["segment"]
    order = (await visit.api.get("segment-order")).body["keys"]
    try:
        await visit.api.send("DELETE", f"segments/{part(key)}", revision=visit.form.text("revision"))
    except ApiProblem as problem:
        if problem.status != _STALE:
            raise
        text = visit.say(
            "Segment %(key)s was changed meanwhile: look at it again before you delete it.", key=key
        )
        return visit.redirect(visit.url("segments"), Done(text))
    following = next(iter(order[order.index(key) + 1 :]), "") if key in order else ""
    undo = {"action": visit.url("segments", "restore"), "key": key, "before": following}
    text = visit.say("Segment %(key)s was deleted. Contacts and scores are as they were.", key=key)
    return visit.redirect(visit.url("segments"), Done(text, undo))


async def restore(visit: Visit) -> Response:
    """Create a segment anew as it was when it was deleted, in its place."""
    key, to = visit.form.text("key"), visit.url("segments")
    entries = (await visit.api.get("audit", subject="segment", key=key, limit=1)).body["items"]
    if not entries or entries[0]["action"] != "deleted":
        return visit.redirect(to, Done(visit.say("Segment %(key)s is not deleted any more.", key=key)))
    before: dict[str, Any] = entries[0]["before"]
    try:
        await visit.api.send("POST", "segments", before)
    except ApiProblem as problem:
        if problem.status != _CONFLICT:
            raise
        return visit.redirect(to, Done(problem.detail))
    await _put_back(visit, key, visit.form.text("before"))
    return visit.redirect(to, Done(visit.say("Segment %(key)s is back.", key=key)))


async def _put_back(visit: Visit, key: str, before: str) -> None:
    """Put a segment in its place of before; at the end if the one after it is gone too."""
    order = await visit.api.get("segment-order")
    after = moved(order.body["keys"], key, before, "")
    if after is None:
        return
    try:
        await visit.api.send("PUT", "segment-order", {"keys": after}, revision=order.revision)
    except ApiProblem as problem:
        if problem.status != _STALE:
            raise
