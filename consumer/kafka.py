"""How brokers are reached: the options that every client shares, and what the cluster has.

Owns client options and reading the list of topics. Never creates a topic (topics.py) and never asks for one
by name: some brokers create what they are asked for.
"""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiokafka.client import AIOKafkaClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from consumer.settings import Settings

CLIENT_ID = "engagement"


class TopicsMissingError(Exception):
    """Topics that are needed are not there: run `engagement topics`."""


def client_options(settings: Settings, role: str = "") -> dict[str, Any]:
    """Return the arguments shared by aiokafka's consumers, producers, admin and plain clients.

    role: part of the client id, by which brokers tell clients apart in their logs and quotas.
    """
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap,
        "client_id": f"{CLIENT_ID}-{role}" if role else CLIENT_ID,
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.startswith("SASL") and settings.kafka_sasl_password:
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        options["sasl_plain_password"] = settings.kafka_sasl_password.get_secret_value()
    if settings.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = _ssl_context(settings)
    return options


def input_topics(settings: Settings) -> dict[str, str]:
    """Return the topics consumed: as Kafka calls them → as the service does, without the prefix."""
    return {settings.topic(name): name for name in settings.topics}


@asynccontextmanager
async def plain_client(
    settings: Settings, role: str, *, patience: float = 5.0
) -> AsyncIterator[AIOKafkaClient]:
    """Give a connected client for questions about the cluster, each answered within `patience` seconds.

    Raises aiokafka's KafkaConnectionError where no broker can be reached.
    """
    client = AIOKafkaClient(**client_options(settings, role), request_timeout_ms=int(patience * 1000))
    try:
        await client.bootstrap()
        yield client
    finally:
        await client.close()


async def partitions_by_topic(client: AIOKafkaClient) -> dict[str, int]:
    """Return every topic of the cluster that may be seen, with its number of partitions."""
    cluster = await client.fetch_all_metadata()
    return {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in cluster.topics()}


async def require_topics(settings: Settings, names: Iterable[str]) -> None:
    """Raise TopicsMissingError unless all these topics, named without the prefix, are there."""
    async with plain_client(settings, "topics") as client:
        present = await partitions_by_topic(client)
    if missing := [topic for topic in map(settings.topic, names) if topic not in present]:
        raise TopicsMissingError(f"topics are missing: {', '.join(missing)}; run `engagement topics`")


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.kafka_ssl_ca_file)
    context.check_hostname = settings.kafka_ssl_check_hostname
    if settings.kafka_ssl_cert_file:
        password = settings.kafka_ssl_key_password
        context.load_cert_chain(
            settings.kafka_ssl_cert_file,
            settings.kafka_ssl_key_file,
            password.get_secret_value() if password else None,
        )
    return context
