"""Lists, shows, selects and discards stored dead letters."""

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

_SQL = queries("dead_letters")
# Of one pick: at most so many, and so many bytes.
_PICKED = 500
_PICKED_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class DeadLetterSummary:
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
class StoredDeadLetter:
    """A dead letter with its bytes; timestamp: the record's own, milliseconds since 1970."""

    summary: DeadLetterSummary
    timestamp: int | None
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class DeadLetterSelection:
    """These ids, or all dead letters that match the other members; None matches all."""

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
) -> list[DeadLetterSummary]:
    """Return dead letters, newest first, that match what is not None."""
    rows = await connection.fetch(_SQL["list_dead_letters"], account, reason, topic, limit)
    return [summary(row) for row in rows]


async def get(connection: Connection, number: int) -> StoredDeadLetter | None:
    """Return one dead letter with its bytes, or None."""
    return next(iter(await get_whole(connection, [number])), None)


async def get_whole(connection: Connection, ids: Sequence[int]) -> list[StoredDeadLetter]:
    """Return these dead letters with their bytes, in the order of their ids, without those that are missing."""
    return [
        StoredDeadLetter(
            summary(row), row["record_timestamp"], row["key"], row["value"], decode_headers(row["headers"])
        )
        for row in await connection.fetch(_SQL["get_dead_letters"], ids)
    ]


async def count(connection: Connection, selection: DeadLetterSelection) -> tuple[int, int]:
    """Return how many dead letters match a selection now, and the highest id among them, 0 for none."""
    if selection.ids:
        row = await fetch_one(connection, _SQL["count_ids"], selection.ids)
    else:
        row = await fetch_one(
            connection, _SQL["count_dead_letters"], selection.account, selection.reason, selection.topic
        )
    return row["count"], row["newest"]


async def pick(connection: Connection, selection: DeadLetterSelection, after: int, newest: int) -> list[int]:
    """Return the next ids of a selection, greater than `after` and up to `newest`; none at its end.

    As many as one transaction can take well, by number and by bytes.
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
    """Delete dead letters and return how many there were.

    One that is not published on engagement.dead-letters yet never will be: the relay skips ids that are missing.
    """
    return len(await connection.fetch(_SQL["discard"], ids))


def printable(text: str) -> str:
    """Return text with escapes for characters that a terminal would not show on the line."""
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
    # Control characters would move the cursor or hide text.
    if any(not (character.isprintable() or character in "\n\t") for character in text):
        return {"hex": content.hex()}
    return {"text": text}


def summary(row: Any) -> DeadLetterSummary:
    """Return the summary in a row with its columns."""
    return DeadLetterSummary(
        row["id"],
        row["recorded_at"],
        row["topic"],
        row["partition"],
        row["offset"],
        row["reason"],
        row["detail"],
        row["account_key"],
    )
