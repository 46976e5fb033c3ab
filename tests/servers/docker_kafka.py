"""Apache Kafka in a container, through testcontainers.

Owns that container and breaking it on purpose. Where no Docker answers, `start` raises ServerFailedError
within a second, which is how the run learns that there is none.
"""

from __future__ import annotations

import asyncio
import gc
import time
import warnings
from typing import TYPE_CHECKING, Any

from consumer.demo.servers import ServerFailedError
from consumer.demo.servers.processes import free_port
from tests.servers.broker import IMAGE_VERSION, KafkaServer, answers_api_versions, broker_settings

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

IMAGE = f"apache/kafka:{IMAGE_VERSION}"
_START_SECONDS = 120.0


class DockerKafka(KafkaServer):
    """One broker in a container that listens on the same port inside and outside.

    The port is fixed beforehand, so that the address the broker gives to clients is right from its first
    start and stays right over every restart.
    """

    kind = "docker"
    description = f"Apache Kafka {IMAGE_VERSION} (Docker, {IMAGE}, KRaft)"
    breakable = True

    def __init__(self) -> None:
        self._container: DockerContainer | None = None
        self._port = 0

    async def start(self) -> None:
        if self._container is None:
            self._port = free_port()
            self.bootstrap = f"127.0.0.1:{self._port}"
            await asyncio.to_thread(self._create)
        else:
            await asyncio.to_thread(self._wrapped().start)
        deadline = time.monotonic() + _START_SECONDS
        while not await asyncio.to_thread(answers_api_versions, self._port):
            if time.monotonic() > deadline:
                log = self._wrapped().logs(tail=25).decode(errors="replace")
                await self.close()
                raise ServerFailedError(f"{IMAGE} did not start:\n{log}")
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        await asyncio.to_thread(self._wrapped().stop)

    async def kill(self) -> None:
        await asyncio.to_thread(self._wrapped().kill)

    def freeze(self) -> None:
        self._wrapped().pause()

    def thaw(self) -> None:
        self._wrapped().unpause()

    async def run_tool(self, name: str, *arguments: str) -> str:
        # Inside the broker listens on the port that it has outside.
        command = ["/opt/kafka/bin/kafka-run-class.sh", name, *arguments]
        code, output = await asyncio.to_thread(self._wrapped().exec_run, command)
        said = str(output.decode(errors="replace"))
        if code != 0:
            raise ServerFailedError(f"{name} failed (exit {code}):\n{said[-3000:]}")
        return said

    async def close(self) -> None:
        container, self._container = self._container, None
        if container is not None:
            await asyncio.to_thread(container.stop)

    def _create(self) -> None:
        # Imported here: it is slow, and most machines go another way. `testcontainers.kafka` warns.
        from docker.errors import (  # type: ignore[import-untyped]  # noqa: PLC0415 -- ships no types
            DockerException,
        )
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415

        controller_port = self._port + 1  # no other process listens inside the container
        settings = broker_settings(self._port, controller_port, listen="0.0.0.0", logs="/tmp/kafka-logs")
        missing = False
        with warnings.catch_warnings():
            # Where no Docker answers, its client forgets to close the socket it tried.
            warnings.simplefilter("ignore", ResourceWarning)
            try:
                container = DockerContainer(IMAGE).with_bind_ports(self._port, self._port)
                for name, value in settings.items():
                    container = container.with_env(f"KAFKA_{name.upper().replace('.', '_')}", value)
                container.start()
            except DockerException:
                missing = True
            gc.collect()
        if missing:
            raise ServerFailedError("no Docker answers")
        self._container = container

    def _wrapped(self) -> Any:
        if self._container is None:
            raise ServerFailedError("the broker's container is not started")
        return self._container.get_wrapped_container()
