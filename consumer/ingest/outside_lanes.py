"""Applies events that no lane brings, such as those of a backfill: the code of a batch, without a position to move.

    decoded events ─► triage ─► one transaction: claim … judge → score → outbox ─► commit

Can be done twice: what is applied already is a duplicate.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Protocol

from consumer.infra.postgres.errors import is_data_error, is_time_out
from consumer.infra.postgres.retry import retry_transient
from consumer.infra.postgres.writes import Writes
from consumer.infra.telemetry.metrics import Metrics
from consumer.ingest.apply import apply_batch
from consumer.ingest.batch import RecordOutcome
from consumer.ingest.batch_context import BatchContext
from consumer.ingest.fence import look_up_claims
from consumer.ingest.stale_catalog import StaleCatalogError
from consumer.ingest.stopwatch import Stopwatch
from consumer.ingest.store_dead_letters import refused_by_database
from consumer.ingest.triage import triage
from schemas.vocabulary import Outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import timedelta

    from consumer.infra.postgres.connection import Connection
    from consumer.ingest.apply import Origin
    from consumer.ingest.batch import DecodedRecord


class _TooSlowError(Exception):
    """Postgres gave up on a statement of several events: try with fewer."""


class Within(Protocol):
    """What is done in the transactions of events beside applying them. Either may raise, which ends `apply`."""

    async def begin(self, connection: Connection) -> None:
        """Do what comes first."""

    async def end(self, connection: Connection, outcomes: Sequence[RecordOutcome]) -> None:
        """Do what comes before the commit. outcomes: of the events that come next."""

    def committed(self) -> None:
        """Note that it is committed."""


class OutsideLanes:
    """Takes events to commits, over one connection at a time."""

    def __init__(
        self, connect: Callable[[], Awaitable[Connection]], *, claim_window: timedelta, origin: Origin
    ) -> None:
        self._context = BatchContext(connect)
        self._claim_window = claim_window
        self._origin = origin
        self._watch = Stopwatch(Metrics())
        # What the transaction in flight did, by the places of its records, in case the answer to COMMIT is lost.
        self._in_doubt: Sequence[RecordOutcome] = ()

    def close(self) -> None:
        """Drop the connection; what is not committed has not happened."""
        self._context.database.drop()

    async def apply(
        self, events: Sequence[DecodedRecord], within: Within | None = None
    ) -> list[RecordOutcome]:
        """Take events to commits, as few as their entries allow, and return their outcomes in order.

        An event that the database refuses by itself is dead, and stored nowhere. Raises errors that last longer
        than about half a minute.
        """
        outcomes: list[RecordOutcome] = []
        while len(outcomes) < len(events):
            outcomes += await self._apply_some(events[len(outcomes) :], within)
        return outcomes

    async def _apply_some(
        self, events: Sequence[DecodedRecord], within: Within | None
    ) -> list[RecordOutcome]:
        """Repeat or divide until the first of these events, one at least, have their outcomes."""
        self._in_doubt = ()
        while True:
            try:
                return await retry_transient(
                    self._context.database, lambda connection: self._transaction(connection, events, within)
                )
            except StaleCatalogError as error:
                await self._context.database.roll_back()
                self._context.forget_catalog(error.accounts)
            except _TooSlowError:
                self._context.database.drop()
                return await self.apply(events[: len(events) // 2], within)
            except Exception as error:
                if not is_data_error(error):
                    raise
                await self._context.database.roll_back()
                if len(events) > 1:
                    return await self.apply(events[: len(events) // 2], within)
                [alone] = events
                refused = RecordOutcome(alone.record, Outcome.DEAD, refused_by_database(error))
                if within is not None:
                    await self._record_refused(within, refused)
                return [refused]

    async def _record_refused(self, within: Within, refused: RecordOutcome) -> None:
        async def record(_connection: Connection) -> None:
            connection = await self._context.begin()
            await within.begin(connection)
            await within.end(connection, [refused])
            await connection.execute("commit")

        await retry_transient(self._context.database, record)
        within.committed()

    async def _transaction(
        self, connection: Connection, events: Sequence[DecodedRecord], within: Within | None
    ) -> list[RecordOutcome]:
        context = self._context
        batch = triage(events, await context.catalog())
        try:
            await context.prepare_partitions(one.event.occurred_us for one in batch.matched)
            connection = await context.begin()
            if within is not None:
                await within.begin(connection)
            writes = Writes(connection, together=False)
            known = await look_up_claims(connection, batch.matched)
            applied = await apply_batch(
                *(connection, writes, batch, known, self._watch),
                shards=context.shards,
                salt=context.salt,
                may_erase=context.may_erase,
                weights=context.weights,
                claim_window=self._claim_window,
                origin=self._origin,
            )
        except Exception as error:
            if is_time_out(error) and len(events) > 1:
                raise _TooSlowError from error
            raise
        self._in_doubt = outcomes = [
            # A duplicate of what the same transaction did before, whose answer was lost.
            before if one.outcome is Outcome.DUPLICATE and before is not None else one
            for one, before in zip_longest(applied.results, self._in_doubt[: len(applied.results)])
        ]
        if within is not None:
            await within.end(connection, outcomes)
        await connection.execute("commit")
        context.committed(has_changed=applied.has_changed)
        if within is not None:
            within.committed()
        return outcomes
