"""A worker that has no more files says so: aiokafka's errors of a connection hide the reason."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

import psutil

from tests.kafka.installation import Installation
from tests.kafka.worker_process import WorkerProcess
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_worker_without_files_names_them(database: str, tmp_path: Path) -> None:
    """With its limit lowered a worker that connects names it in the log, once for each part."""
    installation = Installation(database, "127.0.0.1:1", "none-")
    async with WorkerProcess(installation, tmp_path, pipelines="1") as worker:
        await worker.until(503, within=20, component="relay")
        # The connection of the test's client is open already, and so are those to Postgres.
        psutil.Process(worker.pid).rlimit(resource.RLIMIT_NOFILE, (3, 3))

        async def named() -> bool:
            lines = [line for line in worker.lines() if line["event"] == "not healthy"]
            named = {line["component"] for line in lines if "too many open files" in line["why"]}
            assert named >= {"kafka", "ingest", "relay"}, named
            return True

        await eventually(named, within=20, what="the limit to be named")
        logged = [line["error"] for line in worker.lines() if line["event"] == "ingest tries again"]
        [line] = [error for error in logged if "too many open files" in error]
        assert "no more of them than 3" in line
