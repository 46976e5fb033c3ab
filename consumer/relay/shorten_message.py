"""Shortens messages that are too large (semantics 6.22 to 6.24); a header names what was left out.

Pure. Key, id, version, overall scores, XP and the reason of a dead letter always stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from schemas.vocabulary import DEAD_LETTERS_TOPIC, SCORE_CHANGED_TOPIC

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from consumer.relay.outbox_messages import OutgoingMessage

TRUNCATED = "engagement-truncated"
# The first of the headers that a dead letter gets, after its original ones.
_FIRST_ADDED = "engagement-reason"


def shortened(
    message: OutgoingMessage, most: int, measure: Callable[[OutgoingMessage], int]
) -> OutgoingMessage:
    """Return the message with as little left out as makes it measure `most`, else with all left out that may be.

    The message itself if nothing of it may be left out.
    """
    steps: Iterator[OutgoingMessage] = iter(())
    if message.topic == SCORE_CHANGED_TOPIC:
        steps = _score_changed(message)
    elif message.topic == DEAD_LETTERS_TOPIC:
        steps = _dead_letter(message, most, measure)
    short = message
    for short in steps:
        if measure(short) <= most:
            break
    return short


def _score_changed(message: OutgoingMessage) -> Iterator[OutgoingMessage]:
    """Yield it with fewer events, then without them and unchanged groups, then without groups."""
    event: dict[str, Any] = msgspec.json.decode(message.value or b"{}")
    data = event["data"]
    cut = []
    if data["events"]:
        cut.append("events")
    while data["events"]:
        data["events"].pop()
        yield _with(message, event, cut)
    changed = {key: one for key, one in data["groups"].items() if _has_changed(one)}
    for groups in (changed, {}):
        if groups != data["groups"]:
            data["groups"] = groups
            yield _with(message, event, [*cut, "groups"])


def _has_changed(group: dict[str, Any]) -> bool:
    band = group.get("band", {"previous": None, "current": None})
    return bool(group["previous"] != group["current"] or band["previous"] != band["current"])


def _with(message: OutgoingMessage, event: dict[str, Any], cut: list[str]) -> OutgoingMessage:
    headers = (*message.headers, (TRUNCATED, ",".join(cut).encode()))
    return msgspec.structs.replace(message, value=msgspec.json.encode(event), headers=headers)


def _dead_letter(
    message: OutgoingMessage, most: int, measure: Callable[[OutgoingMessage], int]
) -> Iterator[OutgoingMessage]:
    """Yield it with a shorter value, then without the original headers too, then with a shorter key."""
    names = [name for name, _ in message.headers]
    added = len(names) - 1 - names[::-1].index(_FIRST_ADDED)
    original, context = message.headers[:added], dict(message.headers[added:])
    cut = set((context.pop(TRUNCATED, None) or b"").decode().split(","))

    def made(headers: tuple[tuple[str, bytes | None], ...], key: bytes | None) -> OutgoingMessage:
        listed = ",".join(name for name in ("headers", "value", "key") if name in cut)
        base = msgspec.structs.replace(
            message, key=key, value=b"", headers=(*headers, *context.items(), (TRUNCATED, listed.encode()))
        )
        room = max(0, most - measure(base))
        return msgspec.structs.replace(base, value=message.value and message.value[:room])

    cut.add("value")
    yield made(original, message.key)
    cut.add("headers")
    yield made((), message.key)
    if message.key:
        cut.add("key")
        empty = msgspec.structs.replace(made((), b""), value=b"")
        yield made((), message.key[: max(0, most - measure(empty))])
