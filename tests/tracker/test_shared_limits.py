"""Limits shared by processes through Redis, and what happens without it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from consumer.demo.servers.processes import free_port
from consumer.web.tracker.limits import Limits
from consumer.web.tracker.shared_limits import SharedLimits
from tests.builders.tracker import write_key
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

# At the beginning of a window.
NOW = 1_772_409_600.0


@pytest.fixture
async def redis_url(redis_server: str, tmp_path: Path) -> AsyncIterator[str]:
    """Give the address of a Redis of this test's own."""
    port = free_port()
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path))
    process = await asyncio.create_subprocess_exec(redis_server, *options, stdout=asyncio.subprocess.DEVNULL)

    async def listens() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    await eventually(listens, within=10, what="Redis to listen")
    yield f"redis://127.0.0.1:{port}/0"
    process.terminate()
    await process.wait()


def _take(limits: Limits, count: int) -> int:
    """Return how many of some events are taken."""
    key = write_key(per_second=10, per_second_by_address=10)
    return sum(limits.take(key, "192.0.2.1", 1, NOW) is None for _ in range(count))


async def test_processes_share_their_counts(redis_url: str) -> None:
    """What one process has taken of a token's limit, another does not take again."""
    one, other = Limits(), Limits()
    shared = [SharedLimits(limits, redis_url, "test-") for limits in (one, other)]
    tasks = [asyncio.create_task(each.run()) for each in shared]
    try:
        assert _take(one, 60) == 60
        # The other one has a key to share too.
        assert _take(other, 5) == 5
        await eventually(
            lambda: other.by_token._elsewhere.get("shop") == 60, within=5, what="the counts to be shared"
        )
        assert _take(other, 60) == 35
        assert _take(one, 0) == 0
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_without_it_each_counts_by_itself() -> None:
    """A server that is away is logged, and limits hold by process."""
    limits = Limits()
    assert _take(limits, 60) == 60
    with capture_logs() as logs:
        task = asyncio.create_task(SharedLimits(limits, f"redis://127.0.0.1:{free_port()}/0", "test-").run())
        try:
            await eventually(lambda: logs, within=10, what="a try that fails")
            assert [line["event"] for line in logs] == ["tracker limits are not shared"]
            assert not task.done()
            assert _take(limits, 60) == 40
        finally:
            task.cancel()
            await asyncio.wait([task])
