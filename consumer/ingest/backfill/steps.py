"""Takes a step of a backfill that was requested over HTTP: one batch of its events, or more events from the topics.

    requested ─► running ─► done
                    │ read the topics until there are some thousand events ─► batches, one committed with each step
                    └─ cancel ─► cancelled      what is applied stays

Whatever a step does is committed with its progress, so any worker can take the next one after a crash.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.postgres.errors import stored_text
from consumer.infra.postgres.retry import retry_transient
from consumer.ingest.apply import Origin
from consumer.ingest.backfill.from_topics import PastRecords, find_past_records, read_topics
from consumer.ingest.backfill.requests import add_batches, pack, unpack
from consumer.ingest.backfill.run import count_outcomes
from consumer.ingest.backfill.sorted_events import SortedEvents
from consumer.ingest.outside_lanes import OutsideLanes
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    import asyncpg

    from consumer.infra.postgres.connection import Connection
    from consumer.infra.settings import Settings
    from consumer.ingest.batch import DecodedRecord, RecordOutcome
    from consumer.lanes.positions import LaneKey

_SQL = queries("backfill")
_RECORD_FAILURE = queries("jobs")["record_failure"].format(table="backfills")
# Events that are read from the topics before they are applied, unless so many seconds pass before.
_AT_ONCE = 5000
_SECONDS = 10.0

_lanes = msgspec.json.Decoder(list[tuple[str, int, int, int]]).decode


class DueBackfill(NamedTuple):
    """A backfill that has not ended."""

    number: int
    account_id: int


class NotOurTurnError(Exception):
    """Another process has the backfill, has been there before, or has ended it."""


async def due_backfills(connection: Connection) -> list[DueBackfill]:
    """Return of each account the first backfill that has not ended, unless its last step failed a moment ago."""
    return [DueBackfill(*row) for row in await connection.fetch(_SQL["due"])]


async def record_failure(connection: Connection, number: int, error: BaseException) -> None:
    """Record that a step has failed, so that no worker tries again at once."""
    await connection.execute(_RECORD_FAILURE, number, stored_text(error))


class BackfillSteps:
    """Takes steps over two connections at most."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], settings: Settings) -> None:
        self._settings = settings
        self._database = ConnectionKeeper(connect)
        self._outside = {
            with_xp: OutsideLanes(
                connect, claim_window=settings.claim_window, origin=Origin("backfill", with_xp)
            )
            for with_xp in (False, True)
        }

    def close(self) -> None:
        """Drop the connections; what is not committed has not happened."""
        self._database.drop()
        for outside in self._outside.values():
            outside.close()

    async def take(self, number: int) -> str | None:
        """Take a step; return the state that it has led to, None if there is more to do.

        Raises NotOurTurnError, KafkaError and TimeoutError if brokers do not answer, and database errors.
        """
        facts = await retry_transient(
            self._database, lambda connection: connection.fetchrow(_SQL["facts"], number)
        )
        if facts is None:
            raise NotOurTurnError
        if facts["batch"] is not None:
            await self._apply(facts)
            return None
        if facts["lanes"] is None or _lanes(facts["lanes"]):
            await self._read(facts)
            return None
        ended = await retry_transient(
            self._database, lambda connection: connection.fetchval(_SQL["finish"], number, "done")
        )
        return None if ended is None else "done"

    async def _apply(self, facts: asyncpg.Record) -> None:
        number, batch = facts["id"], facts["batch"]
        stored = await retry_transient(
            self._database, lambda connection: connection.fetchval(_SQL["batch"], number, batch)
        )
        if stored is None:
            raise NotOurTurnError
        progress = _BatchProgress(number, batch, unpack(stored))
        await self._outside[facts["with_xp"]].apply(progress.left, progress)

    async def _read(self, facts: asyncpg.Record) -> None:
        """Find out what is to be read of the topics, or read some of it."""
        number = facts["id"]
        if facts["lanes"] is None:
            past = await find_past_records(
                self._settings, self._database, max(0, int(facts["since"].timestamp() * 1000))
            )
            back = (
                None if past.reaches_back is None else datetime.fromtimestamp(past.reaches_back / 1000, UTC)
            )
            await retry_transient(
                self._database,
                lambda connection: _record_span(
                    connection, number, _stored_lanes(past.spans), past.offsets, back
                ),
            )
            return
        before = PastRecords(
            {(topic, lane): (at, end) for topic, lane, at, end in _lanes(facts["lanes"])}, None
        )
        with SortedEvents() as events:
            left = await read_topics(
                *(self._settings, before, events),
                account=facts["account"],
                types=frozenset(facts["types"] or ()),
                most=_AT_ONCE,
                within=_SECONDS,
            )
            passed = before.offsets - PastRecords(left, None).offsets
            await retry_transient(
                self._database,
                lambda connection: _record_events(
                    connection, facts, events, left=_stored_lanes(left), passed=passed
                ),
            )


class _BatchProgress:
    """Records what is applied of a batch in the transaction that applies it."""

    def __init__(self, number: int, batch: int, events: Sequence[DecodedRecord]) -> None:
        self.left = events
        self._number = number
        self._batch = batch
        # What the transaction in flight leaves.
        self._after: Sequence[DecodedRecord] = ()

    async def begin(self, connection: Connection) -> None:
        """Lock the batch; raises NotOurTurnError unless it is as it was, so that no event is counted twice."""
        if await connection.fetchval(_SQL["lock"], self._number, self._batch, pack(self.left)) is None:
            await connection.execute("rollback")
            raise NotOurTurnError

    async def end(self, connection: Connection, outcomes: Sequence[RecordOutcome]) -> None:
        """Record the outcomes of the next events, and what is left."""
        counted = count_outcomes(self.left[: len(outcomes)], outcomes)
        await connection.execute(
            _SQL["count_outcomes"],
            self._number,
            [outcome for outcome, _ in counted],
            [kind for _, kind in counted],
            list(counted.values()),
        )
        self._after = self.left[len(outcomes) :]
        left = pack(self._after) if self._after else None
        await connection.execute(_SQL["record"], self._number, self._batch, len(outcomes), left)

    def committed(self) -> None:
        """Go on with what is left."""
        self.left = self._after


def _stored_lanes(spans: Mapping[LaneKey, tuple[int, int]]) -> str:
    return msgspec.json.encode([(*key, *span) for key, span in sorted(spans.items())]).decode()


async def _record_span(
    connection: Connection, number: int, lanes: str, records: int, back: datetime | None
) -> None:
    async with connection.transaction():
        if await connection.fetchval(_SQL["lock_reading"], number, None) is None:
            raise NotOurTurnError
        await connection.execute(_SQL["begin_reading"], number, lanes, records, back)


async def _record_events(
    connection: Connection, facts: asyncpg.Record, events: SortedEvents, *, left: str, passed: int
) -> None:
    async with connection.transaction():
        if await connection.fetchval(_SQL["lock_reading"], facts["id"], facts["lanes"]) is None:
            raise NotOurTurnError
        await add_batches(connection, facts["id"], events)
        await connection.execute(_SQL["record_reading"], facts["id"], left, passed, len(events))
