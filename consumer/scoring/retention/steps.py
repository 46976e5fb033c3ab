"""What a purge does with some contacts; how a step is taken is in consumer/scoring/jobs/step.py."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from consumer.contact_state import dedup_keys
from consumer.contact_state.dedup_keys import CARRIED, carried_by
from consumer.domain import purge_rule
from consumer.domain.verdict_rule import TimelineEntry
from consumer.infra.postgres.column_params import places
from consumer.infra.postgres.revision_lock import LOOK_UP_BY_KEY
from consumer.scoring.identity.entries import read_definitions
from consumer.scoring.jobs import JobKind
from consumer.scoring.retention.requests import PurgeStatus, status
from schemas.vocabulary import Verdict
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

    from consumer.contact_state.dedup_keys import DedupKey, Place
    from consumer.domain.dedup_key import KeyState
    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.identity.entries import Definition

_SQL = queries("retention")
# Whole entries in one step: batches with events of their contacts wait for it. Measured: docs/measurements.md.
_MOST_ENTRIES = 2000


class Purges(JobKind[PurgeStatus]):
    """Purges: of each contact what is dated before the horizon, the oldest first where it is much."""

    name = "purge"
    table = "purges"
    unfinished = _SQL["unfinished_jobs"]
    facts = _SQL["facts"]
    contacts_per_step = 500
    rest_factor = 2.0
    local_settings = LOOK_UP_BY_KEY

    async def status(self, connection: Connection, number: int) -> PurgeStatus:
        """Return the progress of a purge; raises UnknownPurgeError."""
        return await status(connection, number)

    def ends_early(self, facts: asyncpg.Record) -> bool:
        """Return whether the account keeps its entries for longer by now."""
        return bool(facts["is_cancelled"])

    async def process(
        self, connection: Connection, number: int, facts: asyncpg.Record, contacts: Sequence[int]
    ) -> int | None:
        """Remove what is dated before the horizon, of as many of these contacts as one step may."""
        account, horizon = facts["account_id"], facts["horizon"]
        chosen, until, done = await _choose(connection, account, contacts, horizon)
        if chosen:
            purged = await _Step(connection, account, chosen, until).run()
            await connection.execute(_SQL["record_entries"], number, purged)
        return done

    async def end_state(self, connection: Connection, number: int, facts: asyncpg.Record) -> str | None:
        """Finish."""
        ended: str | None = await connection.fetchval(
            _SQL["finish"], number, "cancelled" if facts["is_cancelled"] else "done"
        )
        return ended


PURGES = Purges()


async def _choose(
    connection: Connection, account: int, contacts: Sequence[int], horizon: datetime
) -> tuple[list[int], datetime, int]:
    """Return the contacts with old entries to take in this step, up to when, and how many are done then."""
    old = {
        contact: whole
        for contact, _, whole in await connection.fetch(_SQL["count_past"], account, contacts, horizon)
    }
    chosen: list[int] = []
    entries = 0
    for done, contact in enumerate(contacts):
        if contact not in old:
            continue
        entries += old[contact]
        if entries > _MOST_ENTRIES and chosen:
            return chosen, horizon, done
        chosen.append(contact)
        if entries > _MOST_ENTRIES:
            part = await connection.fetchval(_SQL["part"], account, contact, horizon, _MOST_ENTRIES)
            first = await connection.fetchval(_SQL["part"], account, contact, horizon, 0)
            # Very many of one instant go in one step.
            return (chosen, part, done) if part > first else (chosen, horizon, done + 1)
    return chosen, horizon, len(contacts)


class _Step:
    """Removes what some locked contacts of an account have before an instant."""

    def __init__(
        self, connection: Connection, account: int, contacts: Sequence[int], until: datetime
    ) -> None:
        self._connection = connection
        self._account = account
        self._contacts = contacts
        self._until = until
        # By contact and definition.
        self._entries: defaultdict[tuple[int, int], list[TimelineEntry]] = defaultdict(list)
        self._left: dict[tuple[int, int], list[TimelineEntry]] = {}
        self._carried: list[tuple[int, int, str, int, datetime]] = []
        self._definitions: dict[int, Definition] = {}

    async def run(self) -> int:
        """Return how many entries have lost their payload."""
        whole = await self._read()
        self._definitions = await read_definitions(
            self._connection, {definition for _, definition in self._entries}
        )
        for (contact, definition), entries in self._entries.items():
            purged = purge_rule.purge(entries, self._definitions[definition].editions, self._until)
            self._left[contact, definition] = purged.left
            self._carried += [
                (contact, definition, carried_by(came_by), count, last_at)
                for came_by, (count, last_at) in purged.carried.items()
            ]
        await self._remove()
        await self._write_keys()
        return whole

    async def _read(self) -> int:
        """Read the entries, and return how many are whole."""
        rows = await self._connection.fetch(_SQL["past"], self._account, self._contacts, self._until)
        whole = 0
        for contact, definition, is_whole, *columns in rows:
            occurred_at, event_key, edition, object_id, settled, verdict, came_by = columns
            entry = TimelineEntry(
                occurred_at, event_key, edition, object_id, settled, Verdict(verdict), came_by
            )
            self._entries[contact, definition].append(entry)
            whole += is_whole
        return whole

    async def _remove(self) -> None:
        """Remove the entries that go, and the payload of those that stay."""
        stay = [
            (contact, entry.occurred_at, entry.event_key, definition)
            for (contact, definition), left in self._left.items()
            for entry in left
        ]
        columns = [list(column) for column in zip(*stay, strict=True)] or [[], [], [], []]
        if stay:
            await self._connection.execute(_SQL["leave"], self._account, self._until, *columns)
        await self._connection.execute(_SQL["remove"], self._account, self._contacts, self._until, *columns)

    async def _write_keys(self) -> None:
        """Store the new states of dedup keys, and the carried counts."""
        stored: defaultdict[tuple[int, int], dict[purge_rule.Key, KeyState]] = defaultdict(dict)
        where: dict[DedupKey, Place] = {}
        found = await dedup_keys.of_definitions(self._connection, self._contacts, sorted(self._definitions))
        for dedup_key, one in found.items():
            contact, definition, edition, object_key = dedup_key
            if edition != CARRIED and one.place is not None:
                stored[contact, definition][edition, object_key] = one.state
                where[dedup_key] = one.place
        changed: list[tuple[Place, KeyState]] = []
        gone: list[Place] = []
        for (contact, definition), keys in stored.items():
            after = purge_rule.keys_after(
                keys,
                self._entries[contact, definition],
                self._left.get((contact, definition), ()),
                self._definitions[definition].editions,
                self._until,
            )
            for key, state in after.items():
                place = where[contact, definition, *key]
                if state is None:
                    gone.append(place)
                else:
                    changed.append((place, state))
        if changed:
            await dedup_keys.write(self._connection, [], changed)
        if gone:
            await self._connection.execute(_SQL["delete_keys"], places(gone))
        if self._carried:
            await self._connection.execute(
                _SQL["carry"], *map(list, zip(*sorted(self._carried), strict=True))
            )
