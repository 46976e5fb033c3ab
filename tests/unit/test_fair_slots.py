"""Slots that accounts share: no account has more than its share, and each gets its turn."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from consumer.web.http.fair_slots import AllUsedError, FairSlots, ShareUsedError
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable


class Holder:
    """A request that holds a slot until it is let go."""

    def __init__(self, slots: FairSlots, account: str, order: list[str] | None = None) -> None:
        self._done = asyncio.Event()
        self.holds = False
        self.task = asyncio.create_task(self._hold(slots, account, [] if order is None else order))

    async def _hold(self, slots: FairSlots, account: str, order: list[str]) -> None:
        async with slots.slot(account):
            self.holds = True
            order.append(account)
            await self._done.wait()

    async def let_go(self) -> None:
        self._done.set()
        await self.task


async def _until(check: Callable[[], bool]) -> None:
    await eventually(check, within=5, what="the slots")


async def test_an_account_has_no_more_than_its_share() -> None:
    """Of three slots an account has two at most; the third is another's at once."""
    slots = FairSlots(3, 2, 10, patience=10)
    own = [Holder(slots, "acme") for _ in range(4)]
    await _until(lambda: slots.held + slots.waiting == 4)
    assert slots.held == 2
    other = Holder(slots, "other")
    await _until(lambda: other.holds)
    for holder in (*own, other):
        await holder.let_go()
    assert (slots.held, slots.waiting) == (0, 0)


async def test_those_that_wait_get_turns_by_account() -> None:
    """A slot that is free goes to the accounts in turn, within one first come, first served."""
    slots = FairSlots(1, 1, 10, patience=10)
    order: list[str] = []
    first = Holder(slots, "acme")
    await _until(lambda: first.holds)
    waiting = [Holder(slots, account, order) for account in ("a", "a", "a", "b", "c")]
    await _until(lambda: slots.waiting == 5)
    await first.let_go()
    for count in range(5):
        await _until(lambda: len(order) == count + 1)  # noqa: B023 - called before the next round
        [holding] = [holder for holder in waiting if holder.holds and not holder.task.done()]
        await holding.let_go()
    assert order == ["a", "b", "c", "a", "a"]


async def test_time_is_up_by_whose_fault_it_was() -> None:
    """A wait that ends by time says whether the account's own requests were in its way."""
    slots = FairSlots(1, 1, 10, patience=0.01)
    holder = Holder(slots, "acme")
    await _until(lambda: holder.holds)
    with pytest.raises(ShareUsedError):
        async with slots.slot("acme"):
            pass
    with pytest.raises(AllUsedError):
        async with slots.slot("other"):
            pass
    assert slots.waiting == 0
    await holder.let_go()
    async with slots.slot("other"):
        assert slots.held == 1


async def test_few_wait() -> None:
    """Beyond the places to wait an account is refused at once; another still waits."""
    slots = FairSlots(1, 1, 2, patience=10)
    holders = [Holder(slots, "acme") for _ in range(3)]
    await _until(lambda: slots.waiting == 2)
    with pytest.raises(ShareUsedError):
        async with slots.slot("acme"):
            pass
    other = Holder(slots, "other")
    await _until(lambda: slots.waiting == 3)
    for holder in (holders[0], holders[1], other, holders[2]):
        await _until(lambda: holder.holds)  # noqa: B023 - called before the next round
        await holder.let_go()


async def test_a_cancelled_wait_leaves_nothing() -> None:
    """A request that is cancelled while it waits, or in the moment of its turn, leaves its slot to the next."""
    slots = FairSlots(1, 1, 10, patience=10)
    holder = Holder(slots, "acme")
    await _until(lambda: holder.holds)
    waiting, turned = Holder(slots, "acme"), Holder(slots, "other")
    await _until(lambda: slots.waiting == 2)
    waiting.task.cancel()
    await asyncio.wait([waiting.task])
    assert slots.waiting == 1
    # Its turn comes, and it is cancelled before it runs again.
    holder._done.set()
    await _until(lambda: slots.waiting == 0)
    turned.task.cancel()
    await asyncio.wait([turned.task])
    assert turned.task.cancelled()
    async with slots.slot("acme"):
        assert slots.held == 1
    assert slots.held == 0
