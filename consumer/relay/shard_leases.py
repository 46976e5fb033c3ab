"""Which shards of the outbox this process publishes: leases in Postgres.

Owns the rows of `relays` and `shard_leases`. Never publishes; that only one holder's messages count is Kafka's
doing, which shuts out the older of two producers, so a mistake here costs time, not correctness.
"""

from __future__ import annotations

import os
import socket
import uuid
from typing import TYPE_CHECKING

from consumer.infra.postgres.connection import fetch_one
from sql import queries

if TYPE_CHECKING:
    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection

_SQL = queries("shards")

# Seconds that a lease holds; and so long before its end the holder stops by itself, by its own clock.
LEASE_SECONDS = 6.0
_MARGIN = 1.0
# A heartbeat later than this is believed only while its connection stands: a killed process has none.
_LATE = 1.2


class ShardLeases:
    """The shards leased to one process; `tick` every half second or so."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._held: set[int] = set()
        self._valid_until = 0.0
        self._surplus: set[int] = set()

    def held(self) -> set[int]:
        """Return the shards that are surely this process's, none once the lease may have run out."""
        return set(self._held) if self._clock.monotonic() < self._valid_until else set()

    def surplus(self) -> set[int]:
        """Return those of them that exceed the fair share: to be released once nothing of them is under way."""
        return set(self._surplus)

    async def tick(self, connection: Connection) -> None:
        """Renew what is held, and claim what is free or whose holder is gone, up to the fair share."""
        began = self._clock.monotonic()
        state = await fetch_one(connection, _SQL["renew"], self._owner, LEASE_SECONDS, LEASE_SECONDS - _LATE)
        self._held = set(state["held"])
        share = -(-state["shards"] // len(state["alive"]))
        if len(self._held) < share:
            claimed = await connection.fetch(
                _SQL["claim"], self._owner, state["alive"], share - len(self._held)
            )
            self._held |= {row["shard"] for row in claimed}
        self._surplus = set(sorted(self._held)[share:])
        self._valid_until = began + LEASE_SECONDS - _MARGIN

    async def confirm(self, connection: Connection, shard: int) -> bool:
        """Read again whether a shard is ours: before a publisher is initialised, which shuts others out."""
        confirmed: bool = await connection.fetchval(_SQL["confirm"], self._owner, shard)
        return confirmed

    async def release(self, connection: Connection, shard: int) -> None:
        """Give a shard back for another to claim at once."""
        self._held.discard(shard)
        self._surplus.discard(shard)
        await connection.execute(_SQL["release"], self._owner, [shard])

    async def leave(self, connection: Connection) -> None:
        """Give everything back and be forgotten."""
        self._held.clear()
        await connection.execute(_SQL["leave"], self._owner)
