"""Applies a triaged batch inside the caller's transaction; each step is a module of this package.

claim event keys → lock contacts → check the catalog → contact events → judge → score → dead letters → outbox
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.contact_state.outbox import Outbox
from consumer.ingest.batch import MatchedEvent, RecordOutcome, UntakenEvent
from consumer.ingest.catalog_check import require_unchanged
from consumer.ingest.claim_events import claim_events, claim_others
from consumer.ingest.contact_events import record_contact_events
from consumer.ingest.gone_events import GoneEvents
from consumer.ingest.judge_entries import judge_entries
from consumer.ingest.lock_contacts import claim_and_lock, keep_erased, revive, use_erased
from consumer.ingest.score_changes import score_changes
from consumer.ingest.store_dead_letters import store_dead_letters
from consumer.ingest.store_entries import NewEntry
from schemas.vocabulary import CONTACT_DELETED, CONTACT_UPSERTED, Outcome

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import timedelta

    from consumer.catalog import AccountSnapshot, ActiveDefinition
    from consumer.contact_state.weights import Weights
    from consumer.domain.model import Event
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.postgres.writes import Writes
    from consumer.ingest.batch import TriagedBatch
    from consumer.ingest.claim_events import Claims
    from consumer.ingest.contact_events import ContactEvent
    from consumer.ingest.fence import KnownClaims
    from consumer.ingest.lock_contacts import LockedContact, LockedId, Person
    from consumer.ingest.stopwatch import Stopwatch
    from schemas.vocabulary import Verdict


@dataclass(frozen=True, slots=True)
class Origin:
    """Where events come from. cause: of their messages. with_xp: whether reps earn XP by them (6.15, 9.10)."""

    cause: str
    with_xp: bool = True


LIVE = Origin("events")

# What fits into contacts.shard, which keeps the slice that a contact was first seen in.
_SLICES = 1 << 15


@dataclass(frozen=True, slots=True)
class AppliedBatch:
    """What the transaction of a batch did, if it is committed.

    results: in the order of the batch. unmatched: what the inbox has to count. conflicting: event keys that came
    again with other contents. dead_letters: their numbers, in the order of the batch. verdicts: of new entries.
    flipped: stored entries whose verdict turned over; reversed: of these, whose XP was taken back. messages:
    enqueued. has_changed: the catalog has, without a difference to the batch.
    """

    triaged: TriagedBatch
    results: Sequence[RecordOutcome]
    unmatched: Sequence[UntakenEvent]
    conflicting: int
    dead_letters: Sequence[int]
    verdicts: Counter[Verdict]
    flipped: int
    reversed: int
    messages: int
    has_changed: bool


async def apply_batch(
    connection: Connection,
    writes: Writes,
    batch: TriagedBatch,
    known: KnownClaims,
    watch: Stopwatch,
    *,
    shards: int,
    salt: bytes,
    may_erase: bool,
    weights: Weights,
    claim_window: timedelta,
    origin: Origin = LIVE,
) -> AppliedBatch:
    """Carry out a triaged batch in the transaction that the caller began, and return what it did.

    writes: what changes rows without an answer; the caller ends them. known: what the fence found. weights: of the
    revision that the batch was matched by. may_erase: whether contacts without ids may be created. Raises
    StaleCatalogError if the configuration of one of its accounts has changed since.
    """
    with watch.stage("contacts"):
        locked = await _claim_and_lock(connection, batch, known, claim_window, salt=salt, weights=weights)
        applied = _applied(batch, locked.claims)
        contacts = await _record_contacts(connection, batch, applied, gone=locked.gone, ids=locked.ids)
        if may_erase:
            await keep_erased(connection, _unseen(locked.ids, contacts, batch.contact_events), salt)
    with watch.stage("apply"):
        outbox = Outbox()
        entries = list(_entries(applied, locked.ids, with_xp=origin.with_xp))
        judged = await judge_entries(connection, writes, entries)
        if await weights.mark_counted(connection, {definition for _, definition in judged.tally_steps}):
            await require_unchanged(connection, batch, weights)
        accounts = {one.account.id: one.account.key for one in batch.matched}
        await score_changes(
            *(connection, writes, judged, contacts),
            accounts=accounts,
            weights=weights,
            outbox=outbox,
            cause=origin.cause,
        )
        dead_letters = await store_dead_letters(connection, batch.dead, shards)
        for number, shard in dead_letters:
            outbox.add(shard, "dead_letter", str(number))
        await outbox.enqueue(writes)
    results = [
        one if isinstance(one, RecordOutcome) else RecordOutcome(one.record, _outcome(one, locked))
        for one in batch.results
    ]
    return AppliedBatch(
        batch,
        results,
        [one for one in batch.untaken if one.outcome is Outcome.UNMATCHED and not locked.gone.has(one)],
        locked.claims.conflicting,
        [number for number, _ in dead_letters],
        judged.verdicts,
        judged.flipped,
        sum(change.xp_due and change.step < 0 for change in judged.changes),
        len(outbox),
        locked.has_changed,
    )


async def _read_weights(connection: Connection, batch: TriagedBatch, weights: Weights) -> None:
    """Read what weights the batch may need, before the check that they are of its revision."""
    await weights.read_missing(
        connection,
        definitions={definition.id for one in batch.matched for definition in one.definitions},
        accounts={one.account.id for one in batch.matched} | {one.account_id for one in batch.contact_events},
    )


@dataclass(frozen=True, slots=True)
class _LockedBatch:
    """Whose keys are claimed, and what the contacts' rows say. has_changed: see AppliedBatch."""

    claims: Claims
    ids: Mapping[Person, LockedId]
    gone: GoneEvents
    has_changed: bool


async def _claim_and_lock(
    connection: Connection,
    batch: TriagedBatch,
    known: KnownClaims,
    claim_window: timedelta,
    *,
    salt: bytes,
    weights: Weights,
) -> _LockedBatch:
    """Claim the keys of new events and lock their contacts, which say what of them is gone.

    What is gone gives its claim back. Another event with its key may take that, and need a contact of its own.
    """
    claims = await claim_events(connection, batch.matched, known, claim_window)
    await _read_weights(connection, batch, weights)
    ids: dict[Person, LockedId] = {}
    taken_back: set[int] = set()
    while True:
        people = _slices(_applied(batch, claims), batch.contact_events)
        for person in ids.keys() & people.keys():
            del people[person]
        locked, created = await claim_and_lock(connection, claims.new, people)
        check = await require_unchanged(connection, batch, weights, created=created, salt=salt)
        if check.erased:
            await use_erased(connection, created, check.erased, locked)
            check = await require_unchanged(connection, batch, weights)
        ids |= locked
        gone = GoneEvents(ids, batch.contact_events)
        if check.has_deletions:
            await gone.read_others(connection, batch, salt)
        now_gone = {one.ordinal for one in batch.matched if gone.has(one)}
        if now_gone <= taken_back:
            return _LockedBatch(claims, ids, gone, check.has_changed)
        taken_back |= now_gone
        claims = await claim_others(connection, claims, batch.matched, taken_back, claim_window)


def _applied(batch: TriagedBatch, claims: Claims) -> list[MatchedEvent]:
    return [one for one in batch.matched if one.ordinal not in claims.not_applied]


def _outcome(event: MatchedEvent | UntakenEvent, locked: _LockedBatch) -> Outcome:
    if isinstance(event, MatchedEvent):
        return locked.claims.not_applied.get(event.ordinal, Outcome.APPLIED)
    return Outcome.GONE if locked.gone.has(event) else event.outcome


def _slices(applied: Iterable[MatchedEvent], events: Iterable[ContactEvent]) -> dict[Person, int]:
    """Return the ids of applied events and of contact events, with the least slice that each was seen in."""
    slices: dict[Person, int] = {}

    def note(person: Person, partition: int) -> None:
        seen = partition % _SLICES
        slices[person] = min(seen, slices.get(person, seen))

    for one in applied:
        note((one.account.id, one.event.subject), one.record.partition)
    for event in events:
        into = event.joined_into
        if event.event.type in (CONTACT_UPSERTED, CONTACT_DELETED) or into is not None:
            note(event.person, event.partition)
        if into is not None:
            note(into, event.partition)
    return slices


async def _record_contacts(
    connection: Connection,
    batch: TriagedBatch,
    applied: Iterable[MatchedEvent],
    *,
    gone: GoneEvents,
    ids: Mapping[Person, LockedId],
) -> Sequence[LockedContact]:
    """Store what the batch says about contacts, and return those of them that are seen."""
    upserts = [
        one
        for one in batch.contact_events
        if one.event.type == CONTACT_UPSERTED and not gone.took(one.person, one.event)
    ]
    seen: set[Person] = {(one.account.id, one.event.subject) for one in applied}
    # Of an erased contact nothing is left by an event that says nothing of it either.
    seen.update(one.person for one in upserts if not ids[one.person].is_erased or one.fields)
    joined = {
        person
        for one in batch.contact_events
        if (into := one.joined_into) is not None
        for person in (one.person, into)
    }
    # Both contacts of a join are created; of one that was deleted nothing is seen.
    seen.update(person for person in joined if not ids[person].is_erased)
    if again := [one for person, one in ids.items() if one.is_erased and person in seen]:
        await revive(connection, again)
    await record_contact_events(connection, upserts, batch.contact_events, ids)
    return list({one.contact.id: one.contact for person, one in ids.items() if person in seen}.values())


def _unseen(
    ids: Mapping[Person, LockedId], seen: Iterable[LockedContact], events: Iterable[ContactEvent]
) -> list[LockedId]:
    """Return the new ids of which nothing but a deletion has come."""
    deleted = {one.person for one in events if one.event.type == CONTACT_DELETED}
    numbers = {contact.id for contact in seen}
    return [
        one
        for person, one in ids.items()
        if person in deleted and one.contact.is_new and not one.is_erased and one.number not in numbers
    ]


def _entries(
    applied: Iterable[MatchedEvent], ids: Mapping[Person, LockedId], *, with_xp: bool
) -> Iterator[NewEntry]:
    for one in applied:
        locked = ids[one.account.id, one.event.subject]
        order = one.event.occurred_at, one.event.key
        for definition in one.definitions:
            yield NewEntry(
                one.account,
                locked.contact,
                locked.came_by,
                one.event,
                definition,
                order,
                _xp_worth(one.account, one.event, definition) if with_xp else 0,
            )


def _xp_worth(account: AccountSnapshot, event: Event, definition: ActiveDefinition) -> int:
    """Return the XP fixed now, whatever the verdict: it is for reps of accounts with the Sales module (6.15)."""
    to_a_rep = account.sales and event.actor_type == "rep" and event.actor_id is not None
    return definition.xp if to_a_rep else 0
