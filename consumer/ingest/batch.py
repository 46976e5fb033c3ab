"""What a batch is, step by step: decoded records, those still due, triaged ones, and what became of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from consumer.catalog import AccountSnapshot, ActiveDefinition, CatalogSnapshot
    from consumer.domain.model import DeadLetter, Event, Record, Tombstone
    from consumer.ingest.contact_events import ContactEvent
    from consumer.lanes.positions import Lane, LaneKey
    from schemas.vocabulary import DeadLetterReason, Outcome


class DecodedRecord(msgspec.Struct, frozen=True, gc=False):
    """A record, and the event or tombstone it is, or the reason why it is neither."""

    record: Record
    content: Event | Tombstone | DeadLetter

    @property
    def lane(self) -> LaneKey:
        """The lane it was read from."""
        return self.record.topic, self.record.partition


class RecordOutcome(msgspec.Struct, frozen=True, gc=False):
    """A record and its outcome. fault: why it is dead, None for every other outcome."""

    record: Record
    outcome: Outcome
    fault: DeadLetter | None = None

    @property
    def reason(self) -> DeadLetterReason | None:
        """The reason of a dead record."""
        return self.fault.reason if self.fault else None


class MatchedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event that definitions take: the database decides its outcome.

    ordinal: its number among the matched events of the batch, from 1 on; the statements know it by that.
    """

    ordinal: int
    record: Record
    account: AccountSnapshot
    event: Event
    definitions: tuple[ActiveDefinition, ...]


class UntakenEvent(msgspec.Struct, frozen=True, gc=False):
    """An event that no definition takes. outcome: what becomes of it unless it is gone."""

    record: Record
    account: AccountSnapshot
    event: Event
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class DueBatch:
    """Decoded records that their lanes have not processed yet, and the lanes as they are after the batch."""

    records: Sequence[DecodedRecord]
    lanes: Mapping[LaneKey, Lane]


@dataclass(frozen=True, slots=True)
class TriagedBatch:
    """The records of a batch, each with its outcome or as an event, in the order of the batch.

    The other members hold some of them again, for the statement that needs them. accounts: keys of all that the
    events name, known or not. catalog: that they were matched by.
    """

    results: Sequence[RecordOutcome | MatchedEvent | UntakenEvent]
    matched: Sequence[MatchedEvent]
    dead: Sequence[tuple[Record, DeadLetter]]
    untaken: Sequence[UntakenEvent]
    contact_events: Sequence[ContactEvent]
    accounts: AbstractSet[str]
    catalog: CatalogSnapshot
