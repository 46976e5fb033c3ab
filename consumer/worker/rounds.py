"""Works in rounds over one connection, which an error that passes ends with the round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from consumer.infra.postgres.errors import retry_reason
from consumer.infra.wait import event_within, jittered

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection_keeper import ConnectionKeeper

log = structlog.get_logger(__name__)
# Of an error, what is logged where it passes by itself.
_SHOWN_CHARACTERS = 200


async def work_in_rounds(
    retried: str,
    one_round: Callable[[asyncio.Event], Awaitable[object]],
    stopping: asyncio.Event,
    *,
    database: ConnectionKeeper,
    every: float,
) -> None:
    """Run rounds until `stopping` is set, each at once after one that returns something true, else after a pause.

    retried: the log line of a round that is to be done again. every: seconds of the pause. A transient error of the
    database ends one round, others are raised.
    """
    try:
        while not await event_within(stopping, jittered(every)):
            try:
                while await one_round(stopping):
                    pass
            except Exception as error:
                if (reason := retry_reason(error)) is None:
                    raise
                log.info(retried, reason=reason.value, error=str(error)[:_SHOWN_CHARACTERS])
                database.drop()
    finally:
        database.drop()


async def rest(
    stopping: asyncio.Event, clock: Clock, began: float, *, factor: float, least: float = 0.0
) -> bool:
    """Let batches go first: rest `factor` times as long as it is since `began`, at least so many seconds.

    Returns True if `stopping` is set meanwhile.
    """
    return await event_within(stopping, max(least, factor * (clock.monotonic() - began)))
