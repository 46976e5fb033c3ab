"""Creates the topics that are missing.

Owns how topics of this service are made: partitions, replicas, compaction. Never changes one that is there:
its partitions and settings belong to whoever runs the cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from consumer.infra import kafka
from schemas.names import DEFAULT_SHARDS, OUTPUT_TOPICS, POSITIONS_TOPIC, SCORE_CHANGED_TOPIC

if TYPE_CHECKING:
    from consumer.infra.settings import Settings

# Of a topic whose settings say nothing about replicas, where the cluster has so many brokers.
_REPLICAS = 3
_PATIENCE_SECONDS = 15


@dataclass(frozen=True, slots=True)
class TopicResult:
    """What became of one topic; error: one line where it could not be created, else None."""

    topic: str
    partitions: int
    created: bool
    error: str | None = None


async def create_missing(settings: Settings, *, shards: int = DEFAULT_SHARDS) -> list[TopicResult]:
    """Create the input and output topics that are missing and return what became of each, inputs first.

    shards: of the installation's outbox; a relay that is not plain keeps its positions by them. May be run
    again, and by several at once. Raises aiokafka's KafkaConnectionError where no broker answers.
    """
    async with kafka.metadata_client(settings, "topics") as client:
        present = await kafka.partitions_by_topic(client)
        brokers = len(client.cluster.brokers())
    wanted = planned_topics(settings, brokers, shards=shards)
    missing = [topic for topic in wanted if topic.name not in present]
    errors = await _create(settings, missing) if missing else {}
    return [
        TopicResult(
            topic.name,
            present.get(topic.name, topic.num_partitions),
            created=topic.name not in present and topic.name not in errors,
            error=errors.get(topic.name),
        )
        for topic in wanted
    ]


def planned_topics(settings: Settings, brokers: int, *, shards: int = DEFAULT_SHARDS) -> list[NewTopic]:
    """Return all topics as they would be created on a cluster of so many brokers, inputs first."""
    replicas = settings.topic_replication or min(_REPLICAS, max(brokers, 1))
    inputs = [NewTopic(name, settings.input_partitions, replicas) for name in kafka.input_topics(settings)]
    outputs = [
        NewTopic(
            settings.topic(name),
            settings.output_partitions,
            replicas,
            # Of a contact in a profile the newest score is what a new reader needs.
            topic_configs={"cleanup.policy": "compact"} if name == SCORE_CHANGED_TOPIC else {},
        )
        for name in OUTPUT_TOPICS
    ]
    if settings.relay == "plain":
        return inputs + outputs
    return [*inputs, *outputs, NewTopic(settings.topic(POSITIONS_TOPIC), shards, replicas)]


async def _create(settings: Settings, topics: list[NewTopic]) -> dict[str, str]:
    """Create topics and return the errors of those that were refused, by name."""
    admin = AIOKafkaAdminClient(
        **kafka.client_options(settings, "topics"), request_timeout_ms=_PATIENCE_SECONDS * 1000
    )
    await admin.start()
    try:
        answer = await admin.create_topics(topics, timeout_ms=_PATIENCE_SECONDS * 1000)
    finally:
        await admin.close()
    refused = {}
    for name, code, *message in answer.topic_errors:
        kind = for_code(code)
        # Somebody else was quicker.
        if code and kind is not TopicAlreadyExistsError:
            refused[name] = (message[0] if message and message[0] else None) or kind.__name__
    return refused
