"""Replays dead letters: their stored bytes through the code of a batch, after the code or the catalog has changed.

    stored bytes ─► decode ─► triage ─►┌─ one transaction ─────────────────────────────────────────┐
                                       │ revision → lock letters → claim … apply → delete letters  │─► commit
                                       └───────────────────────────────────────────────────────────┘

Never moves a lane. An event and the deletion of its dead letter are committed together, so an interrupted replay
can be run again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from consumer.domain.decode import decode
from consumer.domain.model import DeadLetter, Event, Record
from consumer.infra.postgres.errors import is_data_error
from consumer.infra.postgres.retry import retry_transient
from consumer.infra.postgres.writes import Writes
from consumer.infra.telemetry.metrics import Metrics
from consumer.ingest.apply import apply_batch
from consumer.ingest.batch import DecodedRecord
from consumer.ingest.batch_context import BatchContext
from consumer.ingest.dead_letters import browse
from consumer.ingest.fence import look_up_claims
from consumer.ingest.stale_catalog import StaleCatalogError
from consumer.ingest.stopwatch import Stopwatch
from consumer.ingest.store_dead_letters import refused_by_database
from consumer.ingest.triage import triage
from schemas.vocabulary import Outcome
from sql import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from datetime import timedelta

    from consumer.infra.postgres.connection import Connection
    from consumer.ingest.dead_letters.browse import DeadLetterSelection, StoredDeadLetter

_SQL = queries("dead_letters")

# Dead still, or without effect only because of the catalog: kept, since a change of the catalog can still help.
STAYING = frozenset({Outcome.DEAD, Outcome.UNKNOWN_ACCOUNT, Outcome.DISABLED, Outcome.UNMATCHED})


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a dead letter. outcome: None where it was missing. fault: why it is still dead."""

    id: int
    outcome: Outcome | None
    fault: DeadLetter | None = None

    @property
    def stays(self) -> bool:
        """Whether the dead letter is kept."""
        return self.outcome in STAYING


class _TooManyEntriesError(Exception):
    """The dead letters do not fit into one batch; first_left_out: the first that does not, by its id."""

    def __init__(self, first_left_out: int) -> None:
        self.first_left_out = first_left_out
        super().__init__(first_left_out)


class Replay:
    """Replays dead letters over one connection at a time."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], *, claim_window: timedelta) -> None:
        self._context = BatchContext(connect)
        self._claim_window = claim_window
        self._watch = Stopwatch(Metrics())
        # What the transaction in flight did, in case the answer to its COMMIT is lost.
        self._in_doubt: dict[int, Replayed] = {}

    def close(self) -> None:
        """Drop the connection; what is not committed has not happened."""
        self._context.database.drop()

    async def run(self, selection: DeadLetterSelection) -> AsyncIterator[list[Replayed]]:
        """Replay the dead letters that match now, some at a time; yield what became of each, by id.

        Raises errors that last longer than about half a minute; what was yielded until then is committed.
        """
        _, newest = await retry_transient(
            self._context.database, lambda connection: browse.count(connection, selection)
        )
        last = 0
        missing = set(selection.ids)
        while ids := await self._pick(selection, last, newest):
            last = ids[-1]
            missing.difference_update(ids)
            yield await self._replay(ids)
        if missing:
            yield [Replayed(number, None) for number in sorted(missing)]

    async def _pick(self, selection: DeadLetterSelection, last: int, newest: int) -> list[int]:
        return await retry_transient(
            self._context.database, lambda connection: browse.pick(connection, selection, last, newest)
        )

    async def _replay(self, ids: Sequence[int]) -> list[Replayed]:
        """Repeat or divide until each of these dead letters has its outcome."""
        self._in_doubt = {}
        while True:
            try:
                return await retry_transient(
                    self._context.database, lambda connection: self._transaction(connection, ids)
                )
            except _TooManyEntriesError as error:
                await self._context.database.roll_back()
                return await self._replay_in_two(ids, ids.index(error.first_left_out))
            except StaleCatalogError as error:
                await self._context.database.roll_back()
                self._context.forget_catalog(error.accounts)
            except Exception as error:
                if not is_data_error(error):
                    raise
                await self._context.database.roll_back()
                if len(ids) == 1:
                    return [Replayed(ids[0], Outcome.DEAD, refused_by_database(error))]
                return await self._replay_in_two(ids, len(ids) // 2)

    async def _replay_in_two(self, ids: Sequence[int], first: int) -> list[Replayed]:
        """Replay so many of the dead letters, and then the others."""
        return [*await self._replay(ids[:first]), *await self._replay(ids[first:])]

    async def _transaction(self, connection: Connection, ids: Sequence[int]) -> list[Replayed]:
        letters = await browse.get_whole(connection, ids)
        there = {letter.summary.id for letter in letters}
        # Gone: by our COMMIT whose answer was lost, else replayed or discarded by another process.
        gone = [self._in_doubt.get(number, Replayed(number, None)) for number in ids if number not in there]
        if not letters:
            return gone
        records = [_record(letter) for letter in letters]
        decoded = [DecodedRecord(record, decode(record)) for record in records]
        self._context.look_at({one.content.account for one in decoded if isinstance(one.content, Event)})
        batch = triage(decoded, await self._context.catalog())
        if len(batch.results) < len(letters):
            raise _TooManyEntriesError(letters[len(batch.results)].summary.id)
        # Those that are dead still are stored already.
        batch = replace(batch, dead=())
        await self._context.prepare_partitions(one.event.occurred_us for one in batch.matched)

        connection = await self._context.begin()
        locked = await connection.fetch(_SQL["lock"], sorted(there))
        if len(locked) < len(there):
            await connection.execute("rollback")
            return await self._transaction(connection, ids)
        applied = await apply_batch(
            connection,
            Writes(connection, together=False),
            batch,
            await look_up_claims(connection, batch.matched),
            self._watch,
            shards=self._context.shards,
            salt=self._context.salt,
            may_erase=self._context.may_erase,
            weights=self._context.weights,
            claim_window=self._claim_window,
        )
        replayed = [
            Replayed(letter.summary.id, result.outcome, result.fault)
            for letter, result in zip(letters, applied.results, strict=True)
        ]
        await browse.discard(connection, [one.id for one in replayed if not one.stays])
        self._in_doubt = {one.id: one for one in replayed}
        await connection.execute("commit")
        self._context.committed(has_changed=applied.has_changed)
        return sorted([*gone, *replayed], key=lambda one: one.id)


def _record(letter: StoredDeadLetter) -> Record:
    """Return the record as it was read from Kafka, with its own timestamp."""
    where = letter.summary
    return Record(
        where.topic,
        where.partition,
        where.offset,
        letter.timestamp,
        letter.key,
        letter.value,
        letter.headers,
    )
