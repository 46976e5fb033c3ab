"""Waiting in the background without holding up the end."""

from __future__ import annotations

import asyncio


async def stopped(stopping: asyncio.Event, *, within: float) -> bool:
    """Wait some seconds and tell whether it was said to stop."""
    try:
        async with asyncio.timeout(within):
            await stopping.wait()
    except TimeoutError:
        return False
    return True
