"""Shares the counts of several processes through Redis or Valkey, in the background: no request waits for it.

Several times a second a process adds what it has counted, and takes the sums. Limits may be exceeded by what all
processes take in between. While the server is away each process counts by itself.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog
from limits.aio.storage import RedisStorage
from limits.errors import StorageError
from redis.asyncio import BlockingConnectionPool
from redis.exceptions import RedisError

from consumer.infra.telemetry.repeated_lines import RepeatedLines

if TYPE_CHECKING:
    from consumer.web.tracker.limits import Counts, Limits

log = structlog.get_logger(__name__)

# Seconds between two rounds, for one, and after one that failed.
_EVERY: Final = 0.25
_PATIENCE: Final = 2.0
_RETRY_AFTER: Final = 2.0
# Events in a window from which on a key is shared: addresses that bring less are many, and no limit is as low.
_LEAST: Final = 5
_CONNECTIONS: Final = 4
# Keys that are shared in one round, those with the most events first.
_AT_ONCE: Final = 500


class SharedLimits:
    """Keeps the counts of a process and of the others together. url: of the server, with its password."""

    def __init__(self, limits: Limits, url: str, prefix: str) -> None:
        # Valkey speaks the same protocol.
        url = url.replace("valkey", "redis", 1)
        self._pool = BlockingConnectionPool.from_url(url, max_connections=_CONNECTIONS)
        self._storage = RedisStorage(
            f"async+{url}",
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix=f"{prefix}engagement-tracker",
            connection_pool=self._pool,  # type: ignore[arg-type] # documented, but left out of its annotation
        )
        self._kinds = {"token": limits.by_token, "address": limits.by_address, "day": limits.by_day}
        # What was added of each key, by window.
        self._added: dict[tuple[str, int], dict[str, int]] = {}
        self._lines = RepeatedLines()

    async def run(self) -> None:
        """Share counts until cancelled."""
        try:
            while True:
                pause = await self._try_round()
                await asyncio.sleep(pause)
        finally:
            await self._pool.disconnect()

    async def _try_round(self) -> float:
        """Share counts once, and return the seconds until the next round."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._share()
        except (StorageError, RedisError, TimeoutError, OSError) as error:
            self._lines.warn(log, "tracker limits are not shared", because=repr(error)[:200])
            return _RETRY_AFTER
        return _EVERY

    async def _share(self) -> None:
        for kind, counts in self._kinds.items():
            window = (kind, counts.number)
            for old in [each for each in self._added if each[0] == kind and each != window]:
                del self._added[old]
            added = self._added.setdefault(window, {})
            keys = sorted(counts.counted(_LEAST), key=lambda each: -each[1])[:_AT_ONCE]
            await asyncio.gather(*(self._share_one(kind, counts, added, *each) for each in keys))

    async def _share_one(
        self, kind: str, counts: Counts, added: dict[str, int], key: str, count: int
    ) -> None:
        number = counts.number
        more = count - added.get(key, 0)
        # Noted before it is known: what is added twice would be held against the token for a whole window.
        added[key] = count
        name = f"{kind}/{key}/{number}"
        if more > 0:
            total = await self._storage.incr(name, 2 * counts.window, amount=more)
        else:
            total = await self._storage.get(name)
        counts.note_elsewhere(number, key, max(0, total - count))
