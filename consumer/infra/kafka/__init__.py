"""Kafka clients: their options, starting, stopping and failing, and the topics of the cluster. Layer: infra.

Read `client.py` first; other packages write `kafka.client_options(…)`. `lenient_batches.py`, `start_stop.py`,
`abort_connections.py` and `log_bounds.py` use aiokafka's private parts (docs/decisions/0017-aiokafka-patches.md).
"""

from consumer.infra.kafka.client import (
    CLIENT_ID,
    BrokerRefusedError,
    TopicsMissingError,
    client_options,
    input_topics,
    metadata_client,
    partitions_by_topic,
    reader_options,
    require_topics,
)
from consumer.infra.kafka.start_stop import start_client, stop_client

__all__ = [
    "CLIENT_ID",
    "BrokerRefusedError",
    "TopicsMissingError",
    "client_options",
    "input_topics",
    "metadata_client",
    "partitions_by_topic",
    "reader_options",
    "require_topics",
    "start_client",
    "stop_client",
]
