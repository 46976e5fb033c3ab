"""How brokers are reached: the options that every client shares, and the list of topics.

Never asks for a topic by name: some brokers create a topic that is asked for.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiokafka.client import AIOKafkaClient
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from consumer.infra import explain_connection_errors
from consumer.infra.kafka import tls
from consumer.infra.kafka.abort_connections import abort_all, abort_connection
from consumer.infra.kafka.start_stop import no_connection_left

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from consumer.infra.settings import Settings

CLIENT_ID = "engagement"

# Seconds for asking brokers why they refuse us: a broker that refuses answers at once.
_DIAGNOSIS_SECONDS = 1.0


class BrokerRefusedError(KafkaConnectionError):  # type: ignore[misc] # aiokafka ships no types
    """A broker was reached and refused us; the message gives the reason and the setting to check."""

    def __str__(self) -> str:
        return str(self.args[0])


class TopicsMissingError(Exception):
    """Required topics do not exist: run `engagement topics`."""


def client_options(settings: Settings, role: str = "") -> dict[str, Any]:
    """Return the arguments shared by aiokafka's consumers, producers and other clients.

    role: part of the client id, which brokers use in their logs and quotas. Raises SettingsError if certificates
    cannot be used.
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
        options["ssl_context"] = tls.context(settings)
    return options


def reader_options(settings: Settings, role: str) -> dict[str, Any]:
    """Return the arguments of a consumer that reads committed records of partitions it chooses, without a group.

    role: see `client_options`.
    """
    options = {"group_id": None, "enable_auto_commit": False, "isolation_level": "read_committed"}
    return {**client_options(settings, role), **options}


def input_topics(settings: Settings) -> dict[str, str]:
    """Return the consumed topics: name in Kafka → name without the prefix."""
    return {settings.topic(name): name for name in settings.topics}


@asynccontextmanager
async def metadata_client(
    settings: Settings, role: str, *, patience: float = 5.0
) -> AsyncIterator[AIOKafkaClient]:
    """Connect a client for metadata requests, each answered within `patience` seconds.

    Raises aiokafka's KafkaConnectionError if no broker can be reached: a BrokerRefusedError if one gives a reason.
    """
    client = AIOKafkaClient(**client_options(settings, role), request_timeout_ms=int(patience * 1000))
    try:
        with no_connection_left():
            await client.bootstrap()
        yield client
    except KafkaError as error:
        if why := await _refusal_reason(settings, client):
            raise BrokerRefusedError(why) from error
        raise
    finally:
        ends = abort_all(client)
        await client.close()
        if ends:
            await asyncio.wait(ends)


async def _refusal_reason(settings: Settings, client: AIOKafkaClient) -> str | None:
    """Connect to each broker once more and return why it refuses us, if one does: aiokafka's errors do not say."""
    options = client_options(settings, "why")
    del options["bootstrap_servers"]
    addresses = [(host, port) for host, port, _ in client.hosts]
    addresses += [(broker.host, broker.port) for broker in client.cluster.brokers()]
    try:
        async with asyncio.timeout(_DIAGNOSIS_SECONDS):
            for host, port in dict.fromkeys(addresses):
                if why := explain_connection_errors.explain_kafka_error(
                    await _failure(host, port, options), f"{host}:{port}"
                ):
                    return why
    except TimeoutError:
        pass
    return None


async def _failure(host: str, port: int, options: dict[str, Any]) -> BaseException | None:
    """Connect and send one request; return the error, None if there was none."""
    try:
        connection = await create_conn(host, port, **options)
        try:
            # A broker that requires SASL accepts the connection and closes it at the first request.
            await connection.send(MetadataRequest([]))
        finally:
            abort_connection(connection)
    except (KafkaError, OSError) as error:
        return error
    return None


async def partitions_by_topic(client: AIOKafkaClient) -> dict[str, int]:
    """Return every topic that we may describe, with its number of partitions."""
    cluster = await client.fetch_all_metadata()
    return {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in cluster.topics()}


async def require_topics(settings: Settings, names: Iterable[str]) -> None:
    """Raise TopicsMissingError unless all these topics, given without the prefix, exist."""
    async with metadata_client(settings, "topics") as client:
        present = await partitions_by_topic(client)
    if missing := [topic for topic in map(settings.topic, names) if topic not in present]:
        raise TopicsMissingError(f"topics are missing: {', '.join(missing)}; run `engagement topics`")
