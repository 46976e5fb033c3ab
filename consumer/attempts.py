"""Repeats a unit of work against the database while what goes wrong with it passes.

Owns how often and how soon, for work that people start or that nobody waits for; a batch has no such end
(ingest.py). Never knows what the work is.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, TypeVar

from consumer.db import retry_reason

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.db import Connection
    from consumer.session import Session

# Not structlog: commands leave it as it is, printing on standard output, where their answers go.
log = logging.getLogger(__name__)

Result = TypeVar("Result")

# Within about half a minute whoever was frozen is thrown out by the server, and a restarted server is back.
_ATTEMPTS = 10


async def repeat(session: Session, work: Callable[[Connection], Awaitable[Result]]) -> Result:
    """Do the work on the session's connection, again and on another one after a passing error.

    The work must be whole in itself: a transaction, or several each of which may be done twice. Raises the last
    error when it does not pass within about half a minute, and every other error at once.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return await work(await session.connection())
        except Exception as error:
            reason = retry_reason(error)
            if reason is None:
                raise
            session.drop()
            if attempt == _ATTEMPTS:
                raise
            log.warning("database error, trying again (%s): %s", reason.value, str(error)[:200])
            # Jitter, so that those who collided do not meet again.
            await asyncio.sleep(min(5.0, 0.05 * 2**attempt) * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
    raise AssertionError("the last attempt returns or raises")
