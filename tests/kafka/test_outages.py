"""Postgres or Kafka away, stopped, killed or frozen: the worker says so, stays alive, and goes on by itself."""

from __future__ import annotations

import os
import signal
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.kafka import traffic
from tests.kafka.delivery_checks import assert_agrees, outbox_rows, progress
from tests.kafka.traffic_sender import traffic_sender
from tests.kafka.worker_process import WorkerProcess
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.kafka.conftest import Fragile
    from tests.kafka.traffic_sender import TrafficSender

# Seconds that a server stays away: a minute is promised, and shown where there is time for it.
LONG = os.environ.get("ENGAGEMENT_TEST_LONG") == "1"
AWAY = 60.0 if LONG else 3.0

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(300 if LONG else 120)]


class Scene:
    """A worker at work on traffic that is fed part by part."""

    def __init__(self, fragile: Fragile, worker: WorkerProcess, sender: TrafficSender, seed: int) -> None:
        self.fragile = fragile
        self.worker = worker
        self.sender = sender
        self.traffic = traffic.draw(seed, 1200)
        self.traffic.documents = [traffic.catalog(account, framed=True) for account in traffic.ACCOUNTS]
        self.parts = traffic.chunks(self.traffic.records, 3)
        self.fed = 0

    def send(self) -> None:
        """Send the next third of the traffic."""
        part = next(iter(self.parts))
        self.fed += len(part)
        self.sender.send(part)

    async def under_load(self) -> None:
        """Feed a third and return when some of it is committed and some is not."""
        before = await progress(self.fragile.installation)
        self.send()

        async def begun() -> bool:
            return await progress(self.fragile.installation) > before

        await eventually(begun, within=20, every=0.005, what="the worker to be at work")

    async def assert_catches_up(self, *, within: float = 30) -> float:
        """Wait until all that was fed is committed and published, and return the seconds that took."""
        begun = time.monotonic()
        await self.sender.finished()

        async def done() -> None:
            assert await progress(self.fragile.installation) == self.fed
            assert await outbox_rows(self.fragile.installation) == 0

        async def check() -> bool:
            await done()
            return True

        await eventually(check, within=within, what="the worker to catch up")
        return time.monotonic() - begun

    async def assert_whole(self) -> None:
        """Feed what is left and compare everything with the oracle."""
        while self.fed < len(self.traffic.records):
            self.send()
        await self.assert_catches_up()
        await assert_agrees(self.fragile.installation, self.traffic)


@asynccontextmanager
async def at_work(fragile: Fragile, folder: Path, seed: int, **settings: str) -> AsyncIterator[Scene]:
    """Give a scene whose worker is ready."""
    installation = fragile.installation
    await installation.create_topics(3)
    for account in traffic.ACCOUNTS:
        await installation.apply(traffic.catalog(account, framed=True))
    async with (
        traffic_sender(installation) as sender,
        WorkerProcess(installation, folder, batch_records="25", **settings) as worker,
    ):
        await worker.until(200, within=30)
        yield Scene(fragile, worker, sender, seed)


async def _stays_away(worker: WorkerProcess, component: str) -> None:
    """Let the time pass, looking: alive and not ready all the while."""
    until = time.monotonic() + AWAY
    other = {"database": "kafka", "kafka": "database"}[component]

    async def over() -> bool:
        await worker.until(503, within=2, component=component)
        _, said = await worker.status("/readyz")
        assert said["components"][other]["ok"] or pytest.fail(f"the wrong one is blamed: {said}")
        return time.monotonic() >= until

    await eventually(over, within=AWAY + 5, every=0.25, what="the time to pass")


@asynccontextmanager
async def away(fragile: Fragile, how: str) -> AsyncIterator[None]:
    """Take a server away, and bring it back at the end."""
    postgres, kafka = fragile.postgres, fragile.kafka
    match how:
        case "postgres frozen":
            postgres.freeze()
        case "postgres stopped":
            await postgres._shut_down(signal.SIGINT)
        case "broker frozen":
            kafka.freeze()
        case "broker stopped":
            await kafka.stop()
        case _:
            await kafka.kill()
    try:
        yield
    finally:
        match how:
            case "postgres frozen":
                postgres.thaw()
            case "postgres stopped":
                await postgres.restart()
            case "broker frozen":
                kafka.thaw()
            case _:
                await kafka.start()


# SIGTERM ------------------------------------------------------------------------------------------------------


async def test_sigterm_under_load_ends_in_order(
    fragile: Fragile, tmp_path: Path, report_line: Callable[[str], None]
) -> None:
    """SIGTERM under load ends with exit code 0 within 10 s, and a successor finds nothing lost or doubled."""
    async with at_work(fragile, tmp_path, 1) as scene:
        await scene.under_load()
        took = await scene.worker.terminate(within=10)
        assert await progress(fragile.installation) < scene.fed, "there was no load"
        async with WorkerProcess(fragile.installation, tmp_path) as successor:
            await successor.until(200, within=30)
            await scene.assert_whole()
    report_line(f"SIGTERM under load: ended after {took:.1f} s")


@pytest.mark.parametrize("how", ["postgres frozen", "postgres stopped", "broker frozen", "broker killed"])
async def test_sigterm_ends_although_somebody_is_away(
    how: str, fragile: Fragile, tmp_path: Path, report_line: Callable[[str], None]
) -> None:
    """SIGTERM ends with exit code 0 within 10 s although Postgres or the broker gives no answer."""
    async with at_work(fragile, tmp_path, 2) as scene:
        await scene.under_load()
        async with away(fragile, how):
            await scene.worker.until(503, within=5)
            took = await scene.worker.terminate(within=10)
    report_line(f"SIGTERM, {how}: ended after {took:.1f} s")


async def test_a_second_sigterm_ends_at_once(
    fragile: Fragile, tmp_path: Path, report_line: Callable[[str], None]
) -> None:
    """While Postgres gives no answer the first SIGTERM waits five seconds for the batch, a second one ends that."""
    async with at_work(fragile, tmp_path, 2) as scene:
        await scene.under_load()
        async with away(fragile, "postgres frozen"):
            await scene.worker.until(503, within=5)
            os.kill(scene.worker.pid, signal.SIGTERM)
            await eventually(
                lambda: any(line["event"] == "stopping" for line in scene.worker.lines()),
                within=5,
                what="the first signal to be taken",
            )
            took = await scene.worker.terminate(within=4)
    report_line(f"a second SIGTERM, postgres frozen: ended after {took:.1f} s")


async def test_sigterm_ends_although_nobody_was_ever_there(
    fragile: Fragile, tmp_path: Path, report_line: Callable[[str], None]
) -> None:
    """A worker that began while the broker was frozen is alive, says so, and SIGTERM ends it within 10 s."""
    async with away(fragile, "broker frozen"), WorkerProcess(fragile.installation, tmp_path) as worker:
        await worker.until(503, within=15, component="kafka")
        took = await worker.terminate(within=10)
    report_line(f"SIGTERM before there was a broker: ended after {took:.1f} s")


# Away for a while ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "component"),
    [
        ("postgres frozen", "database"),
        ("postgres stopped", "database"),
        ("broker frozen", "kafka"),
        ("broker stopped", "kafka"),
        ("broker killed", "kafka"),
    ],
)
async def test_the_worker_outlives_an_outage(
    how: str, component: str, fragile: Fragile, tmp_path: Path, report_line: Callable[[str], None]
) -> None:
    """With a server away /readyz is 503 within 5 s and names it, /livez 200; back, everything goes on by itself."""
    async with at_work(fragile, tmp_path, 3) as scene:
        # Once it has looked around with its lanes in its hands.
        scene.send()
        await scene.assert_catches_up()
        await scene.under_load()
        async with away(fragile, how):
            noticed = await scene.worker.until(503, within=5, component=component)
            if component == "database":
                scene.send()
            await _stays_away(scene.worker, component)
            if component == "database":
                # No other process can report that the records waiting cannot be committed.
                assert await scene.worker.highest("lane_lag_seconds") > 0
        ready = await scene.worker.until(200, within=20)
        caught_up = await scene.assert_catches_up()
        await scene.assert_whole()

        async def no_lag() -> bool:
            return await scene.worker.highest("lane_lag_seconds") == 0

        await eventually(no_lag, within=5, what="no lag")
    report_line(
        f"{how} for {AWAY:.0f} s: 503 after {noticed:.1f} s, 200 again {ready:.1f} s after its return, "
        f"caught up {caught_up:.1f} s later"
    )


async def test_postgres_restarted_immediately_under_load(
    fragile: Fragile, tmp_path: Path, report_line: Callable[[str], None]
) -> None:
    """Postgres restarted with `immediate` under load, twice: nothing is lost, nothing applied twice."""
    async with at_work(fragile, tmp_path, 4) as scene:
        waited = []
        for _ in range(2):
            await scene.under_load()
            await fragile.postgres.restart(immediate=True)
            begun = time.monotonic()
            await scene.assert_catches_up()
            waited.append(f"{time.monotonic() - begun:.1f} s")
        await scene.assert_whole()
    report_line(f"postgres restarted immediately: caught up after {', '.join(waited)}")


async def test_a_worker_frozen_inside_a_batch_recovers(
    fragile: Fragile, tmp_path: Path, report_line: Callable[[str], None]
) -> None:
    """A worker stopped inside a transaction until Postgres ended it goes on by itself and applies nothing twice."""
    observer = await asyncpg.connect(fragile.installation.dsn)
    inside = """select count(*) from pg_stat_activity
                where application_name ~ '^engagement/' and state = 'idle in transaction'"""
    try:
        async with at_work(fragile, tmp_path, 5) as scene:
            await scene.under_load()

            async def frozen_inside() -> bool:
                """Freeze it wherever it is, and let it go on unless that was inside a transaction."""
                scene.worker.freeze()
                if await observer.fetchval(inside):
                    return True
                scene.worker.thaw()
                return False

            await eventually(frozen_inside, within=15, every=0.001, what="the worker to be inside a batch")

            async def ended() -> bool:
                return not await observer.fetchval(inside)

            await eventually(ended, within=10, what="Postgres to end the transaction")
            scene.worker.thaw()
            begun = time.monotonic()
            await scene.assert_catches_up()
            took = time.monotonic() - begun
            retries = await scene.worker.metric("database_retries_total", reason="connection")
            assert retries >= 1
            await scene.assert_whole()
    finally:
        await observer.close()
    report_line(f"worker frozen inside a batch: caught up after {took:.1f} s")
