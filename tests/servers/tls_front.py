"""TLS before a PostgreSQL that knows none: takes it off as the protocol says and passes on what is inside.

Owns that alone, so that the client's side is proved on every machine. What Postgres itself makes of TLS is for a
server that has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

_WANTS_TLS = struct.pack(">ii", 8, 80877103)


@asynccontextmanager
async def tls_front(upstream: int, certificate: Path, key: Path) -> AsyncIterator[int]:
    """Serve on a free port of 127.0.0.1, which it gives, before the server on another."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Who does not trust the certificate hangs up, which is what some tests are about.
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            if await reader.readexactly(8) == _WANTS_TLS:
                writer.write(b"S")
                await writer.start_tls(context)
                await _both_ways(reader, writer, upstream)
        writer.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in serving:
            task.cancel()


async def _both_ways(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, upstream: int) -> None:
    inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", upstream)
    ways = [
        asyncio.create_task(_pass_on(reader, inner_writer)),
        asyncio.create_task(_pass_on(inner_reader, writer)),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        inner_writer.close()


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(1 << 16):
            sink.write(data)
            await sink.drain()
