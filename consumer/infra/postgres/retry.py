"""Repeats a unit of work against the database while its errors are transient, for about half a minute.

For commands and background jobs; a batch is repeated without an end (ingest/batch_processor.py).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, TypeVar

from consumer.infra.postgres.errors import retry_reason
from consumer.infra.wait import backoff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.infra.postgres.connection import Connection
    from consumer.infra.postgres.connection_keeper import ConnectionKeeper

# Not structlog: commands leave it as it is, printing on standard output, where their answers go.
log = logging.getLogger(__name__)

Result = TypeVar("Result")

# Ten attempts take about 30 s: long enough for a server to restart, or to drop the locks of a frozen client.
_ATTEMPTS = 10


async def retry_transient(
    keeper: ConnectionKeeper, work: Callable[[Connection], Awaitable[Result]]
) -> Result:
    """Do the work on the keeper's connection; after a transient error do it again on a new one.

    The work has to be one or several transactions, each of which may be done twice: the answer to a COMMIT may be
    lost. Raises the last error after about half a minute, and every other error at once.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return await work(await keeper.get())
        except Exception as error:
            reason = retry_reason(error)
            if reason is None:
                raise
            keeper.drop()
            if attempt == _ATTEMPTS:
                raise
            log.warning("database error, trying again (%s): %s", reason.value, str(error)[:200])
            await asyncio.sleep(backoff(attempt, first=0.1, most=5.0))
    raise AssertionError("the last attempt returns or raises")
