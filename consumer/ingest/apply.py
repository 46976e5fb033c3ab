"""Applies a triaged batch inside the caller's transaction: claim, lock, store dead letters, judge and score.

The verdicts are decided by sql/queries/apply.sql; here a batch is laid out as its parameters, in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from consumer.infra.postgres.column_params import numbers, optional_texts, texts, truths
from consumer.infra.postgres.connection import fetch_one
from consumer.ingest.batch import MatchedEvent, RecordOutcome
from consumer.ingest.contact_events import record_contact_events
from consumer.ingest.store_dead_letters import store_dead_letters
from schemas.vocabulary import CONTACT_UPSERTED, Outcome
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

    from consumer.catalog import AccountSnapshot, ActiveDefinition
    from consumer.domain.model import Event
    from consumer.infra.postgres.connection import Connection
    from consumer.ingest.batch import TriagedBatch
    from consumer.ingest.contact_events import ContactEvent
    from consumer.ingest.stopwatch import Stopwatch

# An event is applied at most an hour before the time it is dated; a day more costs nothing and allows for clocks.
_CLAIMS_MARGIN = timedelta(days=1)
# What fits into contacts.shard, which keeps the slice that a contact was first seen in.
_SLICES = 1 << 15
_CLAIM = queries("batch")["claim"]
_LOCK = queries("batch")["lock_contacts"]
_APPLY = queries("apply")[""]


@dataclass(frozen=True, slots=True)
class AppliedBatch:
    """What the transaction of a batch did, if it is committed.

    results: in the order of the batch. conflicting: event keys that came again with other contents. counts: the row
    that apply.sql returned.
    """

    triaged: TriagedBatch
    results: Sequence[RecordOutcome]
    conflicting: int
    counts: Mapping[str, int]


async def apply_batch(
    connection: Connection, batch: TriagedBatch, watch: Stopwatch, *, shards: int, claim_window: timedelta
) -> AppliedBatch:
    """Carry out a triaged batch in the transaction that the caller began, and return what it did.

    The caller holds the revision lock and has compared the catalog's revision.
    """
    with watch.stage("contacts"):
        upserts = [one for one in batch.contact_events if one.event.type == CONTACT_UPSERTED]
        columns = _Columns(batch.matched)
        claims = await _claim_events(connection, columns, upserts, claim_window)
        if len(claims.not_applied) == len(batch.matched):
            # No event is applied: the statements that follow have little to take apart.
            columns = _Columns([])
        contacts = await _lock_contacts(connection, columns, upserts, claims)
        await record_contact_events(connection, batch.contact_events)
    with watch.stage("apply"):
        letters = await store_dead_letters(connection, batch.dead, shards)
        counts = await _judge_and_score(connection, columns, contacts, letters)
    results = [
        RecordOutcome(one.record, claims.not_applied.get(one.ordinal, Outcome.APPLIED))
        if isinstance(one, MatchedEvent)
        else one
        for one in batch.results
    ]
    return AppliedBatch(batch, results, claims.conflicting, dict(counts))


@dataclass(frozen=True, slots=True)
class _Claims:
    """not_applied: the outcomes of the matched events that are not applied, by ordinal."""

    not_applied: Mapping[int, Outcome]
    conflicting: int


@dataclass(frozen=True, slots=True)
class _LockedContacts:
    """The contacts whose rows this transaction holds, as columns (infra/postgres/column_params.py).

    numbers, shards: by matched event, null where it is not applied. created: by this transaction.
    """

    numbers: str
    shards: str
    created_accounts: str
    created: str


class _Columns:
    """The matched events of a batch as columns that several statements take."""

    def __init__(self, matched: Sequence[MatchedEvent]) -> None:
        events = [one.event for one in matched]
        self.matched = matched
        self.events = events
        self.accounts = numbers([one.account.id for one in matched])
        self.keys = b"".join([event.key for event in events])
        self.subjects = texts([event.subject for event in events])
        self.occurred = numbers([event.occurred_us for event in events])


async def _claim_events(
    connection: Connection,
    columns: _Columns,
    upserts: Sequence[ContactEvent],
    claim_window: timedelta,
) -> _Claims:
    """Claim the event keys of the matched events, and create the contacts of new and upserting ones."""
    rows = await connection.fetch(
        _CLAIM,
        columns.accounts,
        columns.keys,
        numbers([event.digest for event in columns.events]),
        columns.subjects,
        columns.occurred,
        numbers([one.record.partition % _SLICES for one in columns.matched]),
        datetime.now(UTC) - claim_window + _CLAIMS_MARGIN,
        [one.account_id for one in upserts],
        [one.event.subject for one in upserts],
        [one.partition % _SLICES for one in upserts],
    )
    return _Claims(
        {row["ordinal"]: Outcome(row["outcome"]) for row in rows}, sum(row["conflicting"] for row in rows)
    )


async def _lock_contacts(
    connection: Connection, columns: _Columns, upserts: Sequence[ContactEvent], claims: _Claims
) -> _LockedContacts:
    """Lock the contacts of applied and of upserting events, in the order of their numbers."""
    row = await fetch_one(
        connection,
        _LOCK,
        columns.accounts,
        columns.subjects,
        list(claims.not_applied),
        [one.account_id for one in upserts],
        [one.event.subject for one in upserts],
    )
    return _LockedContacts(row["numbers"], row["shards"], row["created_accounts"], row["created"])


async def _judge_and_score(
    connection: Connection,
    columns: _Columns,
    contacts: _LockedContacts,
    dead_letters: Sequence[tuple[int, int]],
) -> asyncpg.Record:
    """Judge the events whose contacts are locked, and write timeline, tallies, gates, scores and messages.

    dead_letters: (id, shard) of those to be published.

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


def _xp_worth(account: AccountSnapshot, event: Event, definition: ActiveDefinition) -> int:
    """Return the XP fixed now, whatever the verdict: it is for reps of accounts with the Sales module."""
    to_a_rep = account.sales and event.actor_type == "rep" and event.actor_id is not None
    return definition.xp if to_a_rep else 0
