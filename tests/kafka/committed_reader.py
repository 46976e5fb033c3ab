"""A read_committed consumer of the output topics that runs while servers and processes are broken.

Counts lost, doubled and reordered messages; the caller passes the ids to expect, since it never asks the database.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.vocabulary import DEAD_LETTERS_TOPIC, OUTPUT_TOPICS, SCORE_CHANGED_TOPIC

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiokafka import ConsumerRecord

    from tests.kafka.installation import Installation


@dataclass
class CommittedReader:
    """read: deliveries by message id; a dead letter's id is its record's topic/partition/offset.

    crossings: ids of the band-changed messages that score-changed messages call for, which are expected too.
    """

    read: Counter[str] = field(default_factory=Counter)
    crossings: set[str] = field(default_factory=set)
    out_of_order: int = 0
    _versions: dict[str, int] = field(default_factory=dict)

    def lost(self, expected: set[str]) -> int:
        """Return how many of the expected messages are missing."""
        return len((expected | self.crossings) - self.read.keys())

    def doubled(self, expected: set[str]) -> int:
        """Return the number of surplus deliveries, unexpected ids included."""
        return sum(self.read.values()) - len((expected | self.crossings) & self.read.keys())

    def take(self, topic: str, record: ConsumerRecord) -> None:
        """Take one message."""
        if topic == DEAD_LETTERS_TOPIC:
            headers = {name: (value or b"").decode() for name, value in record.headers[-5:]}
            place = (headers[f"engagement-{part}"] for part in ("topic", "partition", "offset"))
            self.read["/".join(place)] += 1
            return
        if record.value is None:  # a tombstone has no id; the versions of its key go on after it
            return
        message = json.loads(record.value)
        self.read[message["id"]] += 1
        if topic == SCORE_CHANGED_TOPIC:
            key = (record.key or b"").decode()
            version = message["data"]["version"]
            self.out_of_order += version != self._versions.get(key, 0) + 1
            self._versions[key] = version
            self.crossings.update(crossings_of(message))


def crossings_of(message: dict[str, Any]) -> list[str]:
    """Return the ids of the band-changed messages that a score-changed message calls for."""
    data = message["data"]
    return [
        f"{message['id']}:band{axis and f':{axis}'}"
        for axis, change in {"": data["overall"], **data["groups"]}.items()
        if "band" in change and change["band"]["previous"] != change["band"]["current"]
    ]


@asynccontextmanager
async def committed_reader(installation: Installation, partitions: int) -> AsyncIterator[CommittedReader]:
    """Yield a reader that follows the topics from their beginning until the context is left."""
    found = CommittedReader()
    names = {f"{installation.prefix}{topic}": topic for topic in OUTPUT_TOPICS}
    places = [TopicPartition(name, number) for name in names for number in range(partitions)]
    positions = dict.fromkeys(places, 0)

    async def follow() -> None:
        async with AIOKafkaConsumer(
            bootstrap_servers=installation.bootstrap,
            isolation_level="read_committed",
            auto_offset_reset="none",
            request_timeout_ms=5000,
        ) as consumer:
            consumer.assign(places)
            for place, offset in positions.items():
                consumer.seek(place, offset)
            while True:
                for place, records in (await consumer.getmany(timeout_ms=100)).items():
                    for record in records:
                        found.take(names[place.topic], record)
                        positions[place] = record.offset + 1

    async def watch() -> None:
        while True:
            try:
                await follow()
            except KafkaError:
                await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    try:
        yield found
    finally:
        watching.cancel()
        await asyncio.wait([watching])
