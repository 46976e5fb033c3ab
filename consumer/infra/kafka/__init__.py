"""Clients of Kafka: their options, how they start, leave and fail, and which topics there are. Layer: infra.

Others write `kafka.client_options(…)`. Read `client.py` first. `lenient_batches.py` and `abort.py` reach into
aiokafka, each for a reason that docs/decisions/ gives.
"""

from consumer.infra.kafka.client import (
    CLIENT_ID,
    BrokersRefuseError,
    TopicsMissingError,
    client_options,
    input_topics,
    leave,
    partitions_by_topic,
    plain_client,
    require_topics,
)

__all__ = [
    "CLIENT_ID",
    "BrokersRefuseError",
    "TopicsMissingError",
    "client_options",
    "input_topics",
    "leave",
    "partitions_by_topic",
    "plain_client",
    "require_topics",
]
