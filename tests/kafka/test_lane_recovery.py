"""Chapter two of the worker on a real broker: lanes that cannot be read at their position."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from consumer.ingest.batch_processor import BatchProcessor
from consumer.ingest.decode_records import decode_records
from consumer.ingest.source import Source, UnreadableLanesError
from consumer.lanes import log_watcher
from schemas.vocabulary import SCORE_CHANGED_TOPIC
from tests.builders.catalog_documents import document
from tests.builders.events import live_event
from tests.kafka.worker_in_process import working
from tests.kafka.worker_process import WorkerProcess
from tests.servers.broker import create_topics
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from prometheus_client import Gauge

    from consumer.domain.model import Record
    from consumer.ingest.batch import DecodedRecord, RecordOutcome
    from consumer.ingest.stopwatch import Stopwatch
    from consumer.lanes.positions import LaneKey
    from tests.kafka.installation import Installation

pytestmark = pytest.mark.real_kafka


async def _stopped(installation: Installation) -> dict[str, str]:
    rows = await installation.database.fetch("select topic, stopped from lanes where stopped is not null")
    return {row["topic"]: row["stopped"] for row in rows}


async def test_lanes_that_cannot_be_read_where_they_stand(installation: Installation) -> None:
    """A lane whose records are gone stops, so does one beyond its log's end; both say why, the others go on."""
    await installation.create_topics()
    await installation.apply(document())
    sent = await installation.produce([live_event(n, type=kind) for n in (1, 2) for kind in _KINDS])
    async with working(installation) as worker:
        await worker.until_handled(*sent)
    await installation.produce([live_event(3, type="email.opened"), live_event(4, type="email.opened")])
    await installation.truncate("emails", before=3)
    await installation.database.fetch("update lanes set next_offset = 7 where topic = 'payments'")

    async with working(installation) as worker:
        assert await _stopped(installation) == {"emails": "log_truncated", "payments": "topic_recreated"}
        shown = worker.worker.metrics.lane_stopped
        for reason in ("log_truncated", "topic_recreated"):
            await eventually(
                partial(_shows_one, shown.labels(reason)), within=5, what=f"{reason} to be shown"
            )
        [after] = await installation.produce([live_event(5)])
        await worker.until_handled(after)
        assert worker.outcome(after) == "applied"
        lag = worker.worker.metrics.lane_lag_records.labels("emails", "0")
        await eventually(lambda: lag._value.get() == 2, within=5, what="the lag of the lane that stopped")


def _shows_one(gauge: Gauge) -> bool:
    return bool(gauge._value.get() == 1)


_KINDS = ("deal.won", "email.opened", "payment.succeeded")


async def test_a_log_truncated_while_it_is_read(installation: Installation, tmp_path: Path) -> None:
    """A worker that finds its position gone while it reads stops that lane alone, and says so in a metric."""
    await installation.create_topics()
    await installation.apply(document())
    async with WorkerProcess(installation, tmp_path) as worker:
        await worker.until(200, within=20)
        # After its first record, so that the check of the log's beginning does not notice.
        await installation.produce([live_event(0, type="email.opened")])

        async def begun() -> bool:
            [row] = await installation.database.fetch("select next_offset from lanes where topic = 'emails'")
            return bool(row["next_offset"])

        await eventually(begun, within=10, what="the first record to be processed")
        worker.freeze()
        await installation.produce([live_event(n, type="email.opened") for n in range(1, 5)])
        await installation.truncate("emails", before=4)
        worker.thaw()

        async def stopped() -> bool:
            return await worker.metric("lane_stopped", reason="log_truncated") == 1

        await eventually(stopped, within=20, what="the lane to stop")
        assert await _stopped(installation) == {"emails": "log_truncated"}
        await installation.produce([live_event(9)])

        async def applied() -> bool:
            return await worker.metric("records_total", topic="deals", outcome="applied") == 1

        await eventually(applied, within=10, what="the other lane to go on")


async def test_a_topic_that_is_missing_is_said_and_read_once_it_is_there(installation: Installation) -> None:
    """A worker works on without a topic, is not ready and names it, and reads it within seconds of its creation."""
    await installation.create_topics(but=["emails"])
    await installation.apply(document())
    async with working(installation) as worker:
        [sent] = await installation.produce([live_event(1)])
        await worker.until_handled(sent)
        assert "emails" in (worker.fault("lanes") or "")
        await create_topics(installation.bootstrap, [f"{installation.prefix}emails"], 1, {})
        [added] = await installation.produce([live_event(2, type="email.opened")])
        await worker.until_handled(added)
        assert worker.fault("lanes") is None


async def test_a_topic_that_is_deleted_is_no_flood_of_lines(
    installation: Installation, tmp_path: Path
) -> None:
    """A worker that meets missing topics with every attempt logs each warning once, those of libraries too."""
    await installation.create_topics()
    await installation.apply(document())
    async with WorkerProcess(installation, tmp_path) as worker:
        await worker.until(200, within=20)
        await _delete_topics(installation, "emails", SCORE_CHANGED_TOPIC)
        await worker.until(503, within=10, component="lanes")
        await installation.produce([live_event(1)])

        async def several_attempts() -> bool:
            return await worker.metric("relay_transactions_total", result="aborted") >= 3

        await eventually(several_attempts, within=20, what="the relay to try several times")
        warnings = [line for line in worker.lines() if line["level"] in {"warning", "error"}]
        assert {"topics are missing", "publisher restarted"} <= {line["event"] for line in warnings}
        said = Counter(json.dumps({**line, "at": None}, sort_keys=True) for line in warnings)
        assert max(said.values()) == 1, said.most_common(3)


async def _delete_topics(installation: Installation, *names: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=installation.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([f"{installation.prefix}{name}" for name in names])
    finally:
        await admin.close()


@pytest.mark.parametrize("under_way", [False, True], ids=["between fetches", "during one"])
async def test_a_topic_created_anew_while_it_is_read(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, under_way: bool
) -> None:
    """Its lane stops and says so, for offsets mean something else now; others go on, and a seek is the way out."""
    fetch = Source.fetch
    going_on = False

    async def until_read(source: Source, *, wait: float) -> Sequence[Record]:
        nonlocal going_on
        records = await fetch(source, wait=wait)
        while going_on and not any(record.topic == "emails" for record in records):
            with suppress(UnreadableLanesError):
                records = await fetch(source, wait=wait)
        going_on = False
        return records

    monkeypatch.setattr(Source, "fetch", until_read)
    monkeypatch.setattr(log_watcher, "_LIST_EVERY", 0.5)
    await installation.create_topics()
    await installation.apply(document())
    async with working(installation) as worker:
        await worker.until_handled(
            *await installation.produce([live_event(n, type="email.opened") for n in range(3)]),
            *await installation.produce([live_event(3)]),
        )
        going_on = under_way
        await _delete_topics(installation, "emails")
        await eventually(lambda: worker.fault("lanes"), within=10, what="the worker to miss the topic")
        await create_topics(installation.bootstrap, [f"{installation.prefix}emails"], 1, {})
        anew = await installation.produce([live_event(n, type="email.opened") for n in range(10, 15)])

        async def stopped() -> bool:
            return await _stopped(installation) == {"emails": "topic_recreated"}

        await eventually(stopped, within=10, what="the lane to stop")
        await worker.until_handled(*await installation.produce([live_event(20)]))
        assert [worker.outcome(record) for record in anew[3:]] == [None, None]

        await installation.database.fetch(
            """update lanes set epoch = epoch + 1, next_offset = 0, stopped = null, last_timestamp = null,
                   last_checksum = null where topic = 'emails'""",
        )
        await eventually(lambda: worker.outcome(anew[-1]), within=10, what="the new topic to be read")


async def test_a_client_that_broke_is_replaced(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A consumer whose every call fails, as aiokafka's does once its coordinator has died, is replaced."""
    await installation.create_topics()
    await installation.apply(document())
    fetch = Source.fetch
    broken: list[Source] = []

    async def breaks(source: Source, *, wait: float) -> list[Record]:
        if not broken or source is broken[0]:
            broken[:] = [source]
            raise KafkaError("Unexpected error during coordination AssertionError()")
        return await fetch(source, wait=wait)

    async with working(installation) as worker:
        await worker.until_handled(*await installation.produce([live_event(1)]))
        monkeypatch.setattr(Source, "fetch", breaks)
        await eventually(lambda: worker.fault("ingest"), within=5, what="the client to break")
        await worker.until_handled(*await installation.produce([live_event(2)]))
        assert worker.fault("ingest") is None


async def test_a_client_that_reads_nothing_is_replaced(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A consumer whose fetches stay empty although records wait is replaced, where no other worker could help."""
    await installation.create_topics()
    await installation.apply(document())
    assign = Source.assign
    mute: list[Source] = []

    def assigns_and_pauses(
        source: Source, offsets: Mapping[LaneKey, int], paused: Mapping[LaneKey, int]
    ) -> None:
        mute[:] = mute or [source]
        assign(source, offsets, {**paused, **offsets} if source is mute[0] else paused)

    monkeypatch.setattr(Source, "assign", assigns_and_pauses)
    monkeypatch.setattr("consumer.ingest.stall_detector.STUCK_AFTER", 1.0)
    async with working(installation, pipelines="1") as worker:
        await worker.until_handled(*await installation.produce([live_event(1)]))
    assert mute


async def test_what_was_decoded_ahead_waits_for_what_comes_before(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lane taken again during a batch is read from its position: what was decoded ahead does not go first."""
    await installation.create_topics()
    await installation.apply(document())
    sent = await installation.produce([live_event(number, subject="ann") for number in range(40)])
    commit_batch = BatchProcessor.commit_batch
    batches: list[int] = []
    decoded_since = asyncio.Event()

    async def decode(records: Sequence[Record], watch: Stopwatch) -> list[DecodedRecord]:
        decoded = await decode_records(records, watch)
        decoded_since.set()
        return decoded

    async def fenced(
        processor: BatchProcessor, batch: Sequence[DecodedRecord], watch: Stopwatch
    ) -> Sequence[RecordOutcome]:
        batches.append(len(batch))
        if len(batches) == _SECOND:
            decoded_since.clear()
            await asyncio.wait_for(decoded_since.wait(), 10)
            await installation.database.fetch("update lanes set epoch = epoch + 1")
        return await commit_batch(processor, batch, watch)

    monkeypatch.setattr("consumer.ingest.pipeline.decode_records", decode)
    monkeypatch.setattr(BatchProcessor, "commit_batch", fenced)
    async with working(
        installation, batch_records=str(_BATCH_RECORDS), pipelines="1", topics="deals"
    ) as worker:
        await worker.until_handled(sent[-1])
        assert [worker.outcome(one) for one in sent] == ["applied"] * len(sent)
    assert max(batches) == _BATCH_RECORDS
    assert len(await installation.database.fetch("select from timeline")) == len(sent)


_BATCH_RECORDS = 5
_SECOND = 2
