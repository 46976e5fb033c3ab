"""One run of the worker, over topics that are laid already.

Owns starting the process, seeing when it is done, and what it spent. Never compares two runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import psutil

from bench import processes
from bench.figures import Figures, count
from bench.oracle import compare
from bench.servers import environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from bench.figures import Counters
    from bench.oracle import Expected
    from bench.servers import Servers

    Prepare = Callable[[str], Awaitable[object]]
    Progress = Callable[[int], object]

ROOT = Path(__file__).parents[1]
_POLL = 0.05
_LOOK_EVERY = 1.0
_START = 120
_PATIENCE = 600
_SLOWEST = 1000  # events per second that are waited for


class Worker:
    """A worker as operators run it, its log kept until the end."""

    def __init__(
        self,
        servers: Servers,
        database: str,
        prefix: str,
        group: str,
        *,
        only: str | None = None,
        root: Path = ROOT,
        **settings: str,
    ) -> None:
        """only: the half of it to run. root: of the repository whose worker it is."""
        self.log = Path(tempfile.mkstemp(prefix="engagement-bench-")[1])
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "consumer", "run", *(["--only", only] if only else [])],
                cwd=root,
                env=environment(
                    database_url=servers.dsn(database),
                    kafka_bootstrap=servers.bootstrap,
                    topic_prefix=prefix,
                    kafka_group=group,
                    http_host="127.0.0.1",
                    http_port="0",
                    **settings,
                ),
                stdout=log,
                stderr=log,
            )
        self._seen = psutil.Process(self._process.pid)

    def cpu(self) -> float:
        """Return the CPU seconds that its processes have spent so far."""
        return processes.cpu(processes.family(self._seen))

    def rss(self) -> int:
        """Return the bytes of memory that the largest of its processes has now."""
        return processes.largest(processes.family(self._seen))

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of its log that tell of this event."""
        said = self.log.read_text().splitlines()
        return [json.loads(line) for line in said if f'"event": "{event}"' in line]

    def check(self) -> None:
        """Fail where it has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(f"the worker has ended: {self.log.read_text()[-3000:]}")

    def stop(self) -> None:
        """End it in order."""
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(15)
        self._process.kill()
        self._process.wait()
        self.log.unlink()


async def subject(
    servers: Servers,
    prefix: str,
    expected: Expected | None,
    records: int,
    *,
    workers: int = 1,
    template: str | None = None,
    again: bool = False,
    prepare: Prepare | None = None,
    frames: Mapping[str, Any] | None = None,
    progress: Progress = lambda _: None,
    **settings: Any,
) -> Figures:
    """Let workers process everything, and compare what they made of it with what should be.

    From the first record consumed to the last message acknowledged. again: once it is done, everything a second
    time, which is what is measured. prepare: what is done to the database before they start. frames: that the
    profile then has. progress: is called with the number of records processed so far.
    """
    database = await servers.database(*([template] if template else []))
    if prepare:
        await prepare(servers.dsn(database))
    observer = await asyncpg.connect(servers.dsn(database))
    crew = [Worker(servers, database, prefix, database, **settings) for _ in range(workers)]
    try:
        rows = await observer.fetchval("select count(*) from timeline") if template else 0
        done = await _done(servers, observer, crew, records, progress)
        if again:
            for worker in crew:
                worker.stop()
            await observer.execute(
                "update lanes set epoch = epoch + 1, next_offset = 0, last_timestamp = null, last_checksum = null"
            )
            crew = [Worker(servers, database, prefix, database, **settings) for _ in range(workers)]
            done = await _done(servers, observer, crew, records, progress)
        written = await observer.fetchval("select count(*) from timeline") - rows
        if expected is not None and (wrong := await compare(observer, expected, frames)):
            raise RuntimeError(f"the worker is wrong about {', '.join(wrong)}")
    finally:
        for worker in crew:
            worker.stop()
        await observer.close()
        await servers.drop(database)
    return replace(done, rows=written)


async def _done(
    servers: Servers,
    observer: asyncpg.Connection[asyncpg.Record],
    crew: list[Worker],
    records: int,
    progress: Progress,
) -> Figures:
    """Wait until everything is committed and published; seconds from when the first lanes were taken."""
    began, spent, before = await _begun(servers, observer, crew)
    deadline = time.monotonic() + _PATIENCE + records / _SLOWEST
    most = 0
    looked = committed = 0.0
    while True:
        for worker in crew:
            worker.check()
        # Not each time: to look through all processes takes a tenth of a core.
        if time.monotonic() - looked > _LOOK_EVERY:
            most, looked = max(most, *(worker.rss() for worker in crew)), time.monotonic()
        [(processed, published)] = await observer.fetch(_PROCESSED)
        if processed >= records:
            committed = committed or time.time()
        if committed and published:
            ended = time.time()
            cpu = {"worker": sum(worker.cpu() for worker in crew) - spent}
            done = Figures.between(
                before, await count(servers, observer), seconds=ended - began, events=records, rows=0, cpu=cpu
            )
            return replace(done, rss=most, publish_lag=ended - committed)
        progress(processed)
        if time.monotonic() > deadline:
            raise RuntimeError(f"not done with {processed} of {records}: {crew[0].log.read_text()[-3000:]}")
        await asyncio.sleep(_POLL)


async def _begun(
    servers: Servers, observer: asyncpg.Connection[asyncpg.Record], crew: list[Worker]
) -> tuple[float, float, Counters]:
    """Wait for the first lanes to be taken; return when that was, with CPU seconds and counters just before."""
    async with asyncio.timeout(_START):
        while True:
            for worker in crew:
                worker.check()
            spent, before = sum(worker.cpu() for worker in crew), await count(servers, observer)
            taken = [line["at"] for worker in crew for line in worker.lines("lanes taken")]
            if taken:
                return datetime.fromisoformat(min(taken)).timestamp(), spent, before
            await asyncio.sleep(_POLL)


_PROCESSED = """
    select (select coalesce(sum(next_offset), 0)::bigint from lanes),
        not exists (select from outbox_heads h join relay_floors f using (shard) where f.floor < h.head)"""


@asynccontextmanager
async def running(servers: Servers, database: str, prefix: str, **settings: Any) -> AsyncIterator[Worker]:
    """Give a worker that reads along, for measurements that feed it themselves."""
    worker = Worker(servers, database, prefix, database, **settings)
    try:
        while not worker.lines("lanes taken"):
            worker.check()
            await asyncio.sleep(_POLL)
        yield worker
    finally:
        worker.stop()
