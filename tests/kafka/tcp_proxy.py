"""A TCP proxy that understands nothing: what passes through it can be cut and delayed.

Owns connections and what is done to all of them at once. The proxy that knows Kafka's requests is kafka_proxy.py.
"""

from __future__ import annotations

import asyncio
import contextlib

_CHUNK = 64 << 10


class TcpProxy:
    """Forwards connections to a port of 127.0.0.1. delay: seconds that each piece of data is held back."""

    def __init__(self) -> None:
        self.upstream = 0
        self.port = 0
        self.delay = 0.0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen on a free port; `upstream` must be set before a client connects."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """End everything."""
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> int:
        """Reset every connection, both ends of it; what is under way is lost. Returns how many ends there were."""
        for writer in (cut := list(self._writers)):
            writer.transport.abort()
        return len(cut)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", self.upstream)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, forth}
        self._writers |= ends
        try:
            # Whichever direction ends first ends both.
            pumps = [asyncio.create_task(self._pump(*way)) for way in ((reader, forth), (back, writer))]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        finally:
            self._writers -= ends
            for end in ends:
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
