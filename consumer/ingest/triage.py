"""Sorts the records of a batch out by what can be known of them without the database.

Owns the outcomes that need only the record and the catalog (semantics §2). Pure: never reads or writes anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from consumer.catalog import match
from consumer.domain.model import DeadLetter, Event, Record
from consumer.ingest.contact_events import ContactEvent
from schemas.names import CONTACT_TYPES, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from consumer.catalog import AccountSnapshot, ActiveDefinition, CatalogSnapshot
    from consumer.lanes.positions import Lane, LaneKey


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """A record and what it turned out to be."""

    record: Record
    content: Event | DeadLetter

    @property
    def lane(self) -> LaneKey:
        """The lane that it stands on."""
        return self.record.topic, self.record.partition


class Matched(msgspec.Struct, frozen=True, gc=False):
    """An event that definitions take. index: its place in the batch."""

    index: int
    account: AccountSnapshot
    event: Event
    definitions: tuple[ActiveDefinition, ...]
    partition: int


@dataclass(slots=True)
class Batch:
    """Records of one batch, sorted out.

    records: in lane order. outcomes: by record, None where the database decides. lanes: the lanes of the
    batch as they stand behind it.
    """

    records: list[Decoded]
    lanes: dict[LaneKey, Lane]
    outcomes: list[Outcome | None] = field(default_factory=list)
    dead: list[tuple[Record, DeadLetter]] = field(default_factory=list)
    matched: list[Matched] = field(default_factory=list)
    unmatched: list[tuple[AccountSnapshot, Event]] = field(default_factory=list)
    contact_events: list[ContactEvent] = field(default_factory=list)
    # The partition by which an upserted contact was seen, in step with contact_events.
    contact_partitions: list[int] = field(default_factory=list)


def due(records: Iterable[Decoded], lanes: Mapping[LaneKey, Lane]) -> Batch:
    """Keep the records that their lanes still wait for, up to where a lane stops for its dead ones."""
    walks: dict[LaneKey, _Walk] = {}
    kept: list[Decoded] = []
    for decoded in records:
        record = decoded.record
        key = decoded.lane
        walk = walks.get(key)
        if walk is None:
            lane = lanes.get(key)
            if lane is None:
                continue
            walk = walks[key] = _Walk(lane, lane.next_offset)
        if record.offset < walk.next_offset or walk.lane.stopped:
            continue
        kept.append(decoded)
        walk.next_offset = record.offset + 1
        walk.last = record
        walk.records += 1
        walk.events += 1
        if isinstance(decoded.content, DeadLetter):
            walk.lane = walk.lane.advanced(walk.events - 1, record, dead=decoded.content)
            walk.last, walk.events = None, 0
    # A record that its lane has behind it moves nothing.
    return Batch(kept, {key: walk.behind() for key, walk in walks.items() if walk.records})


@dataclass(slots=True)
class _Walk:
    """A lane on its way through a batch.

    records: taken from it. events: those since it was last brought up to date. last: the last of these.
    """

    lane: Lane
    next_offset: int
    last: Record | None = None
    records: int = 0
    events: int = 0

    def behind(self) -> Lane:
        """Return the lane behind all that was taken."""
        return self.lane if self.last is None else self.lane.advanced(self.events, self.last)


def sort_out(batch: Batch, catalog: CatalogSnapshot) -> None:
    """Fill in what each record of the batch is by this catalog."""
    batch.outcomes = [None] * len(batch.records)
    batch.dead, batch.matched, batch.unmatched = [], [], []
    batch.contact_events, batch.contact_partitions = [], []
    for index, decoded in enumerate(batch.records):
        content = decoded.content
        if isinstance(content, DeadLetter):
            batch.dead.append((decoded.record, content))
            batch.outcomes[index] = Outcome.DEAD
            continue
        account = catalog.accounts.get(content.account)
        if account is None:
            batch.outcomes[index] = Outcome.UNKNOWN_ACCOUNT
        elif not account.engagement:
            batch.outcomes[index] = Outcome.DISABLED
        else:
            batch.outcomes[index] = _event(batch, index, account, content)


def _event(batch: Batch, index: int, account: AccountSnapshot, event: Event) -> Outcome | None:
    partition = batch.records[index].record.partition
    definitions = match(account, event)
    if event.type in CONTACT_TYPES:
        batch.contact_events.append(ContactEvent(account.id, event))
        batch.contact_partitions.append(partition)
        if not definitions:
            return Outcome.CONTACT
    if not definitions:
        batch.unmatched.append((account, event))
        return Outcome.UNMATCHED
    batch.matched.append(Matched(index, account, event, definitions, partition))
    return None
