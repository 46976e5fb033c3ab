"""Reads ahead in logs, without consuming: which records are pending at an offset, and how old the first is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import OffsetOutOfRangeError

from consumer.infra import kafka
from consumer.infra.kafka import lenient_batches

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AsyncExitStack

    from aiokafka import TopicPartition

    from consumer.infra.settings import Settings

log = structlog.get_logger(__name__)

# Bytes per lane for one peek.
_PEEK_BYTES = 64 << 10
# Seconds for one peek, which is done each second.
_PEEK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class PendingRecords:
    """The records from an offset on, as far as one fetch response goes.

    records: number of readable ones; records of aborted transactions and markers do not count. end: the offset
    after the response. whole: the response reaches the end of the log. timestamp: of the first readable record.
    """

    records: int
    end: int
    whole: bool
    timestamp: int | None = None

    def lag(self, position: int, first: int, end: int) -> int:
        """Return the records between a position and the end of its log, which begins at `first`.

        Beyond the records that were fetched every offset counts as a record, transaction markers too. Records
        deleted before they were read count.
        """
        return self.records + max(0, end - self.end) + max(0, first - position)


async def start_peeker(
    stack: AsyncExitStack, settings: Settings, role: str, isolation_level: str, *, patience: float
) -> AIOKafkaConsumer:
    """Start a consumer for `peek`, which the stack stops. role: of its client; patience: seconds for a request."""
    consumer = AIOKafkaConsumer(
        **kafka.reader_options(settings, role) | {"isolation_level": isolation_level},
        auto_offset_reset="none",
        max_partition_fetch_bytes=_PEEK_BYTES,
        fetch_max_wait_ms=50,
        request_timeout_ms=int(patience * 1000),
    )
    stack.push_async_callback(kafka.stop_client, consumer)
    await kafka.start_client(consumer)
    return consumer


async def peek(
    consumer: AIOKafkaConsumer, positions: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
) -> dict[TopicPartition, PendingRecords]:
    """Return the records pending at these offsets, of the lanes for which brokers answer within half a second.

    Raises KafkaError, OSError or TimeoutError.
    """
    if not positions:
        return {}
    consumer.assign(list(positions))
    for partition, offset in positions.items():
        consumer.seek(partition, offset)
    found: dict[TopicPartition, PendingRecords] = {}
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PEEK_SECONDS
    try:
        while len(found) < len(positions) and loop.time() < deadline:
            fetched = await consumer.getmany(timeout_ms=100)
            for partition in positions.keys() - found.keys():
                records = fetched.get(partition, [])
                end = await consumer.position(partition)
                whole = end >= ends.get(partition, end + 1)
                if records or whole:
                    timestamp = records[0].timestamp if records and records[0].timestamp >= 0 else None
                    found[partition] = PendingRecords(len(records), end, whole, timestamp)
            consumer.pause(*found)
    except (lenient_batches.UnreadableBatchError, OffsetOutOfRangeError) as error:
        # It concerns one lane: what was found of the others is valid.
        log.info("pending records cannot be read", error=str(error)[:200])
    finally:
        consumer.assign([])
    return found
