"""Decides the outcomes that need only the record and the catalog, in the order of semantics §2. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.catalog import match
from consumer.domain.model import DeadLetter, Tombstone
from consumer.ingest.batch import MatchedEvent, RecordOutcome, TriagedBatch, UntakenEvent
from consumer.ingest.batch_size import MOST_DATA, MOST_ENTRIES
from consumer.ingest.contact_events import ContactEvent
from schemas.vocabulary import CONTACT_TYPES, IDENTIFY_TYPES, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.catalog import CatalogSnapshot
    from consumer.domain.model import Record
    from consumer.ingest.batch import DecodedRecord


def triage(records: Iterable[DecodedRecord], catalog: CatalogSnapshot) -> TriagedBatch:
    """Give each record its outcome by this catalog, or match its event with the definitions that take it.

    Takes the first records, at least one, that stay within MOST_ENTRIES and MOST_DATA.
    """
    entries = carried = 0
    results: list[RecordOutcome | MatchedEvent | UntakenEvent] = []
    matched: list[MatchedEvent] = []
    dead: list[tuple[Record, DeadLetter]] = []
    untaken: list[UntakenEvent] = []
    contact_events: list[ContactEvent] = []
    accounts: set[str] = set()
    for decoded in records:
        record, content = decoded.record, decoded.content
        if isinstance(content, DeadLetter):
            dead.append((record, content))
            results.append(RecordOutcome(record, Outcome.DEAD, content))
            continue
        if isinstance(content, Tombstone):
            results.append(RecordOutcome(record, Outcome.TOMBSTONE))
            continue
        accounts.add(content.account)
        account = catalog.accounts.get(content.account)
        if account is None:
            results.append(RecordOutcome(record, Outcome.UNKNOWN_ACCOUNT))
            continue
        if not account.engagement:
            results.append(RecordOutcome(record, Outcome.DISABLED))
            continue
        definitions = match(account, content)
        entries += len(definitions)
        carried += len(definitions) * len(content.data)
        if results and (entries > MOST_ENTRIES or carried > MOST_DATA):
            break
        is_contact_event = content.type in CONTACT_TYPES
        if is_contact_event or content.type in IDENTIFY_TYPES:
            contact_events.append(ContactEvent(account.id, content, record.partition))
        event: MatchedEvent | UntakenEvent
        if definitions:
            event = MatchedEvent(len(matched) + 1, record, account, content, definitions)
            matched.append(event)
        else:
            outcome = Outcome.CONTACT if is_contact_event else Outcome.UNMATCHED
            event = UntakenEvent(record, account, content, outcome)
            untaken.append(event)
        results.append(event)
    return TriagedBatch(results, matched, dead, untaken, contact_events, accounts, catalog)
