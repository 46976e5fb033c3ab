"""Through a pooler in session mode everything works; in another mode every program says so and does nothing."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import asyncpg
import pytest

from consumer.__main__ import main
from consumer.cli.preflight import check
from consumer.infra import postgres
from consumer.infra.postgres import session
from consumer.infra.postgres.schema_version import PROGRAM
from consumer.infra.postgres.session import PoolerModeError
from consumer.scoring.verify import verify
from tests.builders.catalog_documents import ALWAYS, definition, document
from tests.builders.events import numbered_event
from tests.kafka.delivery_checks import outbox_rows
from tests.kafka.installation import Installation
from tests.kafka.worker_in_process import working
from tests.refused_command import assert_refused
from tests.servers.pgbouncer import PgBouncer
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from asyncpg.pool import PoolConnectionProxy

_LINE = (
    "the database is reached through a pooler that is not in session mode: set it to session mode (PgBouncer: "
    "pool_mode = session), or connect to Postgres directly"
)

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def pooler(pgbouncer: str, database: str) -> AsyncIterator[PgBouncer]:
    """Give a PgBouncer in session mode in front of a migrated database."""
    async with PgBouncer(pgbouncer, database, mode="session") as started:
        yield started


@pytest.fixture(params=["transaction", "statement"])
async def other_mode(
    request: pytest.FixtureRequest, pgbouncer: str, database: str
) -> AsyncIterator[PgBouncer]:
    """Give one in each of the other modes."""
    async with PgBouncer(pgbouncer, database, mode=request.param) as started:
        yield started


async def _assert_settings(connection: postgres.Connection | PoolConnectionProxy[asyncpg.Record]) -> None:
    for name, value in session.SETTINGS.items():
        found = await connection.fetchval(
            "select setting from pg_settings where lower(name) = $1 and $2::text is not null", name, value
        )
        assert found == value, name


async def test_settings_are_in_force_through_a_pooler(pooler: PgBouncer) -> None:
    """Time-outs hold although the pooler ignores them at the start of a connection."""
    connection = await postgres.connect(
        pooler.dsn, statement_timeout="12345", application_name="engagement-x"
    )
    assert connection.get_server_pid() != await connection.fetchval("select pg_backend_pid()")
    assert (
        await connection.fetchval("select setting from pg_settings where name = 'statement_timeout'")
        == "12345"
    )
    assert await connection.fetchval("show lock_timeout") == "2s"
    assert await connection.fetchval("show application_name") == f"engagement-x/{PROGRAM}"
    await connection.close()


@pytest.mark.parametrize("through_pooler", [False, True], ids=["direct", "pooler"])
async def test_the_next_borrower_of_a_connection_has_the_settings(
    database: str, pooler: PgBouncer, through_pooler: bool
) -> None:
    """What a transaction has set is undone when its connection goes back to the pool, and nothing more."""
    async with postgres.pool(pooler.dsn if through_pooler else database, size=1) as pool:
        async with pool.acquire() as connection:
            await _assert_settings(connection)
            backend = await connection.fetchval("select pg_backend_pid()")
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute("set local lock_timeout = 1; set local timezone = 'Europe/Paris'")
            # It is never ended: the request was cancelled.
        async with pool.acquire() as connection:
            assert await connection.fetchval("select pg_backend_pid()") == backend
            await _assert_settings(connection)


async def test_a_pooler_without_a_free_session_is_no_fault(pgbouncer: str, database: str) -> None:
    """The test of its mode needs a second session, but not one that the pooler does not have."""
    async with PgBouncer(pgbouncer, database, mode="session", sessions=1) as pooler:
        connection = await postgres.connect(pooler.dsn)
        await _assert_settings(connection)
        await connection.close()


@pytest.mark.real_kafka
async def test_a_worker_and_commands_through_a_pooler(
    installation: Installation,
    pooler: PgBouncer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """Catalog, check, worker, relay, lanes and verify; and the worker goes on after the pooler was killed."""
    installation = replace(installation, dsn=pooler.dsn)
    await installation.create_topics()
    for name, value in installation.environment().items():
        monkeypatch.setenv(name, value)
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(json.dumps(document(definitions=[definition("won", "deal.won", dedup=ALWAYS)])))
    found = {finding.subject: finding for finding in await check(installation.settings())}
    assert found["schema"].ok
    assert "pooler" not in found
    async with working(installation) as worker:
        assert await asyncio.to_thread(main, ["catalog", "apply", str(catalog)]) == 0
        sent = await installation.produce(numbered_event(number, type="deal.won") for number in range(20))
        await worker.until_handled(*sent, within=20)
        pooler.kill()
        sent = await installation.produce(numbered_event(number, type="deal.won") for number in range(20, 40))
        await eventually(lambda: not worker.worker.health.ready(), within=10, what="the worker to say so")
        await pooler.start()
        await worker.until_handled(*sent, within=30)

        async def published() -> bool:
            return await outbox_rows(installation) == 0

        await eventually(published, within=30, what="the messages to be published")
        assert await asyncio.to_thread(main, ["lanes", "list"]) == 0
    assert len([one for one in worker.handled if one.outcome.value == "applied"]) == 40
    assert capsys.readouterr().err == ""
    # The fixture closes that of the installation it made, not of this one.
    installation.database.close()
    report = await verify(pooler.dsn)
    assert (report.entries, report.differences) == (40, [])


async def test_another_mode_is_found_however_busy_the_pooler_is(other_mode: PgBouncer) -> None:
    """With one session, and with several that are free, every connection is refused."""
    for _ in range(5):
        with pytest.raises(PoolerModeError):
            await postgres.connect(other_mode.dsn)
    clients = [await asyncpg.connect(other_mode.dsn) for _ in range(6)]
    await asyncio.gather(*(client.execute("select pg_sleep(0.2)") for client in clients))
    for _ in range(10):
        with pytest.raises(PoolerModeError):
            await postgres.connect(other_mode.dsn)
    for client in clients:
        # Nothing was left in the sessions that others share.
        await client.execute("set application_name = 'other'")
        client.terminate()


async def test_check_names_another_mode(other_mode: PgBouncer) -> None:
    """It is one finding in place of those on the database."""
    found = await check(Installation(other_mode.dsn, "127.0.0.1:1", "").settings())
    assert [(finding.ok, finding.text) for finding in found if finding.subject == "pooler"] == [
        (False, _LINE)
    ]
    assert not [finding for finding in found if finding.subject in {"database", "schema"}]


@pytest.mark.parametrize("command", ["run", "web"])
async def test_processes_end_under_another_mode(other_mode: PgBouncer, command: str) -> None:
    """Worker and API end with 1 and one line."""
    environment = Installation(other_mode.dsn, "127.0.0.1:1", "t-").environment(jwt_secret="s" * 32)
    clean = {name: value for name, value in os.environ.items() if "ENGAGEMENT" not in name}
    await assert_refused(command, environment=clean | environment, line=_LINE)
