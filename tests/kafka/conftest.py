"""Installations for the tests of the worker: one on the servers of this run, one on servers that may be broken.

Owns making and ending them. Never starts a worker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from consumer.embedded import EmbeddedPostgres
from consumer.migrate import migrate
from tests.kafka.installation import Installation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.servers.broker import KafkaServer


@dataclass(frozen=True)
class Fragile:
    """An installation on a database server and a broker that a test may freeze, stop and kill."""

    installation: Installation
    postgres: EmbeddedPostgres
    kafka: KafkaServer


@pytest.fixture
async def installation(kafka_server: KafkaServer, database: str, topic_prefix: str) -> Installation:
    """Give an installation on the servers of this run, without topics and accounts yet."""
    return Installation(database, kafka_server.bootstrap, topic_prefix)


@pytest.fixture
async def fragile(breakable_kafka: KafkaServer, topic_prefix: str) -> AsyncIterator[Fragile]:
    """Give an installation on a database server of its own and a broker that may be broken."""
    async with EmbeddedPostgres(fsync=False) as postgres:
        await migrate(postgres.dsn)
        yield Fragile(
            Installation(postgres.dsn, breakable_kafka.bootstrap, topic_prefix), postgres, breakable_kafka
        )
