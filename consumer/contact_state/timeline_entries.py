"""Writes verdicts that turn over on the timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from consumer.contact_state.messages import ChangedEntry
from consumer.infra.postgres.column_params import numbers, texts
from schemas.timestamps import to_microseconds
from schemas.vocabulary import Verdict
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from consumer.infra.postgres.connection import Connection

_SQL = queries("timeline_entries")


class Flip(msgspec.Struct, gc=False):
    """The new verdict and edition of a stored entry.

    definition: its key. credit_number: of XP messages for it so far; xp_due: this change makes another one.
    """

    account_id: int
    contact_id: int
    occurred_at: datetime
    event_key: bytes
    definition_id: int
    definition: str
    verdict: Verdict
    edition: int
    xp_worth: int
    credit_number: int
    xp_due: bool


async def flip(connection: Connection, flips: Sequence[Flip]) -> list[ChangedEntry]:
    """Write flips; return them as changes, in their order."""
    rows = await connection.fetch(
        _SQL["flip"],
        numbers([one.account_id for one in flips]),
        numbers([one.contact_id for one in flips]),
        [one.occurred_at for one in flips],
        [one.event_key for one in flips],
        numbers([one.definition_id for one in flips]),
        texts([one.verdict for one in flips]),
        numbers([one.edition for one in flips]),
        numbers([one.credit_number + one.xp_due for one in flips]),
    )
    shown = {row["number"]: row for row in rows}
    return [
        ChangedEntry(
            one.contact_id,
            one.definition_id,
            one.definition,
            to_microseconds(one.occurred_at),
            one.event_key,
            shown[number]["event_id"],
            shown[number]["source"],
            shown[number]["type"],
            shown[number]["actor_id"],
            one.verdict,
            1 if one.verdict is Verdict.COUNTED else -1,
            one.xp_worth,
            one.credit_number + 1,
            one.xp_due,
        )
        for number, one in enumerate(flips, start=1)
    ]
