"""Applies the events of a backfill contact by contact, in small batches with pauses, and reports their outcomes."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import TYPE_CHECKING, Final

from consumer.domain.model import DeadLetter, Event
from consumer.infra.clock import SystemClock
from consumer.ingest.apply import Origin
from consumer.ingest.batch import DecodedRecord
from consumer.ingest.outside_lanes import OutsideLanes
from schemas.vocabulary import Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
    from datetime import timedelta

    from consumer.domain.model import Record
    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.ingest.backfill.sorted_events import SortedEvents
    from consumer.ingest.batch import RecordOutcome

# Events in a batch, and of a contact that has more: live batches wait for what a batch takes.
MOST_EVENTS: Final = 50
MOST_OF_CONTACT: Final = 250
# The pause after a batch, by the time that it took: what workers do beside it keeps its share.
PAUSE: Final = 3.0


@dataclass(slots=True)
class BackfillReport:
    """What became of the events of a backfill. unmatched: by type. refused: events that the database refused."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    unmatched: Counter[str] = field(default_factory=Counter)
    refused: list[RecordOutcome] = field(default_factory=list)

    @property
    def events(self) -> int:
        """How many there are."""
        return self.outcomes.total()

    def add(self, events: Sequence[DecodedRecord], outcomes: Sequence[RecordOutcome]) -> None:
        """Count the outcomes of some events."""
        for (outcome, kind), number in count_outcomes(events, outcomes).items():
            self.outcomes[outcome] += number
            if kind:
                self.unmatched[kind] += number
        self.refused += [one for one in outcomes if isinstance(one.fault, DeadLetter)]


def count_outcomes(
    events: Sequence[DecodedRecord], outcomes: Sequence[RecordOutcome]
) -> Counter[tuple[Outcome, str]]:
    """Return how many of the events had which outcome: unmatched ones by type, others under the type ''."""
    counted: Counter[tuple[Outcome, str]] = Counter()
    for decoded, one in zip(events, outcomes, strict=True):
        content = decoded.content
        is_unmatched = one.outcome is Outcome.UNMATCHED and isinstance(content, Event)
        counted[one.outcome, content.type if is_unmatched else ""] += 1  # type: ignore[union-attr]
    return counted


class Backfill:
    """Takes events to commits over one connection at a time.

    with_xp: whether reps earn XP. pause: after each batch, by the time that it took; 0: none. ready: awaited before
    each batch.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        *,
        claim_window: timedelta,
        with_xp: bool = True,
        pause: float = PAUSE,
        ready: Callable[[], Awaitable[None]] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._outside = OutsideLanes(connect, claim_window=claim_window, origin=Origin("backfill", with_xp))
        self._pause = pause
        self._ready = ready
        self._clock = clock or SystemClock()

    def close(self) -> None:
        """Drop the connection; what is not committed has not happened."""
        self._outside.close()

    async def run(self, events: SortedEvents) -> AsyncIterator[BackfillReport]:
        """Apply the events; yield what has become of them so far after each batch.

        Raises errors that last longer than about half a minute; what was yielded until then is committed.
        """
        report = BackfillReport()
        for batch in batches(events):
            if self._ready is not None:
                await self._ready()
            began = self._clock.monotonic()
            report.add(batch, await self._outside.apply(batch))
            yield report
            await asyncio.sleep((self._clock.monotonic() - began) * self._pause)


def batches(events: Iterable[tuple[Event, Record]]) -> Iterator[list[DecodedRecord]]:
    """Put events, sorted by contact, into batches: those of a contact into one, as far as it may have them."""
    batch: list[DecodedRecord] = []
    for _, of_contact in groupby(events, key=lambda one: (one[0].account, one[0].subject)):
        while some := [DecodedRecord(record, event) for event, record in islice(of_contact, MOST_OF_CONTACT)]:
            if batch and len(batch) + len(some) > MOST_EVENTS:
                yield batch
                batch = []
            batch += some
    if batch:
        yield batch
