"""Clients of Kafka: their options, how they start, leave and fail, and which topics there are. Layer: infra.

Others write `kafka.client_options(…)`. Read `client.py` first. `lenient_batches.py` and `abort.py` reach into
aiokafka, each for a reason that docs/decisions/ gives.
"""

from consumer.infra.kafka.client import (
    CLIENT_ID,
    BrokerRefusedError,
    TopicsMissingError,
    client_options,
    input_topics,
    metadata_client,
    partitions_by_topic,
    require_topics,
    stop_client,
)

__all__ = [
    "CLIENT_ID",
    "BrokerRefusedError",
    "TopicsMissingError",
    "client_options",
    "input_topics",
    "metadata_client",
    "partitions_by_topic",
    "require_topics",
    "stop_client",
]
