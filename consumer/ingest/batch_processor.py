"""Takes decoded records to one committed transaction; the file to read first.

    decoded ─► skip processed ─► triage ─►┌─ one transaction ─────────────────────────────────────┐
    records      lanes           catalog  │ fence → claim → contacts → catalog → judge → score    │─► commit
                                          └───────────────────────────────────────────────────────┘

Transient errors repeat the batch; where the answer to a COMMIT was lost, the lanes' positions in the database say
whether it took effect. Data that the database refuses is narrowed down by halving to one record, which becomes a
dead letter (`refused_by_database`). A batch that runs into time-outs is made smaller, and a record that does so
alone becomes such a dead letter if others can be applied. Other errors are raised. No other outcome, and no
verdict, is decided here.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from consumer.domain.model import DeadLetter
from consumer.infra.clock import SystemClock
from consumer.infra.postgres.errors import is_data_error, is_time_out, retry_reason
from consumer.infra.postgres.writes import Writes
from consumer.infra.wait import backoff
from consumer.ingest.apply import apply_batch
from consumer.ingest.batch import DecodedRecord
from consumer.ingest.batch_context import BatchContext
from consumer.ingest.batch_report import count_batch, log_batch
from consumer.ingest.batch_size import BatchSize
from consumer.ingest.culprit import Culprit
from consumer.ingest.fence import FencedError, fence
from consumer.ingest.skip_processed import skip_processed
from consumer.ingest.stale_catalog import StaleCatalogError
from consumer.ingest.store_dead_letters import refused_by_database
from consumer.ingest.triage import triage
from consumer.lanes import positions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import timedelta

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.telemetry.metrics import Metrics
    from consumer.ingest.apply import AppliedBatch
    from consumer.ingest.batch import DueBatch, RecordOutcome, TriagedBatch
    from consumer.ingest.held_lanes import HeldLanes
    from consumer.ingest.ignored_events import IgnoredEvents
    from consumer.ingest.stopwatch import Stopwatch
    from consumer.ingest.unmatched_inbox import UnmatchedInbox
    from schemas.vocabulary import RetryReason

# Records of a batch up to which its writes go to Postgres in one message. In a larger one waits for Postgres are
# little beside its work, and arguments in binary form are cheaper.
_TOGETHER = 100

log = structlog.get_logger(__name__)


class BatchProcessor:
    """Takes the records of one pipeline's lanes to a commit, over one connection at a time.

    ignored: notes events without effect; None: they are not kept. lanes: advanced here after each commit.
    committed: called after each commit; waiting: with a line for people, before a batch is tried again.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        lanes: HeldLanes,
        *,
        metrics: Metrics,
        inbox: UnmatchedInbox,
        ignored: IgnoredEvents | None = None,
        claim_window: timedelta,
        clock: Clock | None = None,
        committed: Callable[[], None] = lambda: None,
        waiting: Callable[[str], None] = lambda _why: None,
    ) -> None:
        self._context = BatchContext(connect)
        self._lanes = lanes
        self._metrics = metrics
        self._inbox = inbox
        self._ignored = ignored
        self._claim_window = claim_window
        self._clock = clock or SystemClock()
        self._committed = committed
        self._waiting = waiting
        self._size = BatchSize()
        self._culprit = Culprit()
        # What the transaction in flight did, from before its COMMIT until its answer has arrived.
        self._in_doubt: AppliedBatch | None = None

    def close(self) -> None:
        """Drop the connection; what is not committed will be processed by the next owner of the lanes."""
        self._context.database.drop()

    async def reach_database(self) -> None:
        """Show that this pipeline can work: open its connection, or use it. Raises what asyncpg raises."""
        try:
            await (await self._context.database.get()).execute("select 1")
        except BaseException:
            self._context.database.drop()
            raise

    async def commit_batch(
        self, records: Sequence[DecodedRecord], watch: Stopwatch, *, beside: Sequence[DecodedRecord] = ()
    ) -> Sequence[RecordOutcome]:
        """Take records, each lane's in offset order, to a commit; return the outcomes of those that were due.

        Repeats or divides the batch until each record has its outcome or its lane belongs to another worker.
        beside: further records, to compare with one that cannot be applied.
        """
        beside = beside or records
        outcomes: list[RecordOutcome] = []
        attempt = 0
        while (due := skip_processed(records, self._lanes)).records:
            self._in_doubt = None
            try:
                due, triaged = await self._triage(due, watch)
                applied = await self._transaction(due, triaged, watch)
            except StaleCatalogError as error:
                await self._context.database.roll_back()
                self._context.forget_catalog(error.accounts)
            except FencedError:
                self._metrics.lane_fenced.inc()
                await self._context.database.roll_back()
                await self._read_lanes(due)
            except Exception as error:
                if is_data_error(error):
                    await self._context.database.roll_back()
                    outcomes += await self._divide(due.records, beside, error, watch)
                    continue
                reason = retry_reason(error)
                if reason is None:
                    raise
                attempt += 1
                await self._wait(reason, attempt, error)
                await self._read_lanes(due)
                if self._in_doubt and self._is_committed(due):
                    outcomes += self._finish(due, self._in_doubt, watch)
                elif is_time_out(error):
                    outcomes += await self._after_time_out(due, beside, error, watch)
            else:
                attempt = 0
                outcomes += self._finish(due, applied, watch)
        return outcomes

    # The transaction -----------------------------------------------------------------------------------------

    async def _triage(self, due: DueBatch, watch: Stopwatch) -> tuple[DueBatch, TriagedBatch]:
        """Triage as many of the records as one batch may have; returns what it is of them."""
        with watch.stage("match"):
            triaged = triage(due.records[: self._size.most], await self._context.catalog())
        if len(triaged.results) < len(due.records):
            due = skip_processed(due.records[: len(triaged.results)], self._lanes)
        return due, triaged

    async def _transaction(self, due: DueBatch, triaged: TriagedBatch, watch: Stopwatch) -> AppliedBatch:
        writes, applied = await self._apply(due, triaged, watch)
        self._in_doubt = applied
        with watch.stage("commit"):
            await writes.end("commit")
        return applied

    async def _apply(
        self, due: DueBatch, triaged: TriagedBatch, watch: Stopwatch
    ) -> tuple[Writes, AppliedBatch]:
        """Apply a batch in a transaction, whose writes the caller ends."""
        await self._context.prepare_partitions(one.event.occurred_us for one in triaged.matched)
        connection = await self._context.begin()
        shards, known = await fence(connection, self._lanes, due, triaged.matched)
        if shards != self._context.shards:
            raise StaleCatalogError
        writes = Writes(connection, together=len(due.records) <= _TOGETHER)
        applied = await apply_batch(
            connection,
            writes,
            triaged,
            known,
            watch,
            shards=self._context.shards,
            salt=self._context.salt,
            may_erase=self._context.may_erase,
            weights=self._context.weights,
            claim_window=self._claim_window,
        )
        return writes, applied

    # After an error ------------------------------------------------------------------------------------------

    async def _divide(
        self,
        records: Sequence[DecodedRecord],
        beside: Sequence[DecodedRecord],
        error: BaseException,
        watch: Stopwatch,
    ) -> Sequence[RecordOutcome]:
        """Halve a batch that the database refused, down to one record, which becomes a dead letter."""
        if len(records) > 1:
            middle = len(records) // 2
            return [
                *await self.commit_batch(records[:middle], watch, beside=beside),
                *await self.commit_batch(records[middle:], watch, beside=beside),
            ]
        return await self._give_up(records[0], error, watch)

    async def _give_up(
        self, alone: DecodedRecord, error: BaseException, watch: Stopwatch
    ) -> Sequence[RecordOutcome]:
        """Make a record that cannot be applied by itself a dead letter."""
        if isinstance(alone.content, DeadLetter):
            raise error  # a dead letter that cannot be stored: crash rather than lose it
        letter = refused_by_database(error, alone.content.account)
        log.error(
            "record refused by the database",
            detail=letter.detail,
            topic=alone.record.topic,
            partition=alone.record.partition,
            offset=alone.record.offset,
        )
        return await self.commit_batch([DecodedRecord(alone.record, letter)], watch)

    async def _after_time_out(
        self, due: DueBatch, beside: Sequence[DecodedRecord], error: BaseException, watch: Stopwatch
    ) -> Sequence[RecordOutcome]:
        """Let the next try have fewer records; give up one that runs into time-outs alone, while others do not.

        Raises the error where there are no others to compare with: by the next fetch there may be.
        """
        self._size.note_time_out(len(due.records))
        if len(due.records) > 1:
            return []
        [alone] = due.records
        others = skip_processed([one for one in beside if one is not alone], self._lanes).records
        if not others:
            raise error
        if not await self._culprit.is_found(alone, others, lambda one: self._can_apply(one, watch)):
            return []
        self._size.note_culprit()
        return await self._give_up(alone, error, watch)

    async def _can_apply(self, record: DecodedRecord, watch: Stopwatch) -> bool:
        """Return whether Postgres applies a record by itself; nothing is committed."""
        due = skip_processed([record], self._lanes)
        try:
            due, triaged = await self._triage(due, watch)
            writes, _ = await self._apply(due, triaged, watch)
            await writes.end()
        except (StaleCatalogError, FencedError):
            return False
        except Exception as error:
            if not is_data_error(error) and retry_reason(error) is None:
                raise
            return False
        finally:
            await self._context.database.roll_back()
        return True

    async def _wait(self, reason: RetryReason, attempt: int, error: BaseException) -> None:
        self._context.database.drop()
        self._metrics.database_retries.labels(reason.value).inc()
        self._waiting(f"database: {reason.value}, attempt {attempt}: {error!r}"[:200])
        log.warning(
            "database error, trying again", reason=reason.value, attempt=attempt, error=repr(error)[:200]
        )
        await asyncio.sleep(backoff(attempt, first=0.04, most=5.0))

    async def _read_lanes(self, due: DueBatch) -> None:
        """Read the lanes of the batch from the database; release those that another worker has taken over."""
        attempt = 0
        while True:
            try:
                rows = await positions.read(await self._context.database.get(), due.lanes)
                break
            except Exception as error:
                reason = retry_reason(error)
                if reason is None:
                    raise
                attempt += 1
                await self._wait(reason, attempt, error)
        taken_over = {*self._lanes.refresh(rows), *(due.lanes.keys() - rows.keys())}
        self._lanes.release(taken_over)
        for topic, partition in sorted(taken_over):
            log.warning("lane taken over by another worker", topic=topic, partition=partition)

    def _is_committed(self, due: DueBatch) -> bool:
        """Return whether a COMMIT without an answer took effect: then the lanes are where the batch moved them."""
        return all(
            key in self._lanes and self._lanes[key].next_offset == after.next_offset
            for key, after in due.lanes.items()
        )

    # After the commit ----------------------------------------------------------------------------------------

    def _finish(self, due: DueBatch, applied: AppliedBatch, watch: Stopwatch) -> Sequence[RecordOutcome]:
        self._in_doubt = None
        self._context.committed(has_changed=applied.has_changed)
        self._size.note_commit(len(due.records))
        self._culprit.note_commit()
        self._lanes.hold(due.lanes.values())
        for one in applied.unmatched:
            self._inbox.add(one.account.id, one.event)
        if self._ignored is not None:
            self._ignored.note(due.records, applied.results, applied.triaged.catalog, applied.dead_letters)
        count_batch(self._metrics, self._clock, applied)
        log_batch(applied, due.lanes.values(), watch.seconds)
        self._committed()
        return applied.results
