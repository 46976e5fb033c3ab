"""The broker of a test run: the one that is named, else Docker's, else Maven's, else the mock cluster.

Owns that order and the words about what a mock leaves unproved. Never fails because a better one is missing:
in CI the fixtures' plugin does that.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from consumer.demo.servers import EmbeddedBroker, ServerFailedError
from tests.servers.broker import KafkaServer
from tests.servers.docker_kafka import DockerKafka
from tests.servers.maven_kafka import MavenKafka, run_tool
from tests.servers.version import broker_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

VARIABLE = "ENGAGEMENT_TEST_KAFKA"

UNPROVED_ON_MOCK = (
    "transactions",
    "isolation of readers",
    "fencing of an older producer",
    "restart and loss of the broker",
    "consumer groups",
    "compaction and retention",
)


class ExternalKafka(KafkaServer):
    """A broker that this run does not own, at the address in ENGAGEMENT_TEST_KAFKA."""

    kind = "external"

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.description = f"Kafka at {bootstrap} ({VARIABLE})"

    async def start(self) -> None:
        """Ask it for its version; there is nothing to start."""
        self.description = f"{await broker_version(self.bootstrap)} at {self.bootstrap} ({VARIABLE})"

    async def run_tool(self, name: str, *arguments: str) -> str:
        """Run the tool of the version that Maven brings: tools ask brokers of any."""
        return await run_tool(name, *arguments)


class MockKafka(KafkaServer):
    """librdkafka's mock cluster. why: the reasons for which it is none of the real ones."""

    kind = "mock"
    real = False

    def __init__(self, why: str = "asked for") -> None:
        self._broker = EmbeddedBroker()
        self.description = f"librdkafka's mock cluster, not a real broker ({why})"

    async def start(self) -> None:
        self.bootstrap = self._broker.start()

    async def close(self) -> None:
        self._broker.stop()

    async def create_topics(
        self,
        names: Iterable[str],
        *,
        partitions: int,
        settings: Mapping[str, str] | None = None,  # noqa: ARG002 -- a mock has no settings of a topic
    ) -> None:
        for name in names:
            self._broker.create_topic(name, partitions)


async def start_kafka() -> KafkaServer:
    """Start or find the broker, the first in the order that there is."""
    named = os.environ.get(VARIABLE)
    if named:
        external = ExternalKafka(named)
        await external.start()
        return external
    reasons = []
    for server in (DockerKafka(), MavenKafka()):
        try:
            await server.start()
        except ServerFailedError as error:
            reasons.append(" ".join(str(error).split())[:300])
        else:
            return server
    mock = MockKafka("; ".join(reasons))
    await mock.start()
    return mock
