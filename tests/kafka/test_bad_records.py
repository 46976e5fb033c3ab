"""Bad records on a real broker, in every compression: what clients and their libraries make of them on the way.

The worker is the process that operators run; the records are sent by a client that takes any bytes for the name of
a header, as brokers and librdkafka do.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from tests.builders.catalog_documents import document
from tests.builders.events import event
from tests.builders.kafka_records import structured_record
from tests.kafka.worker_process import WorkerProcess
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.infra.postgres.connection import Connection
    from tests.kafka.installation import Installation

pytestmark = pytest.mark.real_kafka

_AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
_TIMESTAMP = int(_AT.timestamp() * 1000)
CODECS = [None, "gzip", "snappy", "lz4", "zstd"]
_STRUCTURED = ("content-type", b"application/cloudevents+json")
_MEBIBYTE = 1 << 20

Header = tuple[str | bytes, bytes | None]
Sent = tuple[bytes, list[Header]]


@pytest.fixture
async def prepared(installation: Installation) -> Installation:
    """Give an installation with one account and a partition for each compression."""
    await installation.create_topics(len(CODECS))
    await installation.apply(document())
    return installation


def _good(identity: str) -> Sent:
    value = structured_record(event(identity, timestamp=_AT), "deals", 0, 0).value
    assert value is not None
    return value, [_STRUCTURED]


def _binary(identity: str, *headers: Header) -> Sent:
    attributes = {
        "specversion": "1.0",
        "id": identity,
        "source": "/crm",
        "type": "deal.won",
        "accountid": "acme",
    }
    return b"{}", [*((f"ce_{name}", text.encode()) for name, text in attributes.items()), *headers]


class _Name(str):
    """A header's name that goes out as the bytes it was made of."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        return super().encode("utf-8", "surrogateescape")


async def _send(
    installation: Installation, partition: int, records: list[Sent], patch: pytest.MonkeyPatch
) -> None:
    """Send records in one batch of the partition's compression."""
    # aiokafka's fast builder takes nothing but text for a name.
    for module in ("producer", "message_accumulator"):
        patch.setattr(f"aiokafka.producer.{module}.DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
    async with AIOKafkaProducer(
        bootstrap_servers=installation.bootstrap,
        compression_type=CODECS[partition],
        linger_ms=100,
        max_batch_size=8 * _MEBIBYTE,
        max_request_size=4 * _MEBIBYTE,
    ) as producer:
        sent = [
            await producer.send(
                f"{installation.prefix}deals",
                value,
                key=b"ann",
                partition=partition,
                timestamp_ms=_TIMESTAMP,
                headers=[
                    (
                        _Name(name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name),
                        text,
                    )
                    for name, text in headers
                ],
            )
            for value, headers in records
        ]
        await asyncio.gather(*sent)
    patch.undo()


async def _worked_off(connection: Connection, end: int) -> None:
    async def there() -> bool:
        rows = await connection.fetch("select next_offset, stopped from lanes where topic = 'deals'")
        assert [tuple(row) for row in rows] == [(end, None)] * len(CODECS)
        return True

    await eventually(there, within=30, what="every lane to be worked off")


async def _applied(connection: Connection) -> set[str]:
    return {row["event_id"] for row in await connection.fetch("select event_id from timeline")}


async def _letters(installation: Installation, number: int) -> list[Any]:
    """Return the published dead letters, once there are so many."""

    async def published() -> list[Any]:
        letters = await installation.read("engagement.dead-letters")
        assert len(letters) == number
        return letters

    return await eventually(published, within=20, what="dead letters to be sent")


async def test_header_names_that_are_no_text(
    prepared: Installation, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A header name that is not UTF-8 means nothing and is kept; no record of its batch comes to harm."""
    wrong = b"ce_subject\xff\xc0\xaf"
    for partition, codec in enumerate(CODECS):
        records = [
            _good(f"{codec}-0"),
            _binary(f"{codec}-1", ("ce_subject", b"ann"), (wrong, b"bob")),  # the name beside it is none
            _good(f"{codec}-2"),
            _binary(
                f"{codec}-3", (wrong, b"bob"), (b"\xff", None), (b"nul\0", b"\0")
            ),  # so it has no subject
            _good(f"{codec}-4"),
        ]
        await _send(prepared, partition, records, monkeypatch)

    async with WorkerProcess(prepared, tmp_path) as worker:
        await _worked_off(connection, 5)
        # The later records, read from the middle of their batch, by a worker that did not see its beginning.
        worker.kill()
        await connection.execute(
            "update lanes set next_offset = 4, last_checksum = null, last_timestamp = null where topic = 'deals'"
        )
    async with WorkerProcess(prepared, tmp_path) as worker:
        await _worked_off(connection, 5)
        await worker.until(200, within=10)
        assert await worker.metric("records_total", outcome="duplicate", topic="deals") == len(CODECS)
        letters = await _letters(prepared, len(CODECS))
        await worker.terminate(within=10)

    assert await _applied(connection) == {f"{codec}-{n}" for codec in CODECS for n in (0, 1, 2, 4)}
    rows = await connection.fetch("select * from dead_letters order by partition")
    assert [(row["partition"], row["offset"], row["reason"]) for row in rows] == [
        (partition, 3, "attribute_missing") for partition in range(len(CODECS))
    ]
    for row in rows:
        names = [name.encode("utf-8", "surrogateescape") for name, _ in json.loads(row["headers"])]
        assert names[-3:] == [wrong, b"\xff", b"nul\0"]
    assert len({(letter.partition, letter.offset) for letter in letters}) == len(CODECS)
    for letter in letters:
        assert letter.headers[5:8] == (
            ("ce_subject\\xff\\xc0\\xaf", b"bob"),
            ("\\xff", None),
            ("nul\0", b"\0"),
        )


async def test_a_mebibyte_sent_whole_or_folded_small(
    prepared: Installation, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records of 1 MiB, some of them tiny on the wire, die as too large, are kept whole, and stop no lane."""
    large = b'{"a": "' + b"x" * (_MEBIBYTE - 9) + b'"}'
    for partition, codec in enumerate(CODECS):
        too_large: Sent = (large, [_STRUCTURED])
        records = [_good(f"{codec}-0"), *[too_large] * 3, _good(f"{codec}-4")]
        await _send(prepared, partition, records, monkeypatch)

    async with WorkerProcess(prepared, tmp_path) as worker:
        await _worked_off(connection, 5)
        await worker.until(200, within=10)
        letters = await _letters(prepared, 3 * len(CODECS))
        await worker.terminate(within=10)

    assert await _applied(connection) == {f"{codec}-{n}" for codec in CODECS for n in (0, 4)}
    rows = await connection.fetch('select partition, "offset", value, reason, account_key from dead_letters')
    assert {(row["partition"], row["offset"]) for row in rows} == {
        (partition, offset) for partition in range(len(CODECS)) for offset in (1, 2, 3)
    }
    assert {(bytes(row["value"]), row["reason"], row["account_key"]) for row in rows} == {
        (large, "too_large", None)
    }
    for letter in letters:
        assert letter.value == large[:900_000]
        assert dict(letter.headers)["engagement-truncated"] == b"value"
