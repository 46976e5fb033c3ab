"""One installation of the service for one test: its topics, its catalog, what goes in and what comes out.

Owns topic names, settings, producing records and reading messages as a stranger would. Never runs a worker.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from consumer.infra import kafka
from consumer.infra.settings import Settings
from schemas.vocabulary import INPUT_TOPICS, MAX_SHARDS, OUTPUT_TOPICS, POSITIONS_TOPIC
from tests.builders.kafka_records import structured_record, topic_of
from tests.kafka.kept_connection import KeptConnection
from tests.pipeline.service import apply_document
from tests.servers.broker import create_topics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiokafka import ConsumerRecord

    from consumer.domain.model import Record
    from tests.oracle import OracleRecord


@dataclass(frozen=True)
class Installation:
    """A database, a broker, and topics on it that no other test uses."""

    dsn: str
    bootstrap: str
    prefix: str

    @cached_property
    def database(self) -> KeptConnection:
        """A connection to look at the database by."""
        return KeptConnection(self.dsn)

    def environment(self, **settings: str) -> dict[str, str]:
        """Return the variables that a worker is started with."""
        made = {
            "database_url": self.dsn,
            "kafka_bootstrap": self.bootstrap,
            "topic_prefix": self.prefix,
            "kafka_group": f"{self.prefix}group",
            "http_host": "127.0.0.1",
            "http_port": "0",
        } | settings
        return {f"ENGAGEMENT_{name.upper()}": value for name, value in made.items()}

    def settings(self, **settings: str) -> Settings:
        """Return the same as settings, for a worker in this process."""
        environment = self.environment(**settings)
        return Settings(
            **{name.removeprefix("ENGAGEMENT_").lower(): value for name, value in environment.items()}  # type: ignore[arg-type] # pydantic reads them as it reads the environment
        )

    async def create_topics(self, partitions: int = 1, *, but: Iterable[str] = ()) -> None:
        """Create all topics of the service, without those named in `but`."""
        names = [f"{self.prefix}{name}" for name in (*INPUT_TOPICS, *OUTPUT_TOPICS) if name not in set(but)]
        await create_topics(self.bootstrap, names, partitions, {})
        await create_topics(self.bootstrap, [f"{self.prefix}{POSITIONS_TOPIC}"], MAX_SHARDS, {})

    async def apply(self, changed: dict[str, Any]) -> None:
        """Apply a catalog document."""
        await apply_document(self.dsn, changed)

    async def produce(
        self, records: Iterable[OracleRecord], *, partition: int = 0, compression: str | None = None
    ) -> list[Record]:
        """Send records to their topics and return them as Kafka acknowledged them, with their offsets."""
        made = [structured_record(record, topic_of(record), partition, 0) for record in records]
        return await self.produce_raw(made, compression=compression)

    async def produce_raw(self, records: Iterable[Record], *, compression: str | None = None) -> list[Record]:
        """Send records as they are but for their offsets, and return them as acknowledged."""
        async with AIOKafkaProducer(
            bootstrap_servers=self.bootstrap, compression_type=compression, max_request_size=4 << 20
        ) as producer:
            return [await self._sent(producer, record) for record in records]

    async def _sent(self, producer: AIOKafkaProducer, record: Record) -> Record:
        sent = await producer.send_and_wait(
            f"{self.prefix}{record.topic}",
            key=record.key,
            value=record.value,
            partition=record.partition,
            timestamp_ms=record.timestamp,
            headers=list(record.headers),
        )
        return type(record)(
            record.topic,
            record.partition,
            sent.offset,
            record.timestamp,
            record.key,
            record.value,
            record.headers,
        )

    async def truncate(self, topic: str, *, before: int) -> None:
        """Delete the records of a topic's first partition before this offset."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            partition = TopicPartition(f"{self.prefix}{topic}", 0)
            await admin.delete_records({partition: RecordsToDelete(before_offset=before)})
        finally:
            await admin.close()

    async def read(self, topic: str) -> list[ConsumerRecord]:
        """Return every committed message of a topic, each partition's in order, as a stranger reads it."""
        name = f"{self.prefix}{topic}"
        async with AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, isolation_level="read_committed", auto_offset_reset="none"
        ) as consumer:
            async with kafka.metadata_client(self.settings(), "test") as client:
                count = (await kafka.partitions_by_topic(client))[name]
            partitions = [TopicPartition(name, number) for number in range(count)]
            end = await consumer.end_offsets(partitions)
            consumer.assign(partitions)
            found: list[ConsumerRecord] = []
            for partition in partitions:
                consumer.seek(partition, 0)
            while any([await consumer.position(each) < end[each] for each in partitions]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += records
            return found

    async def messages(self, topic: str) -> list[dict[str, Any]]:
        """Return every message of a topic as JSON."""
        return [json.loads(record.value) for record in await self.read(topic)]


def headers_of(record: ConsumerRecord) -> Mapping[str, bytes | None]:
    """Return the headers of a message whose names are all different."""
    assert len({name for name, _ in record.headers}) == len(record.headers)
    return dict(record.headers)
