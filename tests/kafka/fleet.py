"""Workers and a relay as processes of their own, on servers reached through proxies, each replaced when it ends.

Owns the processes, the proxies and how far the work has come. Never breaks anything by itself: faults.py does.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from consumer.infra.postgres.migrate import migrate
from tests.kafka.delivery_checks import outbox_rows, progress
from tests.kafka.installation import Installation
from tests.kafka.tcp_proxy import TcpProxy
from tests.kafka.worker_process import WorkerProcess
from tests.servers.faulty_postgres import FaultyPostgres
from tests.servers.maven_kafka import MavenKafka
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

WORKERS = 3
_PATIENCE = 60
_SETTINGS = {"batch_records": "20"}


@dataclass
class Fleet:
    """Three workers and a relay. direct: the installation past the proxies; through: as the processes see it."""

    direct: Installation
    through: Installation
    postgres: FaultyPostgres
    kafka: MavenKafka
    postgres_proxy: TcpProxy
    kafka_proxy: TcpProxy
    folder: Path
    workers: list[WorkerProcess] = field(default_factory=list)
    relays: list[WorkerProcess] = field(default_factory=list)
    fed: int = 0

    def start_worker(self) -> None:
        """Start one more worker."""
        self.workers.append(WorkerProcess(self.through, self.folder, **_SETTINGS))

    def start_relay(self) -> None:
        """Start one more process that does nothing but publish."""
        self.relays.append(WorkerProcess(self.through, self.folder, "--only", "relay", **_SETTINGS))

    def replace(self, process: WorkerProcess) -> None:
        """Start another in place of one that has ended."""
        if process in self.workers:
            self.workers.remove(process)
            self.start_worker()
        else:
            self.relays.remove(process)
            self.start_relay()

    async def worked_off(self) -> bool:
        """Return whether everything that was sent is committed and published."""
        return await progress(self.direct) == self.fed and await outbox_rows(self.direct) == 0

    async def until_worked_off(self) -> float:
        """Wait until it is, and return the seconds waited."""
        begun = time.monotonic()
        await eventually(
            self.worked_off,
            within=_PATIENCE,
            every=0.01,
            what=f"{self.fed} records to be committed and published",
        )
        return time.monotonic() - begun

    async def until_passed(self, position: int) -> None:
        """Wait until more records than this are committed."""

        async def passed() -> bool:
            return await progress(self.direct) > position

        await eventually(passed, within=_PATIENCE, every=0.002, what=f"record {position} to be passed")

    async def nothing_held_by(self, process: WorkerProcess) -> None:
        """Wait until others have every slice and shard of a process."""

        async def replaced() -> bool:
            held = await self.direct.database.fetchval(_HELD, f"%:{process.pid}", f"%:{process.pid}:%")
            assert held == 0
            return True

        await eventually(replaced, within=_PATIENCE, what="others to have everything")


_HELD = """
    select (select count(*) from slices s join workers w on w.id = s.worker_id where w.name like $1)
        + (select count(*) from shard_leases where owner like $2)"""


@asynccontextmanager
async def fleet(folder: Path, prefix: str) -> AsyncIterator[Fleet]:
    """Give a fleet on servers of its own; start its processes after creating topics and accounts."""
    async with AsyncExitStack() as stack:
        proxies = TcpProxy(), TcpProxy()
        for proxy in proxies:
            await proxy.start()
            stack.push_async_callback(proxy.close)
        postgres = await stack.enter_async_context(FaultyPostgres(fsync=False))
        await migrate(postgres.dsn)
        kafka = MavenKafka(proxy_port=proxies[1].port)
        stack.push_async_callback(kafka.close)
        await kafka.start()
        proxies[0].upstream, proxies[1].upstream = postgres.port, kafka.behind_proxy
        made = Fleet(
            Installation(postgres.dsn, kafka.bootstrap, prefix),
            Installation(
                postgres.dsn.replace(f":{postgres.port}/", f":{proxies[0].port}/"),
                f"127.0.0.1:{proxies[1].port}",
                prefix,
            ),
            postgres,
            kafka,
            *proxies,
            folder,
        )
        try:
            yield made
        finally:
            made.direct.database.close()
            await asyncio.gather(*(one.__aexit__(None, None, None) for one in (*made.workers, *made.relays)))
