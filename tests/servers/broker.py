"""What every broker of a test run offers, whichever it is.

Owns the shape of a broker under test, and creating topics on it. Never chooses one; tests/servers/kafka.py
does.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from typing import TYPE_CHECKING, Literal, NoReturn

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from consumer.demo.servers import ServerFailedError
from consumer.infra.kafka.create_topics import request_topics, wait_for_controller

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Kind = Literal["external", "docker", "maven", "mock"]

# One record of 1 MiB must fit beside its headers and the batch around it.
MAXIMUM_MESSAGE_BYTES = 4 * 1024 * 1024
IMAGE_VERSION = "4.1.0"


class KafkaServer:
    """A running broker: `bootstrap` is where clients start from.

    real: a Kafka that has transactions, isolation and a memory. breakable: it may be killed, stopped, started
    again on the same port and data, frozen and thawed; the others raise NotImplementedError for that.
    """

    kind: Kind
    description: str
    bootstrap: str = ""
    real: bool = True
    breakable: bool = False

    async def start(self) -> None:
        """Start it, or start it again; returns when it answers."""
        self._unbreakable()

    async def stop(self) -> None:
        """End it in order; its data stay for the next start."""
        self._unbreakable()

    async def kill(self) -> None:
        """End it at once, as a power cut would (its files are whole: the machine goes on)."""
        self._unbreakable()

    def freeze(self) -> None:
        """Freeze it with its connections open."""
        self._unbreakable()

    def thaw(self) -> None:
        """Let it go on."""
        self._unbreakable()

    async def close(self) -> None:
        """End it for good and remove what it stored."""

    async def create_topics(
        self, names: Iterable[str], *, partitions: int, settings: Mapping[str, str] | None = None
    ) -> None:
        """Create topics with this many partitions each, and wait until clients can see them."""
        await create_topics(self.bootstrap, list(names), partitions, settings or {})

    async def run_tool(self, name: str, *arguments: str) -> str:
        """Run one of the broker's own tools, by the name of its Java class, and return what it says.

        Raises ServerFailedError where it fails, or there is none.
        """
        raise ServerFailedError(f"{self.description} brings no {name} {' '.join(arguments)}")

    def _unbreakable(self) -> NoReturn:
        raise NotImplementedError(f"{self.description} cannot be broken on purpose")


async def create_topics(
    bootstrap: str, names: list[str], partitions: int, settings: Mapping[str, str]
) -> None:
    """Create topics through the admin protocol; raises the Kafka error of the first that is refused."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await wait_for_controller(admin)
        wanted = [NewTopic(name, partitions, 1, topic_configs=dict(settings)) for name in names]
        for name, (kind, why) in (await request_topics(admin, wanted)).items():
            raise kind(f"{name}: {why}")
        deadline = time.monotonic() + 10
        # The controller has answered; the broker hears of its own topics a moment later.
        while not await _all_visible(admin, names, partitions):
            if time.monotonic() > deadline:
                raise ServerFailedError(f"topics created but not visible after 10 s: {names}")
            await asyncio.sleep(0.01)
    finally:
        await admin.close()


async def _all_visible(admin: AIOKafkaAdminClient, names: list[str], partitions: int) -> bool:
    described = await admin.describe_topics(names)
    return all(
        topic["error_code"] == 0
        and len(topic["partitions"]) == partitions
        and all(partition["error_code"] == 0 for partition in topic["partitions"])
        for topic in described
    )


def answers_api_versions(port: int) -> bool:
    """Whether a broker on this port of 127.0.0.1 answers the first request of every client."""
    client = b"ready?"
    body = struct.pack(">hhih", 18, 0, 1, len(client)) + client  # ApiVersions v0, correlation 1
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(struct.pack(">i", len(body)) + body)
            answer = connection.recv(10)
    except OSError:
        return False
    return answer[4:10] == struct.pack(">ih", 1, 0)  # the correlation, and no error


def broker_settings(port: int, controller_port: int, *, listen: str, logs: str) -> dict[str, str]:
    """Configure one Kafka that is broker and controller, light enough to share a machine with the tests."""
    single = {
        f"{topic}.{setting}": "1"
        for topic, names in {
            "offsets.topic": ("replication.factor", "num.partitions"),
            "transaction.state.log": ("replication.factor", "min.isr", "num.partitions"),
            "share.coordinator.state.topic": ("replication.factor", "min.isr", "num.partitions"),
        }.items()
        for setting in names
    }
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{listen}:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": logs,
        **single,
        "group.initial.rebalance.delay.ms": "0",
        "auto.create.topics.enable": "false",
        "message.max.bytes": str(MAXIMUM_MESSAGE_BYTES),
        "replica.fetch.max.bytes": str(MAXIMUM_MESSAGE_BYTES),
        "log.retention.ms": "-1",  # tests write records dated years ago, which must not be swept away
        "log.cleaner.enable": "false",
        "num.network.threads": "1",
        "num.io.threads": "2",
        # With the default it takes 12 s to come back after a kill, for its own old session must end first.
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "400",
    }
