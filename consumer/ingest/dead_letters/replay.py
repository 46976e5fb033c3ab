"""Feeds dead letters again: the stored bytes through the same code, once the code or the catalog has changed.

    stored bytes ─► decode ─► sort out ─►┌─ one transaction ──────────────────────────────────────┐
                                         │ revision → lock letters → claim … apply → remove them │─► commit
                                         └────────────────────────────────────────────────────────┘

Owns that transaction and what becomes of its errors. Never moves a lane, and never decides an outcome: it is
what `ingest.fold` and the catalog say. An event and the end of its dead letter are committed together, so a replay
that was interrupted has happened or has not, and a second one finds nothing to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.domain.decode import decode
from consumer.domain.model import DeadLetter, Record
from consumer.infra.postgres.connection import fetch_one
from consumer.infra.postgres.errors import is_data_error
from consumer.infra.postgres.retry import retry_transient
from consumer.infra.telemetry.metrics import Metrics
from consumer.ingest.batch_context import BatchContext
from consumer.ingest.batch_processor import BEGIN, StaleCatalogError, fold
from consumer.ingest.batch_report import Stopwatch
from consumer.ingest.dead_letters import browse
from consumer.ingest.triage import Batch, Decoded, sort_out
from schemas.names import DeadLetterReason, Outcome
from sql import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from datetime import timedelta

    from consumer.infra.postgres.connection import Connection
    from consumer.ingest.dead_letters.browse import Selection, Whole

_SQL = queries("deadletters")

# Still dead, or without effect only as the catalog stands now: what a change of it can still save is kept.
STAYING = frozenset({Outcome.DEAD, Outcome.UNKNOWN_ACCOUNT, Outcome.DISABLED, Outcome.UNMATCHED})


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a dead letter. outcome: None where there was none. fault: why it is still dead."""

    id: int
    outcome: Outcome | None
    fault: DeadLetter | None = None

    @property
    def stays(self) -> bool:
        """Tell whether the dead letter is still there."""
        return self.outcome in STAYING


class Replay:
    """Feeds dead letters again over one connection at a time."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], *, claim_window: timedelta) -> None:
        self._context = BatchContext(connect)
        self._claim_window = claim_window
        self._watch = Stopwatch(Metrics())
        # What the transaction in flight did, should the answer to its COMMIT be lost.
        self._in_doubt: dict[int, Replayed] = {}

    def close(self) -> None:
        """Give up the connection; what was not committed has not happened."""
        self._context.database.drop()

    async def run(self, selection: Selection) -> AsyncIterator[list[Replayed]]:
        """Feed a selection as it stands now, some at a time, and tell what became of each, by number.

        Raises what does not pass within about half a minute; what was told until then has happened.
        """
        _, newest = await retry_transient(
            self._context.database, lambda connection: browse.count(connection, selection)
        )
        last = 0
        missing = set(selection.ids)
        while ids := await self._pick(selection, last, newest):
            last = ids[-1]
            missing.difference_update(ids)
            yield await self._settle(ids)
        if missing:
            yield [Replayed(number, None) for number in sorted(missing)]

    async def _pick(self, selection: Selection, last: int, newest: int) -> list[int]:
        return await retry_transient(
            self._context.database, lambda connection: browse.pick(connection, selection, last, newest)
        )

    async def _settle(self, ids: Sequence[int]) -> list[Replayed]:
        """Repeat or divide until each of these has its outcome."""
        self._in_doubt = {}
        while True:
            try:
                return await retry_transient(
                    self._context.database, lambda connection: self._transaction(connection, ids)
                )
            except StaleCatalogError:
                await self._context.database.roll_back()
                self._context.forget_catalog()
            except Exception as error:
                if not is_data_error(error):
                    raise
                await self._context.database.roll_back()
                if len(ids) == 1:
                    detail = f"SQLSTATE {getattr(error, 'sqlstate', None)}, {type(error).__name__}"
                    refused = DeadLetter(DeadLetterReason.REFUSED_BY_DATABASE, detail)
                    return [Replayed(ids[0], Outcome.DEAD, refused)]
                middle = len(ids) // 2
                return [*await self._settle(ids[:middle]), *await self._settle(ids[middle:])]

    async def _transaction(self, connection: Connection, ids: Sequence[int]) -> list[Replayed]:
        letters = await browse.get_whole(connection, ids)
        there = {letter.summary.id for letter in letters}
        # Gone: through by a COMMIT whose answer was lost, else fed or discarded by somebody else.
        gone = [self._in_doubt.get(number, Replayed(number, None)) for number in ids if number not in there]
        if not letters:
            return gone
        records = [_record(letter) for letter in letters]
        batch = Batch([Decoded(record, decode(record)) for record in records], {})
        catalog = await self._context.catalog()
        sort_out(batch, catalog)
        # They are kept already.
        batch.dead = []
        await self._context.prepare_partitions(one.event.occurred_us for one in batch.matched)

        await connection.execute(BEGIN)
        locked = await connection.fetch(_SQL["lock"], sorted(there))
        if len(locked) < len(there):
            await connection.execute("rollback")
            return await self._transaction(connection, ids)
        if (await fetch_one(connection, _SQL["revision"]))["revision"] != catalog.revision:
            raise StaleCatalogError
        applied = await fold(connection, batch, self._watch, self._context.shards, self._claim_window)
        replayed = [
            Replayed(
                letter.summary.id,
                outcome,
                decoded.content if isinstance(decoded.content, DeadLetter) else None,
            )
            for letter, decoded, outcome in zip(letters, batch.records, applied.outcomes, strict=True)
        ]
        await browse.discard(connection, [one.id for one in replayed if not one.stays])
        self._in_doubt = {one.id: one for one in replayed}
        await connection.execute("commit")
        return sorted([*gone, *replayed], key=lambda one: one.id)


def _record(letter: Whole) -> Record:
    """Return the record as Kafka gave it, with its own timestamp."""
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
