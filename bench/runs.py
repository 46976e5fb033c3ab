"""One run of the floor, and one of the worker, over topics that are laid already.

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
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import psutil

from bench.oracle import compare
from bench.servers import environment
from bench.traffic import KINDS, PARTITIONS, TOPICS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from bench.oracle import Expected
    from bench.servers import Servers

    Prepare = Callable[[str], Awaitable[object]]

_ROOT = Path(__file__).parents[1]
_POLL = 0.05
_PATIENCE = 600


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run did. events: records consumed. cpu: seconds by who spent them. rss: bytes, the most seen."""

    seconds: float
    events: int
    rows: int
    cpu: dict[str, float]
    rss: int = 0

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.events / self.seconds

    def cpu_per_thousand(self) -> dict[str, float]:
        """Return the milliseconds of CPU per 1,000 events, by who spent them."""
        return {name: 1000 * spent / self.events * 1000 for name, spent in self.cpu.items()}


async def floor(servers: Servers, prefix: str, *, with_key: bool = False) -> Figures:
    """Copy everything through."""
    database = await servers.database("template1")
    asked = {
        "topics": TOPICS,
        "definitions": {kind.type: list(range(1, 1 + len(kind.definitions))) for kind in KINDS},
    }
    before = servers.cpu()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.floor",
        "--dsn", servers.dsn(database),
        "--bootstrap", servers.bootstrap,
        "--prefix", prefix,
        "--topics", json.dumps(asked),
        "--partitions", str(PARTITIONS),
        *(["--with-key"] if with_key else []),
        cwd=_ROOT,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    after = servers.cpu()
    if process.returncode:
        raise RuntimeError(f"the floor ended with {process.returncode}")
    await servers.drop(database)
    said: dict[str, Any] = json.loads(output)
    cpu = {
        "program": said["cpu_seconds"],
        "postgres": after[0] - before[0],
        "kafka": after[1] - before[1],
    }
    return Figures(said["seconds"], said["events"], said["rows"], cpu)


class Worker:
    """A worker as operators run it, its log kept until the end."""

    def __init__(self, servers: Servers, database: str, prefix: str, group: str, **settings: str) -> None:
        self.log = Path(tempfile.mkstemp(prefix="engagement-bench-")[1])
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "consumer", "run"],
                cwd=_ROOT,
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
        """Return the CPU seconds spent so far."""
        spent = self._seen.cpu_times()
        return spent.user + spent.system

    def rss(self) -> int:
        """Return the bytes of memory that it has now."""
        resident: int = self._seen.memory_info().rss
        return resident

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
    **settings: str,
) -> Figures:
    """Let workers process everything, and compare what they made of it with what should be.

    From the first record consumed to the last message acknowledged. again: once it is done, everything a second
    time, which is what is measured. prepare: what is done to the database before they start.
    """
    database = await servers.database(*([template] if template else []))
    if prepare:
        await prepare(servers.dsn(database))
    observer = await asyncpg.connect(servers.dsn(database))
    crew = [Worker(servers, database, prefix, database, **settings) for _ in range(workers)]
    try:
        rows = await observer.fetchval("select count(*) from timeline") if template else 0
        done = await _done(servers, observer, crew, records)
        if again:
            for worker in crew:
                worker.stop()
            await observer.execute(
                "update lanes set epoch = epoch + 1, next_offset = 0, last_timestamp = null, last_checksum = null"
            )
            crew = [Worker(servers, database, prefix, database, **settings) for _ in range(workers)]
            done = await _done(servers, observer, crew, records)
        written = await observer.fetchval("select count(*) from timeline") - rows
        if expected is not None and (wrong := await compare(observer, expected)):
            raise RuntimeError(f"the worker is wrong about {', '.join(wrong)}")
    finally:
        for worker in crew:
            worker.stop()
        await observer.close()
        await servers.drop(database)
    return Figures(done.seconds, records, written, done.cpu, done.rss)


async def _done(
    servers: Servers, observer: asyncpg.Connection[asyncpg.Record], crew: list[Worker], records: int
) -> Figures:
    """Wait until everything is committed and told; seconds from when the first lanes were taken."""
    deadline = time.monotonic() + _PATIENCE
    began: float | None = None
    begun = (0.0, 0.0, 0.0)
    most = 0
    while True:
        for worker in crew:
            worker.check()
        most = max(most, *(worker.rss() for worker in crew))
        if began is None:
            spent = _spent(servers, crew)
            taken = [line["at"] for worker in crew for line in worker.lines("lanes taken")]
            if taken:
                began, begun = datetime.fromisoformat(min(taken)).timestamp(), spent
        elif await observer.fetchval(_FINISHED, records):
            now = time.time()
            # Not each time: to look through all processes takes a tenth of a core.
            spent = _spent(servers, crew)
            cpu = dict(
                zip(
                    ("worker", "postgres", "kafka"),
                    (b - a for a, b in zip(begun, spent, strict=True)),
                    strict=True,
                )
            )
            return Figures(now - began, records, 0, cpu, most)
        if time.monotonic() > deadline:
            raise RuntimeError(f"not done after {_PATIENCE} s: {crew[0].log.read_text()[-3000:]}")
        await asyncio.sleep(_POLL)


def _spent(servers: Servers, crew: list[Worker]) -> tuple[float, float, float]:
    return sum(worker.cpu() for worker in crew), *servers.cpu()


_FINISHED = """
    select (select coalesce(sum(next_offset), 0) from lanes) >= $1::bigint
        and not exists (select from outbox_heads h join relay_floors f using (shard) where f.floor < h.head)"""


@asynccontextmanager
async def running(servers: Servers, database: str, prefix: str, **settings: str) -> AsyncIterator[Worker]:
    """Give a worker that reads along, for measurements that feed it themselves."""
    worker = Worker(servers, database, prefix, database, **settings)
    try:
        while not worker.lines("lanes taken"):
            worker.check()
            await asyncio.sleep(_POLL)
        yield worker
    finally:
        worker.stop()
