"""The records that could not be events, for people to look at.

Owns reading them and showing bytes so that they can be read. Never stores one (dead.py does) and never feeds
one again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sql
from consumer.dead import decode_headers

if TYPE_CHECKING:
    from datetime import datetime

    from consumer.db import Connection


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


async def list_newest(
    connection: Connection,
    *,
    account: str | None = None,
    reason: str | None = None,
    topic: str | None = None,
    limit: int = 50,
) -> list[Summary]:
    """Return dead letters, newest first, narrowed by what is given."""
    statement = sql.queries("deadletters")["list_dead_letters"]
    return [_summary(row) for row in await connection.fetch(statement, account, reason, topic, limit)]


async def get(connection: Connection, number: int) -> Whole | None:
    """Return one dead letter whole, None where there is none of that number."""
    row = await connection.fetchrow(sql.queries("deadletters")["get_dead_letter"], number)
    if row is None:
        return None
    headers = decode_headers(row["headers"])
    return Whole(_summary(row), row["record_timestamp"], row["key"], row["value"], headers)


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
