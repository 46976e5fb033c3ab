"""A spool: parts come out as they went in, and who writes them waits for no slow reader."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from consumer.web.http import spool
from consumer.web.http.spool import Spool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable


async def _parts(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.mark.parametrize("in_memory", [10, 1_000_000])
async def test_parts_come_out_as_they_went_in(monkeypatch: pytest.MonkeyPatch, in_memory: int) -> None:
    """In memory and beyond it all parts come out, in order and as they were, written before the first is read."""
    monkeypatch.setattr(spool, "_IN_MEMORY", in_memory)
    parts = [bytes([number]) * number for number in range(1, 50)]
    with Spool() as made:
        await made.fill(_parts(parts))
        found = [await made.read() for _ in parts]
        assert found == parts
        assert await made.read() is None


async def test_a_writer_that_is_far_ahead_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the unread bytes that there may be the writer waits for its reader, so that disks have a bound."""
    monkeypatch.setattr(spool, "_MOST_UNREAD", 25)
    parts = [b"x" * 10] * 20
    with Spool() as made:
        filling = asyncio.create_task(made.fill(_parts(parts)))
        for _ in parts:
            assert await made.read() == b"x" * 10
            assert made._end - made._begin <= 35
        assert await made.read() is None
        await filling


async def test_a_reader_gets_the_error_of_the_writer() -> None:
    """What making a part raises is raised where it would have been read, after the parts before it."""

    async def failing() -> AsyncIterator[bytes]:
        yield b"one"
        raise LookupError("two")

    with Spool() as made:
        await made.fill(failing())
        assert await made.read() == b"one"
        with pytest.raises(LookupError, match="two"):
            await made.read()


async def test_an_abandoned_spool_ends_its_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that waits for its reader ends when that is gone."""
    monkeypatch.setattr(spool, "_MOST_UNREAD", 5)
    with Spool() as made:
        filling = asyncio.create_task(made.fill(_parts([b"x" * 10] * 20)))
        assert await made.read() == b"x" * 10
        made.abandon()
        async with asyncio.timeout(5):
            await filling
