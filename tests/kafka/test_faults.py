"""Everything that may go wrong, one thing after another, under load: nothing lost, doubled or overtaken.

`make faults` is the long form, with more than a hundred kills. ENGAGEMENT_TEST_SEED draws another run; the one that
was used is printed.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import statistics
import time
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.kafka import traffic
from tests.kafka.committed_reader import committed_reader
from tests.kafka.delivery_checks import assert_agrees, message_ids, progress
from tests.kafka.faults import KINDS, draw
from tests.kafka.fleet import WORKERS, fleet
from tests.kafka.traffic_sender import traffic_sender
from tests.pipeline import service
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kafka.committed_reader import CommittedReader
    from tests.kafka.faults import Fault
    from tests.kafka.fleet import Fleet
    from tests.kafka.traffic import Traffic
    from tests.kafka.traffic_sender import TrafficSender

LONG = os.environ.get("ENGAGEMENT_TEST_LONG") == "1"
SEED = int(os.environ.get("ENGAGEMENT_TEST_SEED", "20260302"))
PARTITIONS = 6
# Records fed for each fault; some are left when it strikes.
LOAD = 160
OUT = Path(__file__).parents[2] / "bench" / "out" / "faults.json"

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(1800 if LONG else 420)]


class Run:
    """One fault after another, each with load before it and the recovery from it measured."""

    def __init__(self, ships: Fleet, sender: TrafficSender, drawn: Traffic, chance: random.Random) -> None:
        self._fleet = ships
        self._sender = sender
        self._records = iter(drawn.records)
        self._chance = chance
        self.recovered: dict[str, list[float]] = {}
        self.under_load = 0

    async def strike(self, fault: Fault) -> None:
        """Feed, let the fault happen some way into the work, and wait until the work is done all the same."""
        before = await progress(self._fleet.direct)
        self._feed(LOAD)
        await self._fleet.until_passed(before + self._chance.randrange(LOAD // 2))
        self.under_load += not await self._fleet.worked_off()
        struck = time.monotonic()
        await fault(self._fleet, self._chance)
        await self._fleet.until_worked_off()
        self.recovered.setdefault(fault.__name__, []).append(time.monotonic() - struck)

    def _feed(self, number: int) -> None:
        records = list(islice(self._records, number))
        self._fleet.fed += len(records)
        self._sender.send(records)


async def test_nothing_is_lost_doubled_or_overtaken(
    topic_prefix: str, tmp_path: Path, report_line: Callable[[str], None]
) -> None:
    """Processes killed, frozen, ended, servers broken, connections cut: every reader finds what should be there."""
    chance = random.Random(SEED)
    faults = draw(chance, long=LONG)
    drawn = traffic.draw(SEED, LOAD * len(faults), contacts=60 if not LONG else 400, partitions=PARTITIONS)
    drawn.documents = [traffic.catalog(account, framed=True) for account in traffic.ACCOUNTS]
    begun = time.monotonic()
    async with fleet(tmp_path, topic_prefix) as ships:
        await ships.direct.create_topics(PARTITIONS)
        for account in traffic.ACCOUNTS:
            await ships.direct.apply(traffic.catalog(account, framed=True))
        for _ in range(WORKERS):
            ships.start_worker()
        ships.start_relay()
        async with (
            committed_reader(ships.direct, PARTITIONS) as reader,
            traffic_sender(ships.direct) as sender,
        ):
            run = Run(ships, sender, drawn, chance)
            for fault in faults:
                await run.strike(fault)
            figures = await _figures(ships, drawn, reader, run)
            figures["seconds"] = round(time.monotonic() - begun)
        OUT.parent.mkdir(parents=True, exist_ok=True)
        OUT.write_text(json.dumps(figures, indent=2) + "\n")
        assert (figures["lost"], figures["doubled"], figures["out_of_order"]) == (0, 0, 0), figures
        await assert_agrees(ships.direct, drawn)
    assert run.under_load >= len(faults) * 9 // 10, "the faults struck without load"
    report_line(f"faults: {json.dumps(figures)}")


async def _figures(ships: Fleet, drawn: Traffic, reader: CommittedReader, run: Run) -> dict[str, object]:
    """Return what there is to say of a run; the reader gets ten seconds for what it has not read yet."""
    connection = await asyncpg.connect(ships.direct.dsn)
    try:
        expected = await message_ids(connection)
        entries = await service.entries(connection)
    finally:
        await connection.close()
    wanted = drawn.oracle().entries.keys()

    async def all_read() -> bool:
        return reader.lost(expected) == 0

    # Losses show below, with everything else.
    with contextlib.suppress(pytest.fail.Exception):
        await eventually(all_read, within=10, what="the reader to have read everything")
    recovered = [seconds for each in run.recovered.values() for seconds in each]
    return {
        "seed": SEED,
        "faults": Counter({kind.__name__: len(run.recovered.get(kind.__name__, ())) for kind in KINDS}),
        "under_load": run.under_load,
        "events": len(drawn.records),
        "messages": len(expected),
        "lost": reader.lost(expected) + len(wanted - entries.keys()),
        "doubled": reader.doubled(expected) + len(entries.keys() - wanted),
        "out_of_order": reader.out_of_order,
        "recovery_s": {
            "p50": round(statistics.median(recovered), 2),
            "max": round(max(recovered), 2),
        },
        "recovery_s_by_kind": {
            name: {"p50": round(statistics.median(each), 2), "max": round(max(each), 2)}
            for name, each in sorted(run.recovered.items())
        },
    }
