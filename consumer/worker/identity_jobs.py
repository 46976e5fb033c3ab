"""Carries out joins and deletions of contacts soon after they have come, in every worker; accounts take turns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.postgres.errors import is_time_out, retry_reason
from consumer.scoring import identity
from consumer.worker import rounds

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection

log = structlog.get_logger(__name__)

# Contacts that are worked on before looking again.
_CONTACTS = 50


class IdentityJobs:
    """Looks for contacts about which joins or deletions have come, and carries these out one by one."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        *,
        clock: Clock,
        every: float = 0.5,
        rest: float = 0.005,
    ) -> None:
        """In seconds: every: between looks that find nothing; rest: after each contact, if it took no longer.

        Batches go first meanwhile.
        """
        self._database = ConnectionKeeper(connect)
        self._clock = clock
        self._every = every
        self._rest = rest

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set; a transient database error ends one look, others are raised."""
        await rounds.work_in_rounds(
            "joins and deletions retried", self.run_once, stopping, database=self._database, every=self._every
        )

    async def run_once(self, stopping: asyncio.Event) -> int:
        """Carry out what waits for some contacts, accounts in turn; return for how many."""
        due = await identity.due_contacts(await self._database.get(), _CONTACTS)
        for contact in due:
            began = self._clock.monotonic()
            await self._carry_out(contact)
            if await rounds.rest(stopping, self._clock, began, factor=1, least=self._rest):
                return 0
        return len(due)

    async def _carry_out(self, contact: int) -> None:
        try:
            done = await identity.carry_out(await self._database.get(), contact)
        except Exception as error:
            if retry_reason(error) is not None and not is_time_out(error):
                raise
            # One contact must not stop the others, nor the worker; too many entries would time out again at once.
            log.exception("joins and deletions of a contact cannot be carried out", number=contact)
            self._database.drop()
            await identity.postpone(await self._database.get(), contact)
            return
        if done is not None:
            taken = {kind: number for kind, number in done.taken.items() if number}
            log.info("joins and deletions carried out", ids=done.ids, contacts=done.survivors, **taken)
