"""Stores entries on the timeline: new ones, and the new verdicts of stored ones that turn over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from consumer.contact_state import timeline_entries
from consumer.contact_state.messages import ChangedEntry, xp_differs
from consumer.contact_state.timeline_entries import Flip
from consumer.domain.verdict_rule import verdict_of
from schemas.vocabulary import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from consumer.catalog import AccountSnapshot, ActiveDefinition
    from consumer.domain.dedup_key import StoredEntry
    from consumer.domain.model import Event
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.postgres.writes import Writes
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
    "came_by",
)


class NewEntry(msgspec.Struct, gc=False):
    """An applied event and a definition that takes it. order: its place in event order (4.2).

    came_by: the number of the id that it came by, None where that is the contact's own.
    """

    account: AccountSnapshot
    contact: LockedContact
    came_by: int | None
    event: Event
    definition: ActiveDefinition
    order: tuple[datetime, bytes]
    xp_worth: int
    verdict: Verdict = Verdict.EXCLUDED


async def store_entries(writes: Writes, entries: Sequence[NewEntry]) -> None:
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
                entry.came_by,
            )
        )
    # In the order of the primary key, whose pages are then written one after another; so are keys and ranks.
    rows.sort(key=lambda row: row[:4])
    await writes.copy("timeline", rows, _COLUMNS)


async def flip_entries(
    connection: Connection, flipped: Sequence[tuple[NewEntry, StoredEntry]]
) -> list[ChangedEntry]:
    """Write stored entries that turn over; return them as changes. The new entries are of the same keys."""
    flips = []
    for of_key, stored in flipped:
        counts = not stored.is_counted
        flips.append(
            Flip(
                of_key.account.id,
                of_key.contact.id,
                *stored.order,
                of_key.definition.id,
                of_key.definition.key,
                verdict_of(counts=counts, policy=of_key.definition.rule.policy),
                stored.edition,
                stored.xp_worth,
                stored.credit_number,
                xp_differs(stored.xp_worth, stored.credit_number, counts=counts),
            )
        )
    return await timeline_entries.flip(connection, flips)


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
