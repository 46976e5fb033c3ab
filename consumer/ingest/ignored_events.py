"""Keeps for some days which events reached no timeline, and why: in memory, flushed outside the batches.

So they cost a batch next to nothing, and what an account can cause is bounded: by flush, by contact and in all.
What is in memory is lost by a crash. No payload is kept, and nothing of what a deletion took away (`gone`): that is
what the person asked for.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import TYPE_CHECKING

import msgspec

from consumer.domain.limits import LONGEST_TEXT, MAX_VALUE_BYTES
from consumer.domain.model import DeadLetter, Event
from consumer.domain.readable_subject import readable_subject
from schemas.timestamps import instant
from schemas.vocabulary import Outcome
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from consumer.catalog import CatalogSnapshot
    from consumer.domain.model import Record
    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.ingest.batch import DecodedRecord, RecordOutcome

# Kept of one contact; the newest.
MOST_OF_CONTACT = 20
# Kept of one account, and how many more there may be before the oldest go.
MOST_OF_ACCOUNT = 10_000
_BEFORE_TRIMMED = 500
# Events of one account, and of all, between two flushes: a second. An account whose events are all ignored writes
# that much, however many it has. Measured: at 8,000 a second it costs Postgres a fifth more than without.
_EVENTS_OF_ACCOUNT = 100
_EVENTS = 1_000
_OUTCOMES = frozenset({Outcome.UNMATCHED, Outcome.DISABLED, Outcome.EXPIRED, Outcome.DEAD})
_SQL = queries("ignored_events")


class IgnoredEvent(msgspec.Struct, frozen=True, gc=False):
    """An event without effect. dated_at: when it occurred.

    type, source, id: None of a dead one, which alone has the last three.
    """

    outcome: Outcome
    dated_at: datetime
    received_at: datetime
    type: str | None = None
    source: str | None = None
    id: str | None = None
    reason: str | None = None
    detail: str | None = None
    dead_letter: int | None = None


class IgnoredEvents:
    """Events without effect since the last flush, by account and contact: the newest of each."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_account: dict[int, dict[str, deque[IgnoredEvent]]] = {}
        self._noted: Counter[int] = Counter()
        self._noted_in_all = 0
        # By account: stored by this process since it last deleted the oldest.
        self._stored: Counter[int] = Counter()
        self._flushing = asyncio.Lock()

    def note(
        self,
        records: Sequence[DecodedRecord],
        results: Sequence[RecordOutcome],
        catalog: CatalogSnapshot,
        dead_letters: Iterable[int],
    ) -> None:
        """Note those of a committed batch. dead_letters: their numbers, in the order of the batch."""
        numbers = iter(dead_letters)
        now = None
        for decoded, result in zip(records, results, strict=True):
            outcome = result.outcome
            if outcome not in _OUTCOMES:
                continue
            now = now or self._clock.now()
            content = decoded.content
            if isinstance(content, Event):
                events = self._room(catalog, content.account, content.subject)
                if events is not None:
                    events.append(
                        IgnoredEvent(
                            outcome, content.occurred_at, now, content.type, content.source, content.id
                        )
                    )
            elif isinstance(content, DeadLetter):
                self._note_dead(decoded.record, content, next(numbers), catalog, now)

    def _note_dead(
        self, record: Record, letter: DeadLetter, number: int, catalog: CatalogSnapshot, now: datetime
    ) -> None:
        value = record.value
        # A value over the limit is not read.
        if letter.account is None or self._is_full(catalog, letter.account) or _is_too_large(value):
            return
        subject = readable_subject(record.headers, value)
        if not subject or len(subject) > LONGEST_TEXT or "\0" in subject:
            return
        events = self._room(catalog, letter.account, subject)
        if events is not None:
            dated_at = _dated_at(record, now)
            detail = letter.detail.replace("\0", "\ufffd")
            events.append(
                IgnoredEvent(
                    Outcome.DEAD, dated_at, now, reason=letter.reason.value, detail=detail, dead_letter=number
                )
            )

    def _is_full(self, catalog: CatalogSnapshot, account: str) -> bool:
        known = catalog.accounts.get(account)
        return known is None or self._noted[known.id] >= _EVENTS_OF_ACCOUNT

    def _room(self, catalog: CatalogSnapshot, account: str, contact: str) -> deque[IgnoredEvent] | None:
        """Return the events of a contact, with room for one more; None: there is none, or no such account.

        Where an account has as many as it may, a newer one takes the place of the contact's oldest.
        """
        known = catalog.accounts.get(account)
        if known is None:
            return None
        contacts = self._by_account.setdefault(known.id, {})
        events = contacts.get(contact)
        if events is not None and len(events) == MOST_OF_CONTACT:
            return events
        if self._noted[known.id] >= _EVENTS_OF_ACCOUNT or self._noted_in_all >= _EVENTS:
            if events:
                events.popleft()
            return events
        self._noted[known.id] += 1
        self._noted_in_all += 1
        return contacts.setdefault(contact, deque(maxlen=MOST_OF_CONTACT))

    async def flush(self, connection: Connection) -> None:
        """Store what was noted; raises what asyncpg raises, and then it may be lost."""
        async with self._flushing:
            noted, self._by_account = self._by_account, {}
            self._noted.clear()
            self._noted_in_all = 0
            rows = [
                (account, contact, event)
                for account, contacts in noted.items()
                for contact, events in contacts.items()
                for event in events
            ]
            if not rows:
                return
            await connection.execute(
                _SQL["store"],
                [account for account, _, _ in rows],
                [contact for _, contact, _ in rows],
                [event.outcome.value for _, _, event in rows],
                [event.type for _, _, event in rows],
                [event.source for _, _, event in rows],
                [event.id for _, _, event in rows],
                [event.dated_at for _, _, event in rows],
                [event.received_at for _, _, event in rows],
                [event.reason for _, _, event in rows],
                [event.detail for _, _, event in rows],
                [event.dead_letter for _, _, event in rows],
            )
            people = sorted({(account, contact) for account, contact, _ in rows})
            await connection.execute(
                _SQL["trim_contacts"], *map(list, zip(*people, strict=True)), MOST_OF_CONTACT
            )
            await self._trim_accounts(connection, Counter(account for account, _, _ in rows))

    async def _trim_accounts(self, connection: Connection, stored: Counter[int]) -> None:
        """Delete the oldest of accounts, each at its first flush and then after some hundred more."""
        for account, number in stored.items():
            is_first = account not in self._stored
            self._stored[account] += number
            if is_first or self._stored[account] >= _BEFORE_TRIMMED:
                self._stored[account] = 0
                await connection.execute(_SQL["trim_account"], account, MOST_OF_ACCOUNT)


def _dated_at(record: Record, now: datetime) -> datetime:
    """Return when a record is dated; one that cannot be right is dated now."""
    try:
        return now if record.timestamp is None else instant(record.timestamp * 1000)
    except OverflowError:
        return now


def _is_too_large(value: bytes | None) -> bool:
    return value is not None and len(value) > MAX_VALUE_BYTES
