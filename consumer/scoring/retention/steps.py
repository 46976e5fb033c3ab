"""What a purge does with some contacts; how a step is taken is in consumer/scoring/jobs/step.py."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec

from consumer.contact_state import dedup_keys
from consumer.contact_state.dedup_keys import CARRIED, carried_by
from consumer.domain import purge_rule
from consumer.domain.verdict_rule import Edition, TimelineEntry
from consumer.infra.postgres.column_params import places
from consumer.infra.postgres.revision_lock import LOOK_UP_BY_KEY
from consumer.scoring.jobs import JobKind
from consumer.scoring.retention.requests import PurgeStatus, status
from schemas.vocabulary import Verdict
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

    from consumer.contact_state.dedup_keys import StoredKey
    from consumer.domain.dedup_key import KeyState
    from consumer.infra.postgres.connection import Connection

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


class _OldEntry(msgspec.Struct, gc=False):
    """An entry, and whether an earlier purge has taken its payload."""

    entry: TimelineEntry
    is_purged: bool


class _Step:
    """Removes what some locked contacts of an account have before an instant."""

    def __init__(
        self, connection: Connection, account: int, contacts: Sequence[int], until: datetime
    ) -> None:
        self._connection = connection
        self._account = account
        self._contacts = contacts
        self._until = until
        # (contact, definition) of entries.
        self._entries: defaultdict[tuple[int, int], list[_OldEntry]] = defaultdict(list)
        self._left: dict[tuple[int, int], list[TimelineEntry]] = {}
        self._carried: list[tuple[int, int, str, int, datetime]] = []

    async def run(self) -> int:
        """Return how many entries have lost their payload."""
        await self._read()
        editions = await self._editions()
        for (contact, definition), old in self._entries.items():
            purged = purge_rule.purge([one.entry for one in old], editions[definition], self._until)
            self._left[contact, definition] = purged.left
            self._carried += [
                (contact, definition, carried_by(came_by), count, last_at)
                for came_by, (count, last_at) in purged.carried.items()
            ]
        await self._leave()
        await self._remove()
        await self._write_keys(editions)
        return sum(not one.is_purged for old in self._entries.values() for one in old)

    async def _read(self) -> None:
        rows = await self._connection.fetch(_SQL["past"], self._account, self._contacts, self._until)
        for contact, definition, is_purged, *columns in rows:
            occurred_at, event_key, edition, object_id, settled, verdict, came_by = columns
            entry = TimelineEntry(
                occurred_at, event_key, edition, object_id, settled, Verdict(verdict), came_by
            )
            self._entries[contact, definition].append(_OldEntry(entry, is_purged))

    async def _editions(self) -> dict[int, dict[int, Edition]]:
        editions: defaultdict[int, dict[int, Edition]] = defaultdict(dict)
        for definition, number, policy, interval, per in await self._connection.fetch(
            _SQL["editions"], self._account
        ):
            editions[definition][number] = Edition.stored(policy, interval, per)
        return editions

    async def _leave(self) -> None:
        """Take the payload of the entries that stay, if an earlier purge has not."""
        whole = [
            (contact, one.entry.occurred_at, one.entry.event_key, definition)
            for (contact, definition), old in self._entries.items()
            for one in old
            if not one.is_purged and one.entry in self._left[contact, definition]
        ]
        if whole:
            await self._connection.execute(_SQL["leave"], self._account, *_columns(whole), self._until)

    async def _remove(self) -> None:
        stays = [
            (contact, entry.occurred_at, entry.event_key, definition)
            for (contact, definition), left in self._left.items()
            for entry in left
        ]
        await self._connection.execute(
            _SQL["remove"], self._account, self._contacts, self._until, *_columns(stays)
        )

    async def _write_keys(self, editions: dict[int, dict[int, Edition]]) -> None:
        """Store the new states of dedup keys, and the carried counts."""
        definitions = sorted({definition for _, definition in self._entries})
        stored: defaultdict[tuple[int, int], dict[purge_rule.Key, StoredKey]] = defaultdict(dict)
        found = await dedup_keys.of_definitions(self._connection, self._contacts, definitions)
        for (contact, definition, edition, object_key), one in found.items():
            if edition != CARRIED:
                stored[contact, definition][edition, object_key] = one
        changed: list[tuple[Any, KeyState]] = []
        gone: list[Any] = []
        for (contact, definition), keys in stored.items():
            after = purge_rule.keys_after(
                {key: one.state for key, one in keys.items()},
                [one.entry for one in self._entries[contact, definition]],
                self._left.get((contact, definition), ()),
                editions[definition],
                self._until,
            )
            for key, state in after.items():
                if state is None:
                    gone.append(keys[key].place)
                else:
                    changed.append((keys[key].place, state))
        if changed:
            await dedup_keys.write(self._connection, [], changed)
        if gone:
            await self._connection.execute(_SQL["delete_keys"], places(gone))
        if self._carried:
            await self._connection.execute(
                _SQL["carry"], *map(list, zip(*sorted(self._carried), strict=True))
            )


def _columns(
    entries: Sequence[tuple[int, datetime, bytes, int]],
) -> tuple[list[int], list[datetime], list[bytes], list[int]]:
    return (
        [contact for contact, _, _, _ in entries],
        [occurred_at for _, occurred_at, _, _ in entries],
        [event_key for _, _, event_key, _ in entries],
        [definition for _, _, _, definition in entries],
    )
