"""The README's commands from "Run it" to "Call it" do what they say, in order and in one shell."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from consumer.demo.servers import EmbeddedPostgres
from consumer.demo.servers.processes import free_port
from schemas.vocabulary import MAX_SHARDS
from tests.readme import README, block

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.servers.broker import KafkaServer

# About twenty processes are started one after another, and the consumer waits for ten silent seconds.
pytestmark = pytest.mark.timeout(240)

_SECONDS = 200
_PROGRAMS = ("produce.py", "produce_sdk.py", "consume.py")
_PRINTED = r"""
acme ann {'previous': 0, 'current': (\d+), 'band': {'previous': 'cold', 'current': '(\w+)'}} \['events'\]
(?:acme ann {'previous': \1, 'current': 65, 'band': {'previous': '\2', 'current': '(hot)'}} \['events'\]
)?"""


@pytest.mark.real_kafka
async def test_on_servers_of_ones_own(kafka_server: KafkaServer, topic_prefix: str, tmp_path: Path) -> None:
    """With Postgres and Kafka: the first event in, its score out to a `read_committed` consumer and the API."""
    settings = {
        "KAFKA_BOOTSTRAP": kafka_server.bootstrap,
        "TOPIC_PREFIX": topic_prefix,
        "INPUT_PARTITIONS": "2",
        "OUTPUT_PARTITIONS": "2",
    }
    async with EmbeddedPostgres() as postgres:  # that of the other tests may lose commits: `check` would fail
        settings["DATABASE_URL"] = postgres.dsn
        printed = await _follow(tmp_path, block("run"), settings, topic_prefix)
    assert f"{topic_prefix}engagement.positions: created, {MAX_SHARDS} partitions" in printed


async def test_on_the_embedded_servers(tmp_path: Path) -> None:
    """Without Postgres and Kafka: the same on the servers that the README starts, and all of it stops."""
    await _follow(tmp_path, block("servers") + block("run"), {}, "")


async def _follow(folder: Path, start: str, settings: Mapping[str, str], prefix: str) -> str:
    """Run the blocks in a shell in this folder, check what the programs and the API print, and return all of it."""
    for name in _PROGRAMS:
        code = block(name)
        for topic in ("deals", "bookings", "engagement.score-changed", "example"):
            code = code.replace(f'"{topic}"', f'"{prefix}{topic}"')
        (folder / name).write_text(code)
    (folder / "catalogs").symlink_to(README.parent / "catalogs")
    web = block("web").replace("8081", str(free_port()))
    address, port = "localhost:8081", web.partition("localhost:")[2].partition("/")[0]
    variables = [line for line in block("tour").splitlines() if line.startswith(("auth=", "api="))]
    script = "\n".join(
        [
            "set -eu -o pipefail",
            start,
            block("catalog"),
            block("feed"),
            web,
            *variables,
            block("contact").replace("curl", "echo; curl"),
            block("stop"),
            "wait",
        ]
    ).replace(address, f"localhost:{port}")
    printed = await _bash(script, folder, {**settings, "HTTP_PORT": str(free_port())})
    changes = re.search(_PRINTED, printed)
    assert changes, printed
    assert changes[changes.lastindex or 1] == "hot"
    *_, contact, timeline = printed.strip().splitlines()
    assert json.loads(contact)["id"] == "ann"
    entries = json.loads(timeline)["items"]
    assert [entry["definition"] for entry in entries] == ["booking_created", "deal_won"]
    return printed


async def _bash(script: str, folder: Path, settings: Mapping[str, str]) -> str:
    shell = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        script,
        cwd=folder,
        env={
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            **{f"ENGAGEMENT_{name}": value for name, value in settings.items()},
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(_SECONDS):
            printed, _ = await shell.communicate()
    finally:
        if shell.returncode is None:
            os.killpg(shell.pid, signal.SIGKILL)
            await shell.wait()
    assert shell.returncode == 0, printed.decode() + _ends_of_logs(folder)
    return printed.decode()


def _ends_of_logs(folder: Path) -> str:
    return "\n".join(log.read_text()[-2000:] for log in folder.glob("*.log"))
