"""Consumes the output topics as any subscriber would, and keeps what messages alone say.

Never reads the database, so that the final checks compare two independent sources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from consumer.demo.crossings import DECODER, Crossings
from consumer.demo.prepare import PARTITIONS
from consumer.infra import kafka
from schemas.vocabulary import (
    BAND_CHANGED_TOPIC,
    OUTPUT_TOPICS,
    SCORE_CHANGED_TOPIC,
    XP_CREDITED_TOPIC,
    Verdict,
)

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

    from consumer.demo.live_counts import DemoCounts
    from consumer.infra.settings import Settings


class _Points(msgspec.Struct):
    current: int


class _Cause(msgspec.Struct):
    verdict: str


class _ScoreData(msgspec.Struct):
    version: int
    overall: _Points
    events: list[_Cause]


class _ScoreChanged(msgspec.Struct):
    id: str
    data: _ScoreData


class _XpData(msgspec.Struct):
    amount: int
    reverses: str | None


class _XpCredited(msgspec.Struct):
    id: str
    data: _XpData


_SCORE_CHANGED = msgspec.json.Decoder(_ScoreChanged)
_XP_CREDITED = msgspec.json.Decoder(_XpCredited)


class MessageReader:
    """A consumer of all output topics, with its findings so far.

    repeats: messages whose id was read before. flips: events that lost their `counted` verdict to a late event,
    by the messages. reversals: XP messages that reverse another one. net_xp: the sum of all amounts. overall: by
    key, the points in the message with the highest version. crossings: what band-changed says.
    """

    def __init__(self, settings: Settings, counts: DemoCounts) -> None:
        self._settings = settings
        self._counts = counts
        self._ids: set[tuple[str, str]] = set()
        self._versions: dict[str, int] = {}
        self.repeats = 0
        self.flips = 0
        self.reversals = 0
        self.net_xp = 0
        self.overall: dict[str, int] = {}
        self.crossings = Crossings()

    async def run(self) -> None:
        """Read until cancelled. Raises KafkaError; OffsetOutOfRangeError if the broker has dropped messages."""
        consumer = AIOKafkaConsumer(
            **kafka.client_options(self._settings, "reader"),
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=100,
        )
        try:
            await kafka.start_client(consumer)
            names = {self._settings.topic(name): name for name in OUTPUT_TOPICS}
            partitions = [TopicPartition(name, number) for name in names for number in range(PARTITIONS)]
            consumer.assign(partitions)
            for partition in partitions:
                consumer.seek(partition, 0)
            while True:
                fetched = await consumer.getmany(timeout_ms=200, max_records=500)
                for partition, records in fetched.items():
                    for record in records:
                        self._process(names[partition.topic], record)
                self._counts.changed.set()
        finally:
            await kafka.stop_client(consumer)

    def _process(self, topic: str, record: ConsumerRecord) -> None:
        if topic == SCORE_CHANGED_TOPIC and record.value is None:
            key = record.key.decode()
            ended = dict(record.headers)["engagement-id"].decode()
            if self._is_new(topic, ended):
                self.overall.pop(key, None)
                self.crossings.end(key, int(ended.split(":")[-2]))
        elif topic == SCORE_CHANGED_TOPIC:
            changed = _SCORE_CHANGED.decode(record.value)
            if self._is_new(topic, changed.id):
                self._keep_score(record.key.decode(), changed.data)
        elif topic == BAND_CHANGED_TOPIC:
            crossed = DECODER.decode(record.value)
            if self._is_new(topic, crossed.id):
                self.crossings.take(record.key.decode(), crossed)
        elif topic == XP_CREDITED_TOPIC:
            credited = _XP_CREDITED.decode(record.value)
            if self._is_new(topic, credited.id):
                self.net_xp += credited.data.amount
                self.reversals += credited.data.reverses is not None
        else:
            headers = dict(record.headers)
            position = (headers[f"engagement-{name}"] for name in ("topic", "partition", "offset"))
            self._is_new(topic, b"/".join(position).decode())

    def _keep_score(self, key: str, score: _ScoreData) -> None:
        self.flips += sum(cause.verdict != Verdict.COUNTED for cause in score.events)
        if score.version > self._versions.get(key, 0):
            self._versions[key] = score.version
            self.overall[key] = score.overall.current

    def _is_new(self, topic: str, message: str) -> bool:
        if (topic, message) in self._ids:
            self.repeats += 1
            return False
        self._ids.add((topic, message))
        self._counts.read[topic] += 1
        return True
