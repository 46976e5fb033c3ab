"""Topics of six partitions, which several workers or processes share: an event to each, and waiting for them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.builders.events import live_event
from tests.waiting import eventually

if TYPE_CHECKING:
    import asyncpg

    from consumer.domain.model import Record
    from tests.kafka.installation import Installation

SLICES = 6


async def one_each(installation: Installation, first: int) -> list[Record]:
    """Produce one event to each partition, of a contact of its own."""
    return [
        record
        for slice_ in range(SLICES)
        for record in await installation.produce(
            [live_event(first + slice_, subject=f"contact-{slice_}")], partition=slice_
        )
    ]


async def applied_events(observer: asyncpg.Connection[asyncpg.Record]) -> int:
    """Return how many events are applied; each counts once."""
    return int(await observer.fetchval("select coalesce(sum(count), 0) from dedup_keys"))


async def until_applied(observer: asyncpg.Connection[asyncpg.Record], number: int) -> float:
    """Wait until so many events are applied, and none more; return how many seconds it took."""
    begun = time.monotonic()

    async def applied() -> bool:
        assert await applied_events(observer) == number
        return True

    await eventually(applied, within=30, what=f"{number} events to be applied")
    return time.monotonic() - begun
