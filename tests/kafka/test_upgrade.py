"""An upgrade under load, from the program of version 6 in the history to this one, and back: nothing stops."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg
import pytest

from consumer import catalog as product_catalog
from consumer.infra import postgres
from consumer.infra.postgres.migrate import ProgramsRunningError, migrate
from consumer.infra.postgres.migration_script import migrations
from tests.kafka.committed_reader import committed_reader
from tests.kafka.delivery_checks import assert_agrees, message_ids, outbox_rows, progress
from tests.kafka.installation import Installation
from tests.kafka.old_program import extract
from tests.kafka.traffic import ACCOUNTS, catalog, chunks, draw
from tests.kafka.traffic_sender import traffic_sender
from tests.kafka.worker_process import WorkerProcess
from tests.pipeline.service import parsed
from tests.postgres.made_up_migrations import BACKFILL, COLUMN, INDEX, NEXT, known_with, made
from tests.waiting import eventually
from tests.web.api_client import SECRET, bearer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from consumer.infra.postgres.migration_script import Migration
    from tests.kafka.committed_reader import CommittedReader
    from tests.kafka.old_program import OldProgram
    from tests.kafka.traffic import Traffic
    from tests.kafka.traffic_sender import TrafficSender
    from tests.servers.broker import KafkaServer

pytestmark = pytest.mark.real_kafka

# The version of the old program.
OLD = 6
_PARTITIONS = 3
_RECORDS, _PARTS = 2800, 7
# Small, so that records wait in every phase.
_SETTINGS = {"batch_records": "20"}

_HELD = """
    select count(*) from slices s join workers w on w.id = s.worker_id where w.name like $1"""
_CUT_OLD = """
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name ~ '^engagement.*/6'"""


@dataclass
class _Scene:
    """An installation that the program of version 6 has made, its worker and its API, and traffic in parts."""

    installation: Installation
    observer: asyncpg.Connection[asyncpg.Record]
    old: OldProgram
    folder: Path
    traffic: Traffic
    sender: TrafficSender
    reader: CommittedReader
    stack: AsyncExitStack

    def __post_init__(self) -> None:
        self._parts = iter(chunks(self.traffic.records, _PARTS))

    def send(self) -> None:
        """Begin to send the next part."""
        self.sender.send(next(self._parts))

    async def start_new(self) -> WorkerProcess:
        """Start a worker of this version."""
        return await self.stack.enter_async_context(
            WorkerProcess(self.installation, self.folder, **_SETTINGS)
        )

    async def start_old(self) -> WorkerProcess:
        """Start a worker of version 6."""
        return await self.stack.enter_async_context(
            self.old.worker(self.installation, self.folder, **_SETTINGS)
        )

    async def start_api(self) -> WorkerProcess:
        """Start the API of version 6."""
        return await self.stack.enter_async_context(
            self.old.web(self.installation, self.folder, jwt_secret=SECRET)
        )

    async def until_shared(self, *workers: WorkerProcess) -> None:
        """Wait until these have all slices, each at least one."""

        async def shared() -> bool:
            held = [await self.observer.fetchval(_HELD, f"%:{worker.pid}") for worker in workers]
            return all(held) and sum(held) == _PARTITIONS

        await eventually(shared, within=30, what="the workers to share the slices")

    async def still_works(self, what: str) -> None:
        """Send the next part, and wait until more is processed than was when this was called."""
        position = await progress(self.installation)
        self.send()

        async def passed() -> bool:
            return await progress(self.installation) > position

        await eventually(passed, within=30, what=f"{what} to process records")

    async def publish(self, won: int) -> None:
        """Publish a profile with these points for a deal, which workers have to carry out over all contacts."""
        connection = await postgres.connect(self.installation.dsn)
        await product_catalog.apply_document(connection, parsed(catalog(ACCOUNTS[0], won=won)))
        await connection.close()

    async def until_published(self) -> None:
        """Wait until no publish is under way."""

        async def ended() -> bool:
            return not await self.observer.fetchval("select count(*) from publishes where ended_at is null")

        await eventually(ended, within=30, what="the publish to end")

    async def until_worked_off(self) -> None:
        """Wait until everything is sent, committed and published."""
        await self.sender.finished()
        await self.until_published()

        async def worked_off() -> bool:
            done = await progress(self.installation) == len(self.traffic.records)
            return done and await outbox_rows(self.installation) == 0

        await eventually(worked_off, within=60, what="everything to be committed and published")


@pytest.fixture
async def scene(
    empty_database: str, kafka_server: KafkaServer, topic_prefix: str, tmp_path: Path
) -> AsyncIterator[_Scene]:
    """Give an installation whose database the program of version 6 has made."""
    old = await asyncio.to_thread(extract, tmp_path / "version-6")
    installation = Installation(empty_database, kafka_server.bootstrap, topic_prefix)
    _, versions = await asyncio.gather(
        installation.create_topics(_PARTITIONS), old.prepare(installation.dsn, map(catalog, ACCOUNTS))
    )
    assert versions == "0 6"
    async with AsyncExitStack() as stack:
        observer = await asyncpg.connect(installation.dsn)
        stack.push_async_callback(observer.close)
        sender = await stack.enter_async_context(traffic_sender(installation))
        reader = await stack.enter_async_context(committed_reader(installation, _PARTITIONS))
        traffic = draw(17, _RECORDS, partitions=_PARTITIONS)
        yield _Scene(installation, observer, old, tmp_path, traffic, sender, reader, stack)


def _live_with(*more: Migration) -> list[Migration]:
    """Return the migrations that programs of version 6 survive, and these."""
    return [*(one for one in migrations() if one.oldest_program <= OLD), *more]


async def _answers(api: WorkerProcess) -> None:
    response = await api.get(f"/v1/accounts/{ACCOUNTS[0]}/contacts?limit=1", headers=bearer("*"))
    assert response.status_code == 200, response.text
    assert response.json()["items"]


async def test_an_upgrade_under_load_and_back(scene: _Scene, report_line: Callable[[str], None]) -> None:
    """Old worker and API, the migration under them, a new worker beside, the new alone, and the old again.

    Nothing is lost or doubled, publishes end, and the old API answers all the while.
    """
    before, api = await scene.start_old(), await scene.start_api()
    await before.until(200, within=30)
    await api.until(200, within=30)
    await scene.until_shared(before)
    await scene.still_works("the old worker")
    await _answers(api)

    # The new program migrates while the old ones run; they may connect again, too.
    scene.send()
    began = time.monotonic()
    expand = made(COLUMN, INDEX, BACKFILL, oldest=OLD)
    assert await migrate(scene.installation.dsn, known=_live_with(expand)) == (OLD, NEXT)
    migrated = time.monotonic() - began
    await scene.still_works("the old worker on the new schema")
    await scene.observer.execute(_CUT_OLD)
    await scene.still_works("the old worker, connected again")
    await _answers(api)

    # Old and new side by side, then the new one alone.
    after = await scene.start_new()
    await scene.until_shared(before, after)
    await scene.publish(won=12)
    await scene.still_works("both")
    await before.terminate(within=10)
    await scene.until_shared(after)
    await scene.still_works("the new worker")
    await scene.until_published()
    await _answers(api)

    # And back.
    again = await scene.start_old()
    await scene.until_shared(after, again)
    last = catalog(ACCOUNTS[0], won=15)
    await scene.old.publish(scene.installation.dsn, last)
    await after.terminate(within=10)
    await scene.until_shared(again)
    await scene.still_works("the old worker, started again")
    await scene.until_worked_off()
    await _answers(api)

    # What takes the old away waits for its programs.
    contract = made("-- step: brief\nalter table contacts drop column nickname", number=NEXT + 1, oldest=NEXT)
    with pytest.raises(ProgramsRunningError, match="running: version 6 "):
        await migrate(scene.installation.dsn, known=known_with(expand, contract))

    scene.traffic.documents[0] = last
    await assert_agrees(scene.installation, scene.traffic)
    expected = await message_ids(scene.observer)
    await eventually(lambda: scene.reader.lost(expected) == 0, within=20, what="every message to be read")
    assert (scene.reader.doubled(expected), scene.reader.out_of_order) == (0, 0)
    report_line(
        f"upgrade under load and back: {_RECORDS} records, {len(expected)} messages, migrated in {migrated:.1f} s"
    )
