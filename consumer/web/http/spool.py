"""Parts of a file between the database, which makes them fast, and a client, which may read slowly.

In memory while few are unread, in a file without a name beyond that, so that what makes the parts is done with its
connection long before a slow client has them.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterable
    from types import TracebackType
    from typing import Self

# Bytes kept in memory; and bytes that are unread at most, before the maker waits for the reader.
_IN_MEMORY = 1_048_576
_MOST_UNREAD = 67_108_864


class Spool:
    """A queue of parts with one writer and one reader; a context manager that deletes what is left of it."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by __exit__
        # Sizes of the unread parts, which lie one after the other from `_begin` on; written up to `_end`.
        self._sizes: deque[int] = deque()
        self._begin = self._end = 0
        self._complete = False
        self._error: Exception | None = None
        self._changed = asyncio.Event()
        self._abandoned = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._file.close()

    def abandon(self) -> None:
        """Have the writer stop after its present part: nobody reads."""
        self._abandoned = True
        self._changed.set()

    async def fill(self, parts: AsyncIterable[bytes]) -> None:
        """Write all parts, until the end or until abandoned; the reader gets the error of making them."""
        try:
            async for part in parts:
                while self._end - self._begin > _MOST_UNREAD and not self._abandoned:
                    await self._change()
                if self._abandoned:
                    return
                self._file.seek(self._end)
                self._file.write(part)
                self._end += len(part)
                self._sizes.append(len(part))
                self._changed.set()
        except Exception as error:  # noqa: BLE001 - raised by `read`
            self._error = error
        finally:
            self._complete = True
            self._changed.set()

    async def read(self) -> bytes | None:
        """Return the next part, None after the last one; raises what making it has raised."""
        while not self._sizes:
            if self._error is not None:
                raise self._error
            if self._complete:
                return None
            await self._change()
        self._file.seek(self._begin)
        part = self._file.read(self._sizes.popleft())
        self._begin += len(part)
        if not self._sizes:
            # All is read: the place is used again.
            self._begin = self._end = 0
        self._changed.set()
        return part

    async def _change(self) -> None:
        """Wait until the other side has done something."""
        self._changed.clear()
        await self._changed.wait()
