"""The path of a batch, from records to a commit; the file to read first.

    records ─► decode ─► due ─► sort out ─►┌─ one transaction ──────────────────────────────────┐
            CloudEvents  lanes   catalog    │ revision → fence → claim → contacts → dead → apply │─► commit
                                            └────────────────────────────────────────────────────┘

Owns the transaction and what becomes of its errors: passing ones repeat the batch, refused data is narrowed down
until it stands alone and becomes a dead letter, anything else crashes. Never decides an outcome or a verdict.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import structlog

from consumer.domain.decode import decode
from consumer.domain.model import DeadLetter, Record
from consumer.infra.clock import SystemClock
from consumer.infra.postgres.connection import fetch_one
from consumer.infra.postgres.errors import is_data_error, retry_reason
from consumer.infra.postgres.revision import REVISION_LOCK
from consumer.infra.wait import backoff
from consumer.ingest import apply, batch_report, contact_events, dead_letter_store
from consumer.ingest.batch_context import BatchContext
from consumer.ingest.batch_report import Handled, Stopwatch
from consumer.ingest.triage import Batch, Decoded, due, sort_out
from consumer.lanes import positions
from schemas.names import DeadLetterReason, Outcome, RetryReason
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from datetime import timedelta

    from consumer.catalog import CatalogSnapshot
    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.telemetry.metrics import Metrics
    from consumer.ingest.unmatched_inbox import Inbox
    from consumer.lanes.positions import Lane, LaneKey

_SQL = queries("batch")
# Of a transaction that folds, in one round trip.
BEGIN = f"{_SQL['begin'] % REVISION_LOCK}; {_SQL['pin_plans']}"

# Records decoded at a time: less than a millisecond.
_TURN = 100

log = structlog.get_logger(__name__)


class StaleCatalogError(Exception):
    """Configuration has changed since the batch was matched: load it and match again."""


class FencedError(Exception):
    """A lane of the batch does not stand where this worker believes: read the lanes again."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What a transaction did. outcomes: in the order of the batch. counts: the row of apply.sql."""

    outcomes: list[Outcome]
    conflicting: int
    counts: dict[str, int]


class Ingest:
    """Takes the records of the lanes it holds through the path, over one connection at a time."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        *,
        metrics: Metrics,
        inbox: Inbox,
        claim_window: timedelta,
        clock: Clock | None = None,
        committed: Callable[[], None] = lambda: None,
    ) -> None:
        self._context = BatchContext(connect)
        self._metrics = metrics
        self._inbox = inbox
        self._claim_window = claim_window
        self._clock = clock or SystemClock()
        self._committed = committed
        # What the transaction in flight did, from before its COMMIT until it is known to be through.
        self._in_doubt: Applied | None = None
        self.lanes: dict[LaneKey, Lane] = {}

    async def take_lanes(self, starts: Mapping[LaneKey, int]) -> None:
        """Take over these lanes, fencing whoever held them; `starts` is for those never seen before."""
        taken = await positions.take(await self._context.database.get(), starts)
        self.lanes = {lane.key: lane for lane in taken}

    def close(self) -> None:
        """Give up the connection; what was not committed is begun again by whoever takes the lanes."""
        self._context.database.drop()

    # The path ------------------------------------------------------------------------------------------------

    async def process(self, records: Iterable[Record]) -> list[Handled]:
        """Take records, each lane's in offset order, to a commit; return what became of those still due."""
        watch = Stopwatch(self._metrics)
        return await self.settle(await decode_in_turns(list(records), watch), watch)

    async def _transaction(self, batch: Batch, watch: Stopwatch) -> Applied:
        connection = await self._context.database.get()
        with watch.stage("match"):
            catalog = await self._context.catalog()
            sort_out(batch, catalog)
        await self._context.prepare_partitions(one.event.occurred_us for one in batch.matched)

        await connection.execute(BEGIN)
        await self._fence(connection, batch, catalog)
        applied = await fold(connection, batch, watch, self._context.shards, self._claim_window)
        self._in_doubt = applied
        with watch.stage("commit"):
            await connection.execute("commit")
        return applied

    async def _fence(self, connection: Connection, batch: Batch, catalog: CatalogSnapshot) -> None:
        """Move the lanes on by compare-and-set on where this worker believes they are."""
        moves = [(self.lanes[key], after) for key, after in sorted(batch.lanes.items())]
        last = {(one.record.topic, one.record.partition): one.record for one in batch.records}
        row = await fetch_one(
            connection,
            _SQL["fence"],
            [before.topic for before, _ in moves],
            [before.partition for before, _ in moves],
            [before.epoch for before, _ in moves],
            [before.next_offset for before, _ in moves],
            [after.next_offset for _, after in moves],
            [after.last_timestamp for _, after in moves],
            [positions.checksum(last[after.key]) for _, after in moves],
            [after.seen for _, after in moves],
            [json.dumps(after.recent_dead) for _, after in moves],
            [after.stopped for _, after in moves],
        )
        if row["moved"] < len(moves):
            raise FencedError
        if row["revision"] != catalog.revision:
            raise StaleCatalogError

    # What becomes of errors ----------------------------------------------------------------------------------

    async def settle(self, decoded: Sequence[Decoded], watch: Stopwatch) -> list[Handled]:
        """Take decoded records, each lane's in offset order, to a commit; return what became of those still due.

        Repeats, divides or finishes: ends when each record has its outcome or is no longer this worker's.
        """
        attempt = 0
        while (batch := due(decoded, self.lanes)).records:
            self._in_doubt = None
            try:
                applied = await self._transaction(batch, watch)
            except StaleCatalogError:
                await self._context.database.roll_back()
                self._context.forget_catalog()
            except FencedError:
                self._metrics.lane_fenced.inc()
                await self._context.database.roll_back()
                await self._believe_database(batch)
            except Exception as error:
                if is_data_error(error):
                    await self._context.database.roll_back()
                    return await self._divide(batch.records, error, watch)
                reason = retry_reason(error)
                if reason is None:
                    raise
                attempt += 1
                await self._wait(reason, attempt, error)
                await self._believe_database(batch)
                if self._in_doubt and self._went_through(batch):
                    return self._finish(batch, self._in_doubt, watch)
            else:
                return self._finish(batch, applied, watch)
        return []

    async def _divide(self, decoded: list[Decoded], error: BaseException, watch: Stopwatch) -> list[Handled]:
        """Halve a batch of which the database refused something, until the offender stands alone."""
        if len(decoded) > 1:
            middle = len(decoded) // 2
            return [
                *await self.settle(decoded[:middle], watch),
                *await self.settle(decoded[middle:], watch),
            ]
        [alone] = decoded
        if isinstance(alone.content, DeadLetter):
            raise error
        detail = f"SQLSTATE {getattr(error, 'sqlstate', None)}, {type(error).__name__}"
        log.warning("record refused by the database", detail=detail, topic=alone.record.topic)
        letter = DeadLetter(DeadLetterReason.REFUSED_BY_DATABASE, detail, alone.content.account)
        return await self.settle([Decoded(alone.record, letter)], watch)

    async def _wait(self, reason: RetryReason, attempt: int, error: BaseException) -> None:
        self._context.database.drop()
        self._metrics.database_retries.labels(reason.value).inc()
        log.warning(
            "database error, trying again", reason=reason.value, attempt=attempt, error=str(error)[:200]
        )
        await asyncio.sleep(backoff(attempt, first=0.04, most=5.0))

    async def _believe_database(self, batch: Batch) -> None:
        """Read where the lanes of the batch stand; forget those that another worker took over."""
        attempt = 0
        while True:
            try:
                current = await positions.read(await self._context.database.get(), batch.lanes)
                break
            except Exception as error:
                reason = retry_reason(error)
                if reason is None:
                    raise
                attempt += 1
                await self._wait(reason, attempt, error)
        for key in batch.lanes:
            if key in current and current[key].epoch == self.lanes[key].epoch:
                self.lanes[key] = current[key]
            else:
                log.warning("lane taken over by another worker", topic=key[0], partition=key[1])
                del self.lanes[key]

    def _went_through(self, batch: Batch) -> bool:
        """Tell whether a COMMIT whose answer was lost had an effect: the lanes then stand behind the batch."""
        return all(
            key in self.lanes and self.lanes[key].next_offset == after.next_offset
            for key, after in batch.lanes.items()
        )

    # After the commit ----------------------------------------------------------------------------------------

    def _finish(self, batch: Batch, applied: Applied, watch: Stopwatch) -> list[Handled]:
        self._in_doubt = None
        self.lanes.update(batch.lanes)
        for account, event in batch.unmatched:
            self._inbox.add(account.id, event)
        reasons = iter(letter.reason for _, letter in batch.dead)
        handled = [
            Handled(one.record, outcome, next(reasons) if outcome is Outcome.DEAD else None)
            for one, outcome in zip(batch.records, applied.outcomes, strict=True)
        ]
        batch_report.count(self._metrics, self._clock, handled, applied.counts, applied.conflicting)
        batch_report.tell(handled, applied.counts, list(batch.lanes.values()), watch.seconds)
        self._committed()
        return handled


async def decode_in_turns(records: Sequence[Record], watch: Stopwatch) -> list[Decoded]:
    """Decode records, with turns for everybody else: it may be done while another batch is under way."""
    made: list[Decoded] = []
    spent = 0.0
    for start in range(0, len(records), _TURN):
        if start:
            await asyncio.sleep(0)
        began = perf_counter()
        made += [Decoded(record, decode(record)) for record in records[start : start + _TURN]]
        spent += perf_counter() - began
    watch.spent("decode", spent)
    return made


async def fold(
    connection: Connection, batch: Batch, watch: Stopwatch, shards: int, claim_window: timedelta
) -> Applied:
    """Claim, lock, judge and fold a batch that is sorted out, inside the transaction that the caller began.

    The caller holds the revision lock and has compared the catalog's revision. Its dead letters are kept.
    """
    with watch.stage("contacts"):
        columns = apply.Columns(batch.matched)
        claimed = await apply.claim(connection, batch, columns, shards=shards, claim_window=claim_window)
        if len(claimed.others) == len(batch.matched):
            # Nothing is applied: what follows has little to take apart.
            columns = apply.Columns([])
        locked = await apply.lock(connection, batch, columns, claimed)
        await contact_events.record(connection, batch.contact_events)
    with watch.stage("apply"):
        letters = await dead_letter_store.keep(connection, batch.dead, shards)
        counts = await apply.apply(connection, columns, locked, letters)
    ordinals = itertools.count(1)
    outcomes = [outcome or claimed.others.get(next(ordinals), Outcome.APPLIED) for outcome in batch.outcomes]
    return Applied(outcomes, claimed.conflicting, dict(counts))
