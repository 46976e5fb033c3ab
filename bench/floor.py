"""The floor: the least that any program with this job has to do, and nothing else. Imports nothing of the product.

Consume, decode with msgspec, COPY the same timeline rows, commit. No dedup, no verdicts, no scores, no messages, no
position kept. `python -m bench.floor` prints `ready` with its first records, and at the end what it did as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import time
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

COLUMNS = [
    "account_id",
    "contact_id",
    "occurred_at",
    "event_key",
    "definition_id",
    "edition",
    "verdict",
    "settled",
    "xp_worth",
    "credit_number",
    "type",
    "source",
    "event_id",
    "object_id",
    "actor_id",
    "actor_type",
    "data",
    "recorded_at",
]
# The columns of the product's timeline; with_key: and its primary key.
TABLE = """
create table floor_timeline (
    account_id integer not null, contact_id bigint not null, occurred_at timestamptz not null,
    event_key bytea not null, definition_id integer not null, edition smallint not null, verdict text not null,
    settled boolean not null, xp_worth integer not null, credit_number integer not null, type text not null,
    source text not null, event_id text not null, object_id text, actor_id text, actor_type text,
    data text not null, recorded_at timestamptz not null{key})
"""
KEY = ", primary key (account_id, contact_id, occurred_at, event_key, definition_id)"


class Event(msgspec.Struct):
    """What is read of an envelope; `data` is kept as it stands."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: msgspec.Raw
    objectid: str | None = None
    actorid: str | None = None
    actortype: str | None = None


async def main() -> None:
    """Copy everything that the topics hold."""
    parser = argparse.ArgumentParser(prog="python -m bench.floor", description=__doc__)
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--prefix", required=True)
    parser.add_argument("--topics", required=True, help="names and definitions by type, as JSON")
    parser.add_argument("--partitions", type=int, required=True)
    parser.add_argument("--batch", type=int, default=2000)
    parser.add_argument(
        "--with-key", action="store_true", help="with the primary key of the product's timeline"
    )
    arguments = parser.parse_args()
    asked = json.loads(arguments.topics)
    connection = await asyncpg.connect(arguments.dsn)
    await connection.execute(TABLE.format(key=KEY if arguments.with_key else ""))
    consumer = AIOKafkaConsumer(
        bootstrap_servers=arguments.bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=1 << 20,
        fetch_max_bytes=16 << 20,
    )
    await consumer.start()
    places = [
        TopicPartition(arguments.prefix + topic, number)
        for topic in asked["topics"]
        for number in range(arguments.partitions)
    ]
    ends = await consumer.end_offsets(places)
    consumer.assign(places)
    left = sum(ends.values())
    decoder = msgspec.json.Decoder(Event)
    definitions: dict[str, list[int]] = asked["definitions"]
    rows_written = 0
    began = cpu = 0.0
    pending: asyncio.Task[Any] | None = None
    while left:
        fetched = await consumer.getmany(timeout_ms=1000, max_records=arguments.batch)
        if not began and fetched:
            began, cpu = time.monotonic(), time.process_time()
            print("ready", flush=True)
        rows: list[tuple[Any, ...]] = []
        now = datetime.now(UTC)
        for records in fetched.values():
            left -= len(records)
            for record in records:
                if len(record.headers) > 1:  # marked as a duplicate, for both write the same rows
                    continue
                event = decoder.decode(record.value)
                key = hashlib.blake2b(f"{event.source}\0{event.id}".encode(), digest_size=16).digest()
                contact = int(event.subject[8:])
                data = bytes(event.data).decode()
                rows += [
                    (
                        1, contact, event.time, key, definition, 1, "counted", False, 0, 0, event.type,
                        event.source, event.id, event.objectid, event.actorid, event.actortype, data, now,
                    )
                    for definition in definitions[event.type]
                ]  # fmt: skip
        if pending is not None:
            await pending  # the next batch is fetched and decoded while one is being copied
        pending = asyncio.create_task(
            connection.copy_records_to_table("floor_timeline", records=rows, columns=COLUMNS)
        )
        rows_written += len(rows)
    if pending is not None:
        await pending
    spent = {"seconds": time.monotonic() - began, "cpu_seconds": time.process_time() - cpu}
    print(json.dumps({**spent, "events": sum(ends.values()), "rows": rows_written}))
    await consumer.stop()
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main())
