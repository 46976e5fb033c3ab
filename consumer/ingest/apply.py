"""Lays a batch out as columns and hands it to the statements that claim, lock, judge and fold.

Owns the order of these statements' parameters. Never decides a verdict: that is sql/queries/apply.sql.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from consumer.infra.postgres.column_params import numbers, optional_texts, texts, truths
from consumer.infra.postgres.connection import fetch_one
from schemas.names import CONTACT_UPSERTED, Outcome
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from consumer.catalog import AccountSnapshot, ActiveDefinition
    from consumer.domain.model import Event
    from consumer.infra.postgres.connection import Connection
    from consumer.ingest.triage import Batch, Matched

# An event is applied at most an hour before it is dated; a day more costs nothing and forgives clocks.
_CLAIMS_MARGIN = timedelta(days=1)
_CLAIM = queries("batch")["claim"]
_LOCK = queries("batch")["lock_contacts"]
_APPLY = queries("apply")[""]


@dataclass(frozen=True, slots=True)
class Claimed:
    """What became of the matched events of a batch, known by their numbers, which begin at 1.

    others: the outcomes of those that are not applied. conflicting: how many keys came with other contents.
    """

    others: dict[int, Outcome]
    conflicting: int


@dataclass(frozen=True, slots=True)
class Locked:
    """The contacts whose rows this transaction holds, as columns (consumer/infra/postgres/column_params.py).

    numbers, shards: by matched event, null where it is not applied. created: by this transaction.
    """

    numbers: str
    shards: str
    created_accounts: str
    created: str


class Columns:
    """The matched events of a batch as columns that several statements take."""

    def __init__(self, matched: Sequence[Matched]) -> None:
        events = [one.event for one in matched]
        self.matched = matched
        self.events = events
        self.accounts = numbers([one.account.id for one in matched])
        self.keys = b"".join([event.key for event in events])
        self.subjects = texts([event.subject for event in events])
        self.occurred = numbers([event.occurred_us for event in events])


async def claim(
    connection: Connection, batch: Batch, columns: Columns, *, shards: int, claim_window: timedelta
) -> Claimed:
    """Claim the event keys of the matched events and create the contacts of the new ones."""
    upserts = _upserts(batch)
    rows = await connection.fetch(
        _CLAIM,
        columns.accounts,
        columns.keys,
        numbers([event.digest for event in columns.events]),
        columns.subjects,
        columns.occurred,
        numbers([one.partition % shards for one in columns.matched]),
        datetime.now(UTC) - claim_window + _CLAIMS_MARGIN,
        [account for account, _, _ in upserts],
        [subject for _, subject, _ in upserts],
        [partition % shards for _, _, partition in upserts],
    )
    return Claimed(
        {row["ordinal"]: Outcome(row["outcome"]) for row in rows}, sum(row["conflicting"] for row in rows)
    )


async def lock(connection: Connection, batch: Batch, columns: Columns, claimed: Claimed) -> Locked:
    """Lock the contacts of the events that are applied and those upserted, in the order of their numbers."""
    upserts = _upserts(batch)
    row = await fetch_one(
        connection,
        _LOCK,
        columns.accounts,
        columns.subjects,
        list(claimed.others),
        [account for account, _, _ in upserts],
        [subject for _, subject, _ in upserts],
    )
    return Locked(row["numbers"], row["shards"], row["created_accounts"], row["created"])


async def apply(
    connection: Connection, columns: Columns, contacts: Locked, dead_letters: Sequence[tuple[int, int]]
) -> asyncpg.Record:
    """Judge and fold the events whose contacts are locked, and begin the scores of new contacts.

    dead_letters: (id, shard) of those to be told of.

    Returns counts: entries, their verdicts, flipped, reversed, messages.
    """
    events = columns.events
    entries = [
        (ordinal, definition.id, _xp_worth(one.account, one.event, definition))
        for ordinal, one in enumerate(columns.matched, start=1)
        for definition in one.definitions
    ]
    return await fetch_one(
        connection,
        _APPLY,
        contacts.numbers,
        contacts.shards,
        columns.accounts,
        columns.subjects,
        columns.keys,
        columns.occurred,
        truths([event.settled for event in events]),
        truths([one.event.robot and not one.account.count_robots for one in columns.matched]),
        texts([event.type for event in events]),
        texts([event.source for event in events]),
        texts([event.id for event in events]),
        optional_texts([event.object_id for event in events]),
        optional_texts([event.actor_id for event in events]),
        optional_texts([event.actor_type for event in events]),
        texts([event.data for event in events]),
        numbers([ordinal for ordinal, _, _ in entries]),
        numbers([definition for _, definition, _ in entries]),
        numbers([worth for _, _, worth in entries]),
        [dead_letter for dead_letter, _ in dead_letters],
        [shard for _, shard in dead_letters],
        contacts.created_accounts,
        contacts.created,
    )


def _upserts(batch: Batch) -> list[tuple[int, str, int]]:
    """Return (account, contact, partition) of what is told of contacts."""
    return [
        (one.account_id, one.event.subject, partition)
        for one, partition in zip(batch.contact_events, batch.contact_partitions, strict=True)
        if one.event.type == CONTACT_UPSERTED
    ]


def _xp_worth(account: AccountSnapshot, event: Event, definition: ActiveDefinition) -> int:
    """Return what is fixed now, whatever the verdict: XP is for reps of accounts with the Sales module."""
    to_a_rep = account.sales and event.actor_type == "rep" and event.actor_id is not None
    return definition.xp if to_a_rep else 0
