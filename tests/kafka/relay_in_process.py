"""Relays in this process, to be killed, frozen and replaced.

Owns their life in tests. Never reads what they published.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from consumer.infra import postgres
from consumer.infra.clock import SystemClock
from consumer.infra.telemetry.health import Health
from consumer.infra.telemetry.metrics import Metrics
from consumer.relay.relay import Relay
from consumer.relay.shard_leases import ShardLeases

if TYPE_CHECKING:
    from tests.kafka.installation import Installation


@dataclass
class Relaying:
    """One relay as a task."""

    installation: Installation
    metrics: Metrics = field(default_factory=Metrics)
    health: Health = field(default_factory=lambda: Health(SystemClock()))
    leases: ShardLeases = field(default_factory=lambda: ShardLeases(SystemClock()))
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def start(self, **settings: str) -> asyncio.Task[None]:
        """Run it until `stopping`, or until its task is cancelled, which leaves its leases as they are."""
        self.relay = Relay(
            self._connect,
            self.installation.settings(**settings),
            self.leases,
            metrics=self.metrics,
            health=self.health,
            clock=SystemClock(),
        )
        self.task = asyncio.create_task(self.relay.run(self.stopping))
        return self.task

    async def stop(self) -> None:
        """End it in order."""
        self.stopping.set()
        await self.task

    async def _connect(self) -> postgres.Connection:
        return await postgres.connect(self.installation.dsn)
