"""Waiting: for an event with a time limit, and for a delay with jitter."""

from __future__ import annotations

import asyncio
import random

# Doublings that still fit a float; every cap is reached long before.
_MAX_DOUBLINGS = 30


async def event_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, at most so many seconds, and return whether it was set."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


def jittered(seconds: float) -> float:
    """Return a delay between half of `seconds` and all of it: processes started together drift apart."""
    return seconds * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def backoff(attempt: int, *, first: float, most: float) -> float:
    """Return how many seconds to wait after a failed attempt, counted from 1.

    `first` seconds, doubled after each further attempt up to `most`; jittered, so that transactions that collided
    do not collide again.
    """
    return jittered(min(most, first * 2 ** min(attempt - 1, _MAX_DOUBLINGS)))
