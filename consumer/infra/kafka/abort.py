"""Ends connections to brokers at once, whatever the other side does.

Owns that alone. Never says goodbye: over TLS aiokafka's own close waits half a minute for the answer, which a
frozen broker does not give.
"""

# ruff: noqa: SLF001 - it takes what aiokafka keeps to itself; tests/unit/test_resend_guard.py notices when any of it
# changes
from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from aiokafka.client import AIOKafkaClient
    from aiokafka.conn import AIOKafkaConnection


def abort_connection(connection: AIOKafkaConnection) -> asyncio.Future[None] | None:
    """Abort a connection and return the future of its end, None where it has ended before."""
    if connection._writer is None:
        return None
    transport = connection._writer.transport
    end: asyncio.Future[None] = connection.close()
    # close() alone would first send what is buffered, which a frozen broker does not take.
    transport.abort()
    return end


def abort_all(client: AIOKafkaClient) -> list[asyncio.Future[None]]:
    """Abort all connections of a client and return the futures of their ends."""
    ends = [abort_connection(connection) for connection in list(client._conns.values())]
    client._conns.clear()
    return [end for end in ends if end is not None]
