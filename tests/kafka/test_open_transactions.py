"""Lag where a producer's transaction is open: committed records after it wait, and everything says so."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaProducer

from consumer.__main__ import main
from tests.builders.catalog_documents import document
from tests.builders.events import numbered_event
from tests.kafka.worker_in_process import working
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.kafka.installation import Installation
    from tests.kafka.worker_in_process import Working
    from tests.servers.broker import KafkaServer

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(120)]


@asynccontextmanager
async def _producer(installation: Installation) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(
        bootstrap_servers=installation.bootstrap, transactional_id=f"{installation.prefix}upstream"
    ) as producer:
        yield producer


def _gauge(worker: Working, name: str) -> float | None:
    labels = {"topic": "deals", "partition": "0"}
    return worker.worker.metrics.registry.get_sample_value(f"engagement_{name}", labels)


async def _listed(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[dict[str, Any], str]:
    """Return what `lanes list` says of the lane, as JSON and as a line."""
    for name, value in installation.environment().items():
        monkeypatch.setenv(name, value)
    assert await asyncio.to_thread(main, ["lanes", "list", "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    [fields] = [one for one in map(json.loads, filter(_is_json, lines)) if one["topic"] == "deals"]
    assert await asyncio.to_thread(main, ["lanes", "list"]) == 0
    [line] = [one for one in capsys.readouterr().out.splitlines() if one.startswith("deals/0 ")]
    return fields, line


def _is_json(line: str) -> bool:
    return line.startswith("{")


async def _end_by_the_runbook(kafka_server: KafkaServer, topic: str, end_of_log: int) -> None:
    """Find the transaction and abort it, by the commands of docs/operations.md."""
    where = ("--topic", topic, "--partition", "0")
    tool = ("org.apache.kafka.tools.TransactionsCommand", "--bootstrap-server", kafka_server.bootstrap)
    titles, *producers = (await kafka_server.run_tool(*tool, "describe-producers", *where)).splitlines()
    begin = titles.split().index("CurrentTransactionStartOffset")
    assert str(end_of_log) in {line.split()[begin] for line in producers}
    await kafka_server.run_tool(*tool, "abort", *where, "--start-offset", str(end_of_log))


@pytest.mark.parametrize("how", ["commit", "abort", "runbook"])
async def test_records_after_an_open_transaction_wait(
    installation: Installation,
    kafka_server: KafkaServer,
    how: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """They are the lag, with an age; a gauge says for how long, `lanes list` since when; at its end all is 0."""
    await installation.create_topics()
    await installation.apply(document())
    async with working(installation) as worker, _producer(installation) as producer:
        await worker.until_handled(*await installation.produce([numbered_event(0, type="deal.won")]))
        await producer.begin_transaction()
        await (await producer.send(f"{installation.prefix}deals", b"of the transaction", partition=0))
        waiting = await installation.produce(
            numbered_event(number, type="deal.won") for number in range(1, 201)
        )
        await eventually(
            lambda: _gauge(worker, "lane_lag_records") == 201,
            within=15,
            what="the lag up to the high watermark",
        )
        assert (_gauge(worker, "lane_lag_seconds") or 0) > 1
        opened = _gauge(worker, "lane_open_transaction_seconds")
        assert opened is not None
        assert opened >= 3
        await eventually(
            lambda: (_gauge(worker, "lane_open_transaction_seconds") or 0) > opened,
            within=5,
            what="the time to go on",
        )
        assert not any(worker.outcome(record) for record in waiting)
        fields, line = await _listed(installation, monkeypatch, capsys)
        assert (fields["lag"], fields["held_back"], fields["end_offset"]) == (201, 201, 1)
        assert fields["held_back_since"].endswith("Z")
        assert f"201 offsets wait for a producer's open transaction since {fields['held_back_since']}" in line
        if how == "runbook":
            await _end_by_the_runbook(kafka_server, f"{installation.prefix}deals", fields["end_offset"])
        else:
            await (producer.commit_transaction() if how == "commit" else producer.abort_transaction())
        await worker.until_handled(*waiting)
        await eventually(
            lambda: (
                [
                    _gauge(worker, name)
                    for name in ("lane_lag_records", "lane_lag_seconds", "lane_open_transaction_seconds")
                ]
                == [0, 0, 0]
            ),
            within=5,
            what="no lag",
        )


async def test_markers_at_the_end_of_a_log_are_no_lag(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After transactions that were committed and aborted, gauges and `lanes list` say 0."""
    await installation.create_topics()
    await installation.apply(document())
    async with working(installation) as worker, _producer(installation) as producer:
        await worker.until_handled(*await installation.produce([numbered_event(0, type="deal.won")]))
        for end in (producer.commit_transaction, producer.abort_transaction):
            await producer.begin_transaction()
            await (await producer.send(f"{installation.prefix}deals", b"not an event", partition=0))
            await end()
        await eventually(lambda: len(worker.handled) == 2, within=10, what="the committed record handled")
        await eventually(lambda: _gauge(worker, "lane_lag_records") == 0, within=5, what="no lag")
        fields, line = await _listed(installation, monkeypatch, capsys)
    assert fields["end_offset"] == fields["high_watermark"] == 5
    assert fields["next_offset"] < 5, "markers, and a record that was aborted, lie in between"
    assert fields["lag"] == 0
    assert line.endswith("  open")
