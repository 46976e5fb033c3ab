"""Writes verdicts that turn over on the timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from consumer.infra.postgres.column_params import numbers, texts
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

    from consumer.infra.postgres.connection import Connection

_SQL = queries("timeline_entries")


class Flip(msgspec.Struct, gc=False):
    """The new verdict, edition and number of XP messages of a stored entry."""

    account_id: int
    contact_id: int
    occurred_at: datetime
    event_key: bytes
    definition_id: int
    verdict: str
    edition: int
    credit_number: int


async def flip(connection: Connection, flips: Sequence[Flip]) -> dict[int, asyncpg.Record]:
    """Write flips; return type, source, event_id and actor_id of their entries, by place among the flips."""
    rows = await connection.fetch(
        _SQL["flip"],
        numbers([one.account_id for one in flips]),
        numbers([one.contact_id for one in flips]),
        [one.occurred_at for one in flips],
        [one.event_key for one in flips],
        numbers([one.definition_id for one in flips]),
        texts([one.verdict for one in flips]),
        numbers([one.edition for one in flips]),
        numbers([one.credit_number for one in flips]),
    )
    return {row["number"] - 1: row for row in rows}
