"""Judges the retained history of a definition as one set under its newest edition.

Settled entries are judged in event order like the others; what a purge has left stays as it is (8.31).
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from consumer.contact_state.messages import xp_differs
from consumer.domain.verdict_rule import Edition, judge, verdict_of
from consumer.infra.postgres.connection import fetch_one
from schemas.vocabulary import Per, Verdict
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from consumer.infra.postgres.connection import Connection

_SQL = queries("rejudgement")


class RejudgedDefinition(msgspec.Struct, frozen=True):
    """A definition with its newest edition, by which its history is judged. account: its key."""

    id: int
    account_id: int
    account: str
    key: str
    edition: int
    rule: Edition


class RejudgedEntry(msgspec.Struct, gc=False):
    """A retained entry, and its verdict under the newest edition; is_purged: a purge has left it, and it counts."""

    contact_id: int
    order: tuple[datetime, bytes]
    edition: int
    was_counted: bool
    settled: bool
    object_id: str
    verdict_before: str
    xp_worth: int
    credit_number: int
    is_purged: bool
    verdict: Verdict = Verdict.COUNTED

    @property
    def is_counted(self) -> bool:
        """Whether it counts now."""
        return self.verdict is Verdict.COUNTED

    @property
    def step(self) -> int:
        """What it adds to the tally."""
        return int(self.is_counted) - int(self.was_counted)

    @property
    def xp_differs(self) -> bool:
        """Whether the XP credited for it does not match its verdict."""
        return xp_differs(self.xp_worth, self.credit_number, counts=self.is_counted)


async def read_definition(connection: Connection, number: int) -> RejudgedDefinition:
    """Return a definition by number."""
    row = await fetch_one(connection, _SQL["definition"], number)
    rule = Edition.stored(row["policy"], row["interval_seconds"], row["per"])
    return RejudgedDefinition(row["id"], row["account_id"], row["account"], row["key"], row["edition"], rule)


async def judge_history(
    connection: Connection, definition: RejudgedDefinition, contacts: Sequence[int]
) -> list[RejudgedEntry]:
    """Return the retained entries of these contacts with their new verdicts."""
    rows = await connection.fetch(_SQL["entries"], definition.account_id, contacts, definition.id)
    by_key: defaultdict[tuple[int, str], list[RejudgedEntry]] = defaultdict(list)
    for contact, occurred_at, event_key, *rest in rows:
        entry = RejudgedEntry(contact, (occurred_at, event_key), *rest)
        by_key[contact, key_object(entry, definition.rule.per)].append(entry)
    for entries in by_key.values():
        entries.sort(key=lambda entry: entry.order)
        judged = [entry for entry in entries if not entry.is_purged]
        fixed_points = [entry.order[0] for entry in entries if entry.is_purged]
        counts = judge([entry.order[0] for entry in judged], definition.rule, fixed_points=fixed_points)
        for entry, does in zip(judged, counts, strict=True):
            entry.verdict = verdict_of(counts=does, policy=definition.rule.policy)
    return [entry for entries in by_key.values() for entry in entries]


def key_object(entry: RejudgedEntry, per: Per) -> str:
    """Return the object of the entry's dedup key."""
    return entry.object_id if per is Per.OBJECT else ""
