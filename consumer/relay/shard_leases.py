"""Leases shards of the outbox to this process: rows in Postgres.

Leases only divide the work. If two processes publish a shard Kafka fences the older producer: a mistake here costs
time, not correctness.
"""

from __future__ import annotations

import os
import socket
import uuid
from typing import TYPE_CHECKING

from consumer.infra.postgres.connection import fetch_one
from consumer.infra.postgres.lease_times import LATE, LEASE, MARGIN
from sql import queries

if TYPE_CHECKING:
    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection

_SQL = queries("shard_leases")


class ShardLeases:
    """The shards leased to one process; call `tick` every half second or so."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._held: set[int] = set()
        self._valid_until = 0.0
        self._surplus: set[int] = set()
        # As of the last heartbeat.
        self.other_relays_alive = False

    def held(self) -> set[int]:
        """Return the shards of this process; none if the lease may have run out."""
        return set(self._held) if self._clock.monotonic() < self._valid_until else set()

    def surplus(self) -> set[int]:
        """Return the shards beyond the fair share: release each when none of its messages is in flight."""
        return set(self._surplus)

    async def tick(self, connection: Connection) -> None:
        """Renew the lease, and claim shards that are free or whose holder is dead, up to the fair share."""
        began = self._clock.monotonic()
        state = await fetch_one(connection, _SQL["renew"], self._owner, LEASE, LEASE - LATE)
        self._held = set(state["held"])
        self.other_relays_alive = len(state["alive"]) > 1
        share = -(-state["shards"] // len(state["alive"]))
        if len(self._held) < share:
            claimed = await connection.fetch(
                _SQL["claim"], self._owner, state["alive"], share - len(self._held)
            )
            self._held |= {row["shard"] for row in claimed}
        self._surplus = set(sorted(self._held)[share:])
        self._valid_until = began + LEASE - MARGIN

    async def confirm(self, connection: Connection, shard: int) -> bool:
        """Return whether a shard is still ours; ask before starting a publisher, which fences the others."""
        confirmed: bool = await connection.fetchval(_SQL["confirm"], self._owner, shard)
        return confirmed

    async def release(self, connection: Connection, shard: int) -> None:
        """Release a shard, so that another process may claim it at once."""
        self._held.discard(shard)
        self._surplus.discard(shard)
        await connection.execute(_SQL["release"], self._owner, [shard])

    async def leave(self, connection: Connection) -> None:
        """Release everything and deregister."""
        self._held.clear()
        self._surplus.clear()
        await connection.execute(_SQL["leave"], self._owner)
