"""Slots that accounts share: each has its part of them at most, and those that wait get them in turn.

Knows no database and no HTTP; admission.py says what there are slots for.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class ShareUsedError(Exception):
    """The account's own requests use its share: it has to wait for them."""


class AllUsedError(Exception):
    """The requests of others use all slots."""


class FairSlots:
    """So many slots. share: of one account at most, and `waiting` of its requests wait, for `patience` seconds."""

    def __init__(self, total: int, share: int, waiting: int, patience: float) -> None:
        self._free = total
        self._share = share
        self._most_waiting = waiting
        self._patience = patience
        self._held: Counter[str] = Counter()
        # By account, the one whose turn is next first; never an empty queue.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @property
    def held(self) -> int:
        """How many slots are held."""
        return self._held.total()

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return sum(map(len, self._waiting.values()))

    @asynccontextmanager
    async def slot(self, account: str) -> AsyncIterator[None]:
        """Hold a slot; waits for one where there is none, first come, first served within an account.

        Raises ShareUsedError, at once where many requests of the account wait already, and AllUsedError.
        """
        await self._take(account)
        try:
            yield
        finally:
            self._give(account)

    async def _take(self, account: str) -> None:
        if account not in self._waiting and self._may_have(account):
            self._grant(account)
            return
        queue = self._waiting.setdefault(account, deque())
        if len(queue) >= self._most_waiting:
            raise ShareUsedError
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            async with asyncio.timeout(self._patience):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                # It was granted while the wait was given up.
                self._give(account)
            else:
                self._leave(account, turn)
            if isinstance(error, TimeoutError):
                own = self._held[account] >= self._share
                raise (ShareUsedError if own else AllUsedError) from None
            raise

    def _may_have(self, account: str) -> bool:
        return self._free > 0 and self._held[account] < self._share

    def _grant(self, account: str) -> None:
        self._free -= 1
        self._held[account] += 1

    def _give(self, account: str) -> None:
        self._free += 1
        self._held[account] -= 1
        if not self._held[account]:
            del self._held[account]
        while (following := next(filter(self._may_have, self._waiting), None)) is not None:
            queue = self._waiting.pop(following)
            turn = queue.popleft()
            if queue:
                # At the end: the other accounts first.
                self._waiting[following] = queue
            if not turn.done():
                self._grant(following)
                turn.set_result(None)

    def _leave(self, account: str, turn: asyncio.Future[None]) -> None:
        queue = self._waiting.get(account, deque())
        if turn in queue:
            queue.remove(turn)
        if not queue:
            self._waiting.pop(account, None)
