"""Changes the number of shards of the outbox while workers run.

Messages of one contact stay in order: no batch is in flight, and every message of the old shards is published,
before the number changes.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.infra.postgres.revision_lock import configuration_change
from sql import queries

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_SQL = queries("shard_leases")
# Seconds between two looks at the outbox, and for the relay to publish what it holds; batches wait meanwhile.
_POLL_EVERY = 0.05
_PATIENCE = 5.0


class OutboxNotDrainedError(Exception):
    """The outbox still has messages to be published: no relay is running, or it is too slow."""


async def read_shards(connection: Connection) -> int:
    """Return the number of shards."""
    shards: int = await connection.fetchval(_SQL["shards"])
    return shards


async def change_shards(connection: Connection, shards: int, *, patience: float = _PATIENCE) -> int:
    """Set the number of shards and return the one before.

    Holds up all batches until the relay has published the outbox, at most `patience` seconds. Raises
    OutboxNotDrainedError, with nothing changed, and what asyncpg raises.
    """
    async with configuration_change(connection, None):
        before = await read_shards(connection)
        try:
            async with asyncio.timeout(patience):
                while not await connection.fetchval(_SQL["is_drained"]):  # noqa: ASYNC110 - a relay elsewhere
                    await asyncio.sleep(_POLL_EVERY)
        except TimeoutError:
            raise OutboxNotDrainedError(
                f"messages still wait in the outbox after {patience:g} s: is a relay running?"
            ) from None
        await connection.execute(_SQL["change_shards"], shards)
    return before
