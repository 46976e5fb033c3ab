"""The plain consumer: what a careful team writes by hand in a day. Imports nothing of the product.

Per batch: drop duplicates by a unique key, count what the definitions let count, write the timeline, add to the
scores, commit; then publish the changes; then commit the offsets. No outbox, so a kill between the two commits
loses the messages of a batch; no verdicts, no late events, no XP, one catalog. Tables and topic are its own.

`python -m bench.plain` prints `ready` once it has its partitions, and at the end what it did as one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from itertools import chain
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from bench.plain_batch import TABLES, Event, store
from bench.traffic import TOPICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aiokafka import ConsumerRecord

_BATCH = 1000
_decoder = msgspec.json.Decoder(Event)


async def main() -> None:
    """Process what the topics hold now, or with --follow all that comes until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m bench.plain", description=__doc__)
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--prefix", required=True, help="of the names of the topics that are read")
    parser.add_argument("--group", required=True, help="of consumers")
    parser.add_argument("--output", required=True, help="the topic of score changes")
    parser.add_argument("--follow", action="store_true")
    arguments = parser.parse_args()
    connection = await asyncpg.connect(arguments.dsn)
    await connection.execute(TABLES)
    consumer = AIOKafkaConsumer(
        *(arguments.prefix + topic for topic in TOPICS),
        bootstrap_servers=arguments.bootstrap,
        group_id=arguments.group,
        # One partition of all topics in one consumer: the events of a contact meet there.
        partition_assignment_strategy=[RangePartitionAssignor],
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    producer = AIOKafkaProducer(bootstrap_servers=arguments.bootstrap, enable_idempotence=True)
    async with producer, consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        print("ready", flush=True)
        began, cpu, processed = time.monotonic(), time.process_time(), 0
        while arguments.follow or processed < sum(ends.values()):
            fetched = await consumer.getmany(timeout_ms=1000, max_records=_BATCH)
            if not fetched:
                continue
            messages = await store(connection, _events(fetched.values()))
            await _publish(producer, arguments.output, messages)
            await consumer.commit()
            processed += sum(map(len, fetched.values()))
        spent = {"seconds": time.monotonic() - began, "cpu_seconds": time.process_time() - cpu}
    rows = await connection.fetchval("select count(*) from timeline")
    print(json.dumps({**spent, "events": processed, "rows": rows}))
    await connection.close()


def _events(fetched: Iterable[Iterable[ConsumerRecord[Any, Any]]]) -> Iterator[Event]:
    for record in chain.from_iterable(fetched):
        try:
            yield _decoder.decode(record.value)
        except msgspec.DecodeError as fault:
            print(f"{record.topic} {record.partition} {record.offset}: {fault}", file=sys.stderr)


async def _publish(producer: AIOKafkaProducer, topic: str, messages: Iterable[tuple[str, bytes]]) -> None:
    """Return once Kafka has acknowledged them all."""
    sent = [await producer.send(topic, message, key=contact.encode()) for contact, message in messages]
    await asyncio.gather(*sent)


if __name__ == "__main__":
    asyncio.run(main())
