"""Applies a triaged batch inside the caller's transaction; each step is a module of this package.

claim event keys → lock contacts → check the catalog → contact events → judge → score → dead letters → outbox
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.contact_state.outbox import Outbox
from consumer.ingest.batch import MatchedEvent, RecordOutcome
from consumer.ingest.catalog_check import require_unchanged
from consumer.ingest.claim_events import claim_events
from consumer.ingest.contact_events import record_contact_events
from consumer.ingest.judge_entries import judge_entries
from consumer.ingest.lock_contacts import lock_contacts
from consumer.ingest.score_changes import score_changes
from consumer.ingest.store_dead_letters import store_dead_letters
from consumer.ingest.store_entries import NewEntry
from schemas.vocabulary import CONTACT_UPSERTED, Outcome

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import timedelta

    from consumer.catalog import AccountSnapshot, ActiveDefinition
    from consumer.contact_state.weights import Weights
    from consumer.domain.model import Event
    from consumer.infra.postgres.connection import Connection
    from consumer.ingest.batch import TriagedBatch
    from consumer.ingest.contact_events import ContactEvent
    from consumer.ingest.lock_contacts import LockedContact, Person
    from consumer.ingest.stopwatch import Stopwatch
    from schemas.vocabulary import Verdict

# What fits into contacts.shard, which keeps the slice that a contact was first seen in.
_SLICES = 1 << 15


@dataclass(frozen=True, slots=True)
class AppliedBatch:
    """What the transaction of a batch did, if it is committed.

    results: in the order of the batch. conflicting: event keys that came again with other contents. verdicts: of
    new entries. flipped: stored entries whose verdict turned over; reversed: of these, whose XP was taken back.
    messages: enqueued. has_changed: the catalog has, without a difference to the batch.
    """

    triaged: TriagedBatch
    results: Sequence[RecordOutcome]
    conflicting: int
    verdicts: Counter[Verdict]
    flipped: int
    reversed: int
    messages: int
    has_changed: bool


async def apply_batch(
    connection: Connection,
    batch: TriagedBatch,
    watch: Stopwatch,
    *,
    shards: int,
    weights: Weights,
    claim_window: timedelta,
) -> AppliedBatch:
    """Carry out a triaged batch in the transaction that the caller began, and return what it did.

    weights: of the revision that the batch was matched by. Raises StaleCatalogError if the configuration of one of
    its accounts has changed since.
    """
    with watch.stage("contacts"):
        upserts = [one for one in batch.contact_events if one.event.type == CONTACT_UPSERTED]
        claims = await claim_events(connection, batch.matched, claim_window)
        applied = [one for one in batch.matched if one.ordinal not in claims.not_applied]
        await _read_weights(connection, batch, weights)
        contacts = await lock_contacts(connection, _slices(applied, upserts))
        has_changed = await require_unchanged(connection, batch, weights)
        await record_contact_events(connection, batch.contact_events)
    with watch.stage("apply"):
        outbox = Outbox()
        judged = await judge_entries(connection, list(_entries(applied, contacts)))
        if await weights.mark_counted(connection, {definition for _, definition in judged.tally_steps}):
            await require_unchanged(connection, batch, weights)
        accounts = {one.account.id: one.account.key for one in batch.matched}
        await score_changes(
            connection, judged, contacts.values(), accounts=accounts, weights=weights, outbox=outbox
        )
        for number, shard in await store_dead_letters(connection, batch.dead, shards):
            outbox.add(shard, "dead_letter", str(number))
        await outbox.enqueue(connection)
    results = [
        RecordOutcome(one.record, claims.not_applied.get(one.ordinal, Outcome.APPLIED))
        if isinstance(one, MatchedEvent)
        else one
        for one in batch.results
    ]
    return AppliedBatch(
        batch,
        results,
        claims.conflicting,
        judged.verdicts,
        judged.flipped,
        sum(change.xp_due and change.step < 0 for change in judged.changes),
        len(outbox),
        has_changed,
    )


async def _read_weights(connection: Connection, batch: TriagedBatch, weights: Weights) -> None:
    """Read what weights the batch may need, before the check that they are of its revision."""
    await weights.read_missing(
        connection,
        definitions={definition.id for one in batch.matched for definition in one.definitions},
        accounts={one.account.id for one in batch.matched} | {one.account_id for one in batch.contact_events},
    )


def _slices(applied: Iterable[MatchedEvent], upserts: Iterable[ContactEvent]) -> dict[Person, int]:
    """Return the contacts of applied and of upserting events, with the least slice that each was seen in."""
    slices: dict[Person, int] = {}
    for one in applied:
        person = one.account.id, one.event.subject
        seen = one.record.partition % _SLICES
        slices[person] = min(seen, slices.get(person, seen))
    for upsert in upserts:
        person = upsert.account_id, upsert.event.subject
        seen = upsert.partition % _SLICES
        slices[person] = min(seen, slices.get(person, seen))
    return slices


def _entries(applied: Iterable[MatchedEvent], contacts: Mapping[Person, LockedContact]) -> Iterator[NewEntry]:
    for one in applied:
        contact = contacts[one.account.id, one.event.subject]
        order = one.event.occurred_at, one.event.key
        for definition in one.definitions:
            yield NewEntry(
                one.account,
                contact,
                one.event,
                definition,
                order,
                _xp_worth(one.account, one.event, definition),
            )


def _xp_worth(account: AccountSnapshot, event: Event, definition: ActiveDefinition) -> int:
    """Return the XP fixed now, whatever the verdict: it is for reps of accounts with the Sales module (6.15)."""
    to_a_rep = account.sales and event.actor_type == "rep" and event.actor_id is not None
    return definition.xp if to_a_rep else 0
