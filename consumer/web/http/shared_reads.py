"""Reads that cost too much to be made for each request: one of them answers all requests of a minute."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

# Seconds for which a read answers, from its beginning on.
FRESH = 60.0


@dataclass(frozen=True, slots=True)
class SharedRead:
    """What was read, and the seconds since the read began."""

    value: Any
    age: float


@dataclass(frozen=True, slots=True)
class _Read:
    began: float
    task: asyncio.Task[Any]


class SharedReads:
    """The reads of this process, by a key of the caller's."""

    def __init__(self) -> None:
        self._reads: dict[Hashable, _Read] = {}

    async def get(self, key: Hashable, read: Callable[[], Awaitable[Any]]) -> SharedRead:
        """Return what is known for a key, a minute old at most, else what `read` returns.

        All that ask meanwhile wait for the same read, which goes on if they go away. What it raises, all of them
        get, and the next read is another one.
        """
        now = time.monotonic()
        found = self._reads.get(key)
        if found is None or now - found.began >= FRESH:
            self._reads = {other: each for other, each in self._reads.items() if now - each.began < FRESH}
            found = self._reads[key] = _Read(now, asyncio.ensure_future(read()))
            found.task.add_done_callback(lambda task: self._forget_failed(key, task))
        value = await asyncio.shield(found.task)
        return SharedRead(value, time.monotonic() - found.began)

    def _forget_failed(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        if (task.cancelled() or task.exception()) and key in self._reads and self._reads[key].task is task:
            del self._reads[key]
