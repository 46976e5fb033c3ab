"""The records that could not be events, for people to look at, to choose from and to throw away.

Owns reading them, showing bytes so that they can be read, and discarding. Never stores one (dead.py does) and
never feeds one again (replay.py does).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from consumer.domain.record_headers import decode_headers
from consumer.infra.postgres.connection import fetch_one
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from consumer.infra.postgres.connection import Connection

_SQL = queries("deadletters")
# Of one pick: so many, or so many bytes, whichever comes first.
_PICKED = 500
_PICKED_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Summary:
    """A dead letter in a list."""

    id: int
    recorded_at: datetime
    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    account: str | None


@dataclass(frozen=True, slots=True)
class Whole:
    """A dead letter with its bytes; timestamp: the record's own, milliseconds since 1970."""

    summary: Summary
    timestamp: int | None
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters are meant: these numbers, or all that fit whatever else is given."""

    ids: tuple[int, ...] = ()
    account: str | None = None
    reason: str | None = None
    topic: str | None = None


async def list_newest(
    connection: Connection,
    *,
    account: str | None = None,
    reason: str | None = None,
    topic: str | None = None,
    limit: int = 50,
) -> list[Summary]:
    """Return dead letters, newest first, narrowed by what is given."""
    rows = await connection.fetch(_SQL["list_dead_letters"], account, reason, topic, limit)
    return [_summary(row) for row in rows]


async def get(connection: Connection, number: int) -> Whole | None:
    """Return one dead letter whole, None where there is none of that number."""
    return next(iter(await get_whole(connection, [number])), None)


async def get_whole(connection: Connection, ids: Sequence[int]) -> list[Whole]:
    """Return those of these dead letters that are there, whole, in the order of their numbers."""
    return [
        Whole(
            _summary(row), row["record_timestamp"], row["key"], row["value"], decode_headers(row["headers"])
        )
        for row in await connection.fetch(_SQL["get_dead_letters"], ids)
    ]


async def count(connection: Connection, selection: Selection) -> tuple[int, int]:
    """Return how many dead letters a selection means now, and the highest number among them, 0 for none."""
    if selection.ids:
        row = await fetch_one(connection, _SQL["count_ids"], selection.ids)
    else:
        row = await fetch_one(
            connection, _SQL["count_dead_letters"], selection.account, selection.reason, selection.topic
        )
    return row["count"], row["newest"]


async def pick(connection: Connection, selection: Selection, after: int, newest: int) -> list[int]:
    """Return the next of a selection behind the number `after`, up to `newest`; none at its end.

    As many as one transaction can well take, by number and by bytes.
    """
    if selection.ids:
        rows = await connection.fetch(_SQL["pick_ids"], selection.ids, after, _PICKED)
    else:
        rows = await connection.fetch(
            _SQL["pick"], selection.account, selection.reason, selection.topic, after, newest, _PICKED
        )
    picked: list[int] = []
    total = 0
    for row in rows:
        total += row["bytes"]
        if picked and total > _PICKED_BYTES:
            break
        picked.append(row["id"])
    return picked


async def discard(connection: Connection, ids: Sequence[int]) -> int:
    """Throw dead letters away for good and return how many were there.

    One that was not yet told of on engagement.dead-letters will not be: the relay passes over what is gone.
    """
    return len(await connection.fetch(_SQL["discard"], ids))


def harmless(text: str) -> str:
    """Return text with escapes for what would move a terminal's cursor, hide something or break the line."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def readable(content: bytes | None) -> dict[str, str] | None:
    """Return bytes as {'text': …} where they are UTF-8 that a terminal can show, else as {'hex': …}."""
    if content is None:
        return None
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return {"hex": content.hex()}
    # Control characters would move the cursor, or hide what is there.
    if any(not (character.isprintable() or character in "\n\t") for character in text):
        return {"hex": content.hex()}
    return {"text": text}


def _summary(row: Any) -> Summary:
    return Summary(
        row["id"],
        row["recorded_at"],
        row["topic"],
        row["partition"],
        row["offset"],
        row["reason"],
        row["detail"],
        row["account_key"],
    )
