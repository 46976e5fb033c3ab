"""The program of version 6, from the history of this repository, in a folder of its own.

Its dependencies are those of this version, so that the same Python runs it.
"""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.kafka.worker_process import ROOT, WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# The last commit of version 6, the oldest program that may run on this version's schema.
COMMIT = "bf369ddd4739380c9d59f57c861fb72a9b495e1e"

_PREPARE = """
import asyncio, json, sys
from consumer.infra.postgres.migrate import migrate
from tests.pipeline.service import apply_document

async def prepare(dsn, documents):
    print(*await migrate(dsn))
    for document in documents:
        await apply_document(dsn, document)

asyncio.run(prepare(sys.argv[1], json.loads(sys.argv[2])))
"""

_PUBLISH = """
import asyncio, json, sys
from consumer import catalog
from consumer.infra import postgres
from tests.pipeline.service import parsed

async def publish(dsn, document):
    await catalog.apply_document(await postgres.connect(dsn), parsed(document))

asyncio.run(publish(sys.argv[1], json.loads(sys.argv[2])))
"""


class OldProgram:
    """The program in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

        class Process(WorkerProcess):
            root = self.root

        class Web(Process):
            command = "web"

        self.worker, self.web = Process, Web

    async def prepare(self, dsn: str, documents: Iterable[dict[str, Any]]) -> str:
        """Have it create its schema and apply these catalogs; return the versions before and after."""
        return await self._run("-c", _PREPARE, dsn, json.dumps(list(documents)))

    async def publish(self, dsn: str, document: dict[str, Any]) -> None:
        """Have it apply a catalog, and leave what that publishes to workers."""
        await self._run("-c", _PUBLISH, dsn, json.dumps(document))

    async def _run(self, *words: str) -> str:
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, *words],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return str(done.stdout).strip()


def extract(folder: Path) -> OldProgram:
    """Write the program of COMMIT into a folder; skip the test where the history does not reach back to it."""
    archive = subprocess.run(["git", "archive", COMMIT], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode != 0:
        pytest.skip(
            f"the history does not reach back to {COMMIT[:7]}, the program of version 6 (a shallow clone?)"
        )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return OldProgram(folder)
