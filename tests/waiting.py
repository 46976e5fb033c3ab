"""Waiting in tests: polling under a deadline, in this one place, and never a sleep of a guessed length."""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import TYPE_CHECKING, TypeVar, overload

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Value = TypeVar("Value")


@overload
async def eventually(
    check: Callable[[], Awaitable[Value]], *, within: float, every: float = ..., what: str
) -> Value: ...
@overload
async def eventually(
    check: Callable[[], Value], *, within: float, every: float = ..., what: str
) -> Value: ...
async def eventually(
    check: Callable[[], Awaitable[Value]] | Callable[[], Value],
    *,
    within: float,
    every: float = 0.02,
    what: str,
) -> Value:
    """Call `check` until it returns something true, and return that.

    check: plain or async; an AssertionError of it counts as "not yet", anything else it raises passes
    through. within, every: seconds. what: what is waited for, for the message. Fails the test when the time
    is over, with the last value or the last assertion.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            outcome = check()
            value = await outcome if inspect.isawaitable(outcome) else outcome
            if value:
                return value
            last = f"last: {value!r}"
        except AssertionError as error:
            last = f"last: {error}"
        if time.monotonic() >= deadline:
            pytest.fail(f"not within {within:g} s: {what} ({last})")
        await asyncio.sleep(every)
