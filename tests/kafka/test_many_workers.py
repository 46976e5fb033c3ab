"""Chapter three of the worker on a real broker: many of them share the slices, and replace each other."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from tests.builders.catalog_documents import definition, document
from tests.builders.events import live_event
from tests.kafka.six_slices import SLICES, applied_events, one_each, until_applied
from tests.kafka.worker_in_process import working
from tests.kafka.worker_process import WorkerProcess
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.kafka.installation import Installation
    from tests.kafka.worker_in_process import Working

pytestmark = pytest.mark.real_kafka

# What is promised after a kill -9 or a vanished host, in seconds.
TAKEOVER = 10
# And by how much a frozen one may delay the others.
DELAY = 5

_FROZEN_INSIDE = """
    select exists (select from pg_stat_activity
                   where application_name ~ '^engagement/' and datname = current_database()
                       and state = 'idle in transaction')"""


def _slices(worker: Working) -> set[int]:
    return {partition for _, partition in worker.worker.lanes}


async def _holder_ids(observer: asyncpg.Connection[asyncpg.Record]) -> set[int | None]:
    return {row["worker_id"] for row in await observer.fetch("select worker_id from slices")}


async def test_slices_are_shared_and_handed_over_in_order(
    installation: Installation,
    observer: asyncpg.Connection[asyncpg.Record],
    report_line: Callable[[str], None],
) -> None:
    """Two workers have half of the slices each, none of them twice; one that leaves hands its half over at once."""
    async with working(installation) as first:
        await eventually(
            lambda: _slices(first) == set(range(SLICES)), within=TAKEOVER, what="one to hold everything"
        )
        async with working(installation) as second:
            await eventually(
                lambda: len(_slices(first)) == len(_slices(second)) == SLICES // 2,
                within=TAKEOVER,
                what="fair shares",
            )
            assert not _slices(first) & _slices(second)
            sent = await one_each(installation, 0)
            for record in sent:
                holder = first if record.partition in _slices(first) else second
                await holder.until_handled(record)
            assert await applied_events(observer) == SLICES
            began = time.monotonic()
        left = time.monotonic()
        again = await one_each(installation, 100)
        await first.until_handled(*again)
        handed_over = time.monotonic() - left
        assert _slices(first) == set(range(SLICES))
        assert first.worker.metrics.lane_fenced._value.get() == 0, "no lane was taken from a holder"
    assert handed_over < 3
    report_line(
        f"hand-over in order: left in {left - began:.1f} s, everything taken {handed_over:.1f} s after that"
    )


async def test_a_killed_worker_is_replaced(
    installation: Installation,
    observer: asyncpg.Connection[asyncpg.Record],
    tmp_path: Path,
    report_line: Callable[[str], None],
) -> None:
    """What a worker killed with kill -9 held is read on by another within 10 s."""
    async with (
        WorkerProcess(installation, tmp_path) as doomed,
        WorkerProcess(installation, tmp_path) as other,
    ):
        await doomed.until(200, within=20)
        await other.until(200, within=20)

        async def shared() -> bool:
            holders = await _holder_ids(observer)
            return len(holders) == 2 and None not in holders

        await eventually(shared, within=20, what="both to hold slices")
        await one_each(installation, 0)
        await until_applied(observer, SLICES)
        doomed.kill()
        await one_each(installation, 100)
        took = await until_applied(observer, 2 * SLICES)
    assert took < TAKEOVER
    report_line(f"takeover after kill -9: {took:.1f} s")


async def test_a_frozen_worker_is_replaced_and_changes_nothing_afterwards(
    installation: Installation,
    observer: asyncpg.Connection[asyncpg.Record],
    tmp_path: Path,
    report_line: Callable[[str], None],
) -> None:
    """A frozen worker is replaced within 10 s; afterwards it applies nothing of what it lost, and gets a share."""
    async with WorkerProcess(installation, tmp_path) as frozen, working(installation) as other:
        await frozen.until(200, within=20)
        await eventually(lambda: len(_slices(other)) == SLICES // 2, within=TAKEOVER, what="fair shares")
        await one_each(installation, 0)
        await until_applied(observer, SLICES)
        frozen.freeze()
        await one_each(installation, 100)
        took = await until_applied(observer, 2 * SLICES)
        await one_each(installation, 200)
        await until_applied(observer, 3 * SLICES)
        frozen.thaw()
        await eventually(lambda: len(_slices(other)) == SLICES // 2, within=TAKEOVER, what="shares as before")
        await one_each(installation, 300)
        await until_applied(observer, 4 * SLICES)
        await frozen.until(200, within=10)
    assert took < TAKEOVER
    report_line(f"takeover from a frozen worker: {took:.1f} s")


async def test_one_frozen_in_its_transaction_delays_others_little(
    installation: Installation,
    observer: asyncpg.Connection[asyncpg.Record],
    tmp_path: Path,
    report_line: Callable[[str], None],
) -> None:
    """Who waits for its locks on contacts waits 5 s at most; a change of configuration goes through meanwhile."""
    async with (
        WorkerProcess(installation, tmp_path, batch_records="5") as frozen,
        working(installation) as other,
    ):
        await frozen.until(200, within=20)
        await eventually(lambda: len(_slices(other)) == SLICES // 2, within=TAKEOVER, what="fair shares")
        theirs = min(set(range(SLICES)) - _slices(other))
        feeding = asyncio.create_task(
            installation.produce([live_event(n) for n in range(2000)], partition=theirs)
        )

        async def frozen_with_ann() -> bool:
            """Freeze it wherever it is, and let it go on unless it has ann locked and its transaction waits."""
            frozen.freeze()
            try:
                async with observer.transaction():
                    await observer.fetch("select from contacts where external_id = 'ann' for update nowait")
            except asyncpg.LockNotAvailableError:
                if await observer.fetchval(_FROZEN_INSIDE):
                    return True
            frozen.thaw()
            return False

        await eventually(frozen_with_ann, within=20, every=0.001, what="it to be inside a batch")
        began = time.monotonic()
        [sent] = await installation.produce([live_event(9000)], partition=min(_slices(other)))
        changing = asyncio.create_task(
            installation.apply(document(definitions=[definition("won", "deal.won", default_points=3)]))
        )
        await other.until_handled(sent, within=TAKEOVER)
        took = time.monotonic() - began
        await changing
        changed = time.monotonic() - began
        await feeding
        frozen.thaw()
        await until_applied(observer, 2001)
    assert took < DELAY
    assert changed < DELAY
    report_line(
        f"one frozen inside its transaction: the next event of the same contact applied after {took:.1f} s, "
        f"configuration changed after {changed:.1f} s"
    )


async def test_partitions_added_are_noticed(installation: Installation) -> None:
    """A running worker reads a partition that was added, from its beginning, even where it starts at the latest."""
    await installation.create_topics()
    await installation.apply(document())
    async with working(installation, start="latest") as worker:
        await worker.until_handled(*await installation.produce([live_event(0)]))
        admin = AIOKafkaAdminClient(bootstrap_servers=installation.bootstrap)
        await admin.start()
        try:
            await admin.create_partitions({f"{installation.prefix}deals": NewPartitions(3)})
        finally:
            await admin.close()
        sent = [
            record
            for partition in (1, 2)
            for record in await installation.produce([live_event(partition)], partition=partition)
        ]
        await worker.until_handled(*sent, within=15)
        assert [worker.outcome(record) for record in sent] == ["applied", "applied"]
