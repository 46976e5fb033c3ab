"""Begins the purges that are due, in every worker; background_jobs.py carries them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.scoring import retention
from consumer.worker.rounds import work_in_rounds

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from consumer.infra.postgres.connection import Connection

log = structlog.get_logger(__name__)


class DuePurges:
    """Looks for accounts whose horizon can move by a day."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], *, every: float = 10.0) -> None:
        """every: seconds between looks."""
        self._database = ConnectionKeeper(connect)
        self._every = every

    async def run(self, stopping: asyncio.Event) -> None:
        """Look until `stopping` is set; a transient database error ends one look, others are raised."""
        await work_in_rounds(
            "due purges looked for again",
            self.look,
            stopping,
            database=self._database,
            every=self._every,
        )

    async def look(self, _stopping: asyncio.Event) -> None:
        """Begin what is due."""
        for number in await retention.begin_due(await self._database.get()):
            log.info("purge begun", number=number)
