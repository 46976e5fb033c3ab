"""Batches that Postgres gives up on: made smaller, and no record is lost for a database that is slow or locked."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from consumer.infra import postgres
from consumer.infra.postgres.migrate import migrate
from consumer.ingest import apply, triage
from consumer.ingest.judge_entries import judge_entries
from tests.builders.catalog_documents import ALWAYS, dedup_document, definition, document
from tests.builders.events import numbered_event
from tests.pipeline import service, slow_trigger
from tests.servers.faulty_postgres import FaultyPostgres
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import pytest

    from consumer.infra.postgres.connection import Connection
    from consumer.infra.postgres.writes import Writes
    from consumer.ingest.judge_entries import JudgedEntries
    from consumer.ingest.store_entries import NewEntry
    from tests.pipeline.service import Service

# Time-outs in seconds.
_STATEMENT = 0.5
_IDLE = 0.5
_TOO_LONG = slow_trigger.mark(30)


@asynccontextmanager
async def _impatient(database: str) -> AsyncIterator[Service]:
    """Give a batch processor with short time-outs for statements, locks and idle transactions."""

    async def connect() -> Connection:
        return await postgres.connect(
            database,
            statement_timeout=str(round(_STATEMENT * 1000)),
            lock_timeout="100",
            idle_in_transaction_session_timeout=str(round(_IDLE * 1000)),
            command_timeout=1.0,
        )

    async with service.running(database, connect=connect) as worker:
        await worker.apply(dedup_document(ALWAYS))
        yield worker


def _retries(worker: Service, reason: str) -> float:
    return (
        worker.metrics.registry.get_sample_value("engagement_database_retries_total", {"reason": reason}) or 0
    )


async def test_one_record_that_takes_too_long(database: str, connection: Connection) -> None:
    """It alone becomes a dead letter that names the time-out, loudly; its neighbours before and after it count."""
    await slow_trigger.take_time(connection)
    async with _impatient(database) as worker:
        records = [numbered_event(number, subject=f"c-{number}") for number in range(40)]
        records[17] = numbered_event(17, subject="hot", objectid=_TOO_LONG)
        with capture_logs() as logs:
            outcomes = await worker.batch(records)
        assert outcomes[17] == "dead refused_by_database"
        assert set(outcomes[:17] + outcomes[18:]) == {"applied"}
        [letter] = await connection.fetch('select detail, "offset" from dead_letters')
        assert letter["offset"] == 17
        assert letter["detail"].startswith("time-out")
        assert [one["log_level"] for one in logs if one["event"] == "record refused by the database"] == [
            "error"
        ]
        # The culprit is found: what follows is not divided.
        before = _retries(worker, "statement_timeout")
        assert set(await worker.batch([numbered_event(number) for number in range(100, 140)])) == {"applied"}
        assert _retries(worker, "statement_timeout") == before


async def test_records_that_together_take_too_long(database: str, connection: Connection) -> None:
    """A batch that cannot finish is divided until it can, and nothing of it dies; the next one begins smaller."""
    await slow_trigger.take_time(connection)
    async with _impatient(database) as worker:
        slow = slow_trigger.mark(_STATEMENT / 8)

        async def batch(first: int) -> float:
            before = _retries(worker, "statement_timeout")
            records = [numbered_event(number, objectid=slow) for number in range(first, first + 32)]
            assert await worker.batch(records) == ["applied"] * 32
            return _retries(worker, "statement_timeout") - before

        assert await batch(0) >= 2
        assert await batch(32) <= 1
        assert await connection.fetchval("select count(*) from dead_letters") == 0


async def test_a_database_that_is_slow_for_all(database: str, connection: Connection) -> None:
    """Where no record can be applied none is a dead letter, and all are applied once the database is well again."""
    await slow_trigger.take_time(connection)
    async with _impatient(database) as worker:
        records = [numbered_event(number, objectid=_TOO_LONG) for number in range(4)]
        batch = asyncio.create_task(worker.batch(records))
        # Twice as a whole, once halved, once alone; then three others: and again.
        await eventually(
            lambda: _retries(worker, "statement_timeout") >= 6, within=60, what="many time-outs of one record"
        )
        await slow_trigger.hurry_up(connection)
        assert await batch == ["applied"] * 4
        assert await connection.fetchval("select count(*) from dead_letters") == 0


async def test_a_locked_database(database: str, connection: Connection) -> None:
    """A wait for a lock is no reason to divide a batch, or to give up a record."""
    async with _impatient(database) as worker:
        async with connection.transaction():
            await connection.execute("lock table timeline in access exclusive mode")
            batch = asyncio.create_task(worker.batch([numbered_event(number) for number in range(8)]))
            await eventually(
                lambda: _retries(worker, "lock_timeout") >= 5, within=30, what="waits for the lock"
            )
        with capture_logs() as logs:
            assert await batch == ["applied"] * 8
        assert [one["records"] for one in logs if one["event"] == "batch"] == [8]


async def test_a_frozen_database() -> None:
    """While Postgres is frozen the batch waits; once it goes on everything is applied, and nothing is dead."""
    async with FaultyPostgres(fsync=False) as server:
        await migrate(server.dsn)
        async with _impatient(server.dsn) as worker:
            server.freeze()
            try:
                batch = asyncio.create_task(worker.batch([numbered_event(number) for number in range(8)]))
                await eventually(lambda: _retries(worker, "connection") >= 2, within=60, what="retries")
            finally:
                server.thaw()
            assert await batch == ["applied"] * 8


async def test_laying_out_that_takes_too_long(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction that Postgres ended as idle, because the work between its statements took long, is divided."""

    async def judge_slowly(
        connection: Connection, writes: Writes, entries: Sequence[NewEntry]
    ) -> JudgedEntries:
        end = time.monotonic() + _IDLE / 4 * len(entries)
        while time.monotonic() < end:  # the event loop stands still, as in any long computation
            pass
        return await judge_entries(connection, writes, entries)

    monkeypatch.setattr(apply, "judge_entries", judge_slowly)
    async with _impatient(database) as worker:
        with capture_logs() as logs:
            assert await worker.batch([numbered_event(number) for number in range(8)]) == ["applied"] * 8
        assert {one["records"] for one in logs if one["event"] == "batch"} <= {1, 2, 3}


async def test_many_definitions_on_one_type(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch has no more entries than its bound, however many definitions take its events."""
    monkeypatch.setattr(triage, "MOST_ENTRIES", 100)
    keys = [f"d{number}" for number in range(30)]
    async with service.running(database) as worker:
        await worker.apply(document(definitions=[definition(key, "deal.won") for key in keys]))
        with capture_logs() as logs:
            assert await worker.batch([numbered_event(number) for number in range(10)]) == ["applied"] * 10
    assert [one["entries"] for one in logs if one["event"] == "batch"] == [90, 90, 90, 30]


async def test_much_data_for_many_definitions(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch carries no more data than its bound, of which each entry has a copy; one record always passes."""
    monkeypatch.setattr(triage, "MOST_DATA", 500)
    keys = [f"d{number}" for number in range(2)]
    data = [{"note": "x" * length} for length in (100, 100, 400, 100)]
    async with service.running(database) as worker:
        await worker.apply(document(definitions=[definition(key, "deal.won") for key in keys]))
        with capture_logs() as logs:
            records = [numbered_event(number, data=json.dumps(one)) for number, one in enumerate(data)]
            assert await worker.batch(records) == ["applied"] * 4
    assert [one["records"] for one in logs if one["event"] == "batch"] == [2, 1, 1]
