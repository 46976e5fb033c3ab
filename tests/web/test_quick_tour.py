"""The README's quick tour does what it says: the block itself, run by a shell against the service."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from consumer.demo.servers import EmbeddedBroker
from consumer.infra import http_server
from consumer.infra.settings import Settings
from consumer.worker.app import Worker
from schemas.vocabulary import INPUT_TOPICS
from tests.readme import block
from tests.web.api_client import SECRET, serving

if TYPE_CHECKING:
    from collections.abc import Mapping


async def test_from_nothing_to_the_first_sorted_list(database: str) -> None:
    """Every command succeeds, and the list is sorted by scores of both groups once the worker has caught up."""
    listener = http_server.listen("127.0.0.1", 0)
    address = f"localhost:{listener.getsockname()[1]}"
    steps, listing = block("tour").replace("localhost:8081", address).rsplit("\n\n", 1)
    # Readers repeat the last command until the worker has caught up; so does this shell.
    # Contacts come before what they did: until a deal has counted.
    counted = """grep -qE '"overall": ?([5-9][0-9]|[0-9]{3})' <<< "$list\""""
    again = f'until list=$({listing.strip()}) && {counted}; do sleep 0.1; done; echo "$list"'
    with EmbeddedBroker() as broker:
        for topic in INPUT_TOPICS:
            broker.create_topic(topic, 4)
        named = {"DATABASE_URL": database, "KAFKA_BOOTSTRAP": broker.bootstrap, "JWT_SECRET": SECRET}
        environment = {f"ENGAGEMENT_{name}": value for name, value in named.items()}
        worker = Worker(
            Settings(
                database_url=database, kafka_bootstrap=broker.bootstrap, http_host="127.0.0.1", http_port=0
            )
        )
        async with serving(database) as api:
            web = asyncio.create_task(http_server.serve(api.app, listener, patience=1))
            working = asyncio.create_task(worker.run("ingest"))
            try:
                said = await _run(f"set -eu -o pipefail\n{steps}\n{again}", environment)
            finally:
                worker.stopping.set()
                web.cancel()
                await asyncio.wait([web, working])
        working.result()
    *created, listed = said.splitlines()
    assert [json.loads(line)["name"] for line in created if line.startswith("{")] == [
        "A tour",
        "Purchase",
        "Mail",
        "Deal won",
        "Email opened",
    ]
    scores = [each["overall"] for each in json.loads(listed)["items"]]
    assert len(scores) == 5
    assert scores == sorted(scores, reverse=True)
    assert scores[0] >= 50


async def _run(script: str, environment: Mapping[str, str]) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shell = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        script,
        env={**os.environ, "PATH": path, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            said, complained = await shell.communicate()
    finally:
        if shell.returncode is None:
            shell.kill()
            await shell.communicate()
    assert shell.returncode == 0, complained.decode()
    return said.decode()
