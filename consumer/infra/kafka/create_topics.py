"""Creates missing topics, with their partitions, replicas, compaction and bound on timestamps.

Never changes a topic that exists: its partitions and settings belong to the cluster's operator.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    InvalidConfigurationError,
    InvalidReplicationFactorError,
    KafkaConnectionError,
    TopicAlreadyExistsError,
    for_code,
)

from consumer.infra import kafka
from consumer.infra.kafka import topic_settings
from schemas.vocabulary import MAX_SHARDS, OUTPUT_TOPICS, POSITIONS_TOPIC, SCORE_CHANGED_TOPIC

if TYPE_CHECKING:
    from consumer.infra.settings import Settings

# Replicas by default, on a cluster with so many brokers.
_REPLICAS = 3
_PATIENCE_SECONDS = 15
_BETWEEN_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class TopicResult:
    """The result for one topic. error: one line if it could not be created, else None."""

    topic: str
    partitions: int
    created: bool
    error: str | None = None


async def create_missing(settings: Settings) -> list[TopicResult]:
    """Create the missing input and output topics and return the result for each, inputs first.

    May be repeated, and run by several processes at once. Raises aiokafka's KafkaConnectionError if no broker
    answers.
    """
    async with kafka.metadata_client(settings, "topics") as client:
        present = await kafka.partitions_by_topic(client)
        brokers = len(client.cluster.brokers())
    wanted = planned_topics(settings, brokers)
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


def planned_topics(settings: Settings, brokers: int) -> list[NewTopic]:
    """Return all topics as they would be created on a cluster with so many brokers, inputs first."""
    replicas = settings.topic_replication or min(_REPLICAS, max(brokers, 1))
    bound = {topic_settings.MAX_AHEAD: str(topic_settings.MAX_AHEAD_MS)}
    inputs = [
        NewTopic(name, settings.input_partitions, replicas, topic_configs=bound)
        for name in kafka.input_topics(settings)
    ]
    compacted = {topic_settings.CLEANUP_POLICY: topic_settings.COMPACT}
    outputs = [
        NewTopic(
            settings.topic(name),
            settings.output_partitions,
            replicas,
            # A new reader needs the latest score of each contact and profile.
            topic_configs=compacted if name == SCORE_CHANGED_TOPIC else {},
        )
        for name in OUTPUT_TOPICS
    ]
    if settings.relay == "plain":
        return inputs + outputs
    # A partition for each shard that there may ever be: their number can change in operation.
    positions = NewTopic(settings.topic(POSITIONS_TOPIC), MAX_SHARDS, replicas, topic_configs=compacted)
    return [*inputs, *outputs, positions]


async def _create(settings: Settings, topics: list[NewTopic]) -> dict[str, str]:
    """Create topics and return the errors of those that were refused, by name."""
    admin = AIOKafkaAdminClient(
        **kafka.client_options(settings, "topics"), request_timeout_ms=_PATIENCE_SECONDS * 1000
    )
    await kafka.start_client(admin)
    try:
        await wait_for_controller(admin)
        refused = await request_topics(admin, topics)
        unbounded = [
            NewTopic(topic.name, topic.num_partitions, topic.replication_factor)
            for topic in topics
            if topic_settings.MAX_AHEAD in topic.topic_configs
            and refused.get(topic.name, (None, ""))[0] is InvalidConfigurationError
        ]
        if unbounded:  # a broker before 3.6 knows no such bound
            for topic in unbounded:
                del refused[topic.name]
            refused |= await request_topics(admin, unbounded)
    finally:
        await admin.close()
    return {name: text for name, (_, text) in refused.items()}


async def wait_for_controller(admin: AIOKafkaAdminClient) -> None:
    """Return once the cluster says which broker is its controller, which takes a new broker a moment.

    aiokafka does not wait: it fails with an AttributeError. Raises KafkaConnectionError after 15 seconds.
    """
    client = admin._client  # noqa: SLF001 - nothing public asks for it
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while client.cluster.controller is None:
                if not await client.force_metadata_update() or client.cluster.controller is None:
                    await asyncio.sleep(_BETWEEN_SECONDS)
    except TimeoutError:
        raise KafkaConnectionError("the cluster has no controller") from None


async def request_topics(
    admin: AIOKafkaAdminClient, topics: list[NewTopic]
) -> dict[str, tuple[type[Exception], str]]:
    """Ask the controller for these topics; return error and text of those refused, by name.

    Those that are there already are not refused. Asks again, for 15 seconds, while brokers that have just started
    are fenced: until then the controller has none to put partitions on.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        refused = await _request(admin, topics)
        fenced = {name for name, (kind, text) in refused.items() if _is_fenced(kind, text)}
        if not fenced or time.monotonic() > deadline:
            return refused
        # What was created is not refused the next time.
        await asyncio.sleep(_BETWEEN_SECONDS)


def _is_fenced(kind: type[Exception], text: str) -> bool:
    return kind is InvalidReplicationFactorError and "fenced" in text


async def _request(
    admin: AIOKafkaAdminClient, topics: list[NewTopic]
) -> dict[str, tuple[type[Exception], str]]:
    answer = await admin.create_topics(topics, timeout_ms=_PATIENCE_SECONDS * 1000)
    refused: dict[str, tuple[type[Exception], str]] = {}
    for name, code, *message in answer.topic_errors:
        kind = for_code(code)
        # Another process may have created it meanwhile.
        if code and kind is not TopicAlreadyExistsError:
            refused[name] = (kind, (message[0] if message and message[0] else None) or kind.__name__)
    return refused
