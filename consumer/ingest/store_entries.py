"""Stores entries on the timeline: new ones, and the new verdicts of stored ones that turn over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from consumer.contact_state import timeline_entries
from consumer.contact_state.messages import ChangedEntry
from consumer.contact_state.timeline_entries import Flip
from consumer.domain.verdict_rule import verdict_of
from schemas.timestamps import to_microseconds
from schemas.vocabulary import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from consumer.catalog import AccountSnapshot, ActiveDefinition
    from consumer.domain.dedup_key import StoredEntry
    from consumer.domain.model import Event
    from consumer.infra.postgres.connection import Connection
    from consumer.ingest.lock_contacts import LockedContact

_COLUMNS = (
    "account_id",
    "contact_id",
    "occurred_at",
    "event_key",
    "definition_id",
    "edition",
    "verdict",
    "settled",
    "xp_worth",
    "credit_number",
    "type",
    "source",
    "event_id",
    "object_id",
    "actor_id",
    "actor_type",
    "data",
)


class NewEntry(msgspec.Struct, gc=False):
    """An applied event and a definition that takes it. order: its place in event order (4.2)."""

    account: AccountSnapshot
    contact: LockedContact
    event: Event
    definition: ActiveDefinition
    order: tuple[datetime, bytes]
    xp_worth: int
    verdict: Verdict = Verdict.EXCLUDED


async def store_entries(connection: Connection, entries: Sequence[NewEntry]) -> None:
    """Store new entries with their verdicts."""
    rows = []
    for entry in entries:
        event, definition = entry.event, entry.definition
        credited = entry.xp_worth != 0 and entry.verdict is Verdict.COUNTED
        rows.append(
            (
                entry.account.id,
                entry.contact.id,
                entry.order[0],
                event.key,
                definition.id,
                definition.edition,
                entry.verdict,
                event.settled,
                entry.xp_worth,
                int(credited),
                event.type,
                event.source,
                event.id,
                event.object_id,
                event.actor_id,
                event.actor_type,
                event.data,
            )
        )
    # In the order of the primary key, whose pages are then written one after another; so are keys and ranks.
    rows.sort(key=lambda row: row[:4])
    await connection.copy_records_to_table("timeline", records=rows, columns=_COLUMNS)


async def flip_entries(
    connection: Connection, flipped: Sequence[tuple[NewEntry, StoredEntry]]
) -> list[ChangedEntry]:
    """Write stored entries that turn over; return them as changes. The new entries are of the same keys."""
    written = []
    due = []
    for of_key, stored in flipped:
        verdict = verdict_of(counts=not stored.is_counted, policy=of_key.definition.rule.policy)
        # It may not be: after a rejudgement without XP the parity of the number can match the new verdict already.
        xp_due = stored.xp_worth != 0 and (stored.credit_number % 2 == 1) != (verdict is Verdict.COUNTED)
        due.append(xp_due)
        written.append(
            Flip(
                of_key.account.id,
                of_key.contact.id,
                *stored.order,
                of_key.definition.id,
                verdict,
                stored.edition,
                stored.credit_number + xp_due,
            )
        )
    shown = await timeline_entries.flip(connection, written)
    return [
        ChangedEntry(
            flip.contact_id,
            flip.definition_id,
            of_key.definition.key,
            to_microseconds(flip.occurred_at),
            flip.event_key,
            shown[place]["event_id"],
            shown[place]["source"],
            shown[place]["type"],
            shown[place]["actor_id"],
            flip.verdict,
            -1 if stored.is_counted else 1,
            stored.xp_worth,
            stored.credit_number + 1,
            xp_due,
        )
        for place, (flip, (of_key, stored), xp_due) in enumerate(zip(written, flipped, due, strict=True))
    ]


def counted_entry(entry: NewEntry) -> ChangedEntry:
    """Return a new entry that counts as a change."""
    event = entry.event
    return ChangedEntry(
        entry.contact.id,
        entry.definition.id,
        entry.definition.key,
        event.occurred_us,
        event.key,
        event.id,
        event.source,
        event.type,
        event.actor_id,
        Verdict.COUNTED,
        1,
        entry.xp_worth,
        1,
        entry.xp_worth != 0,
    )
