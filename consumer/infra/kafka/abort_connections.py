"""Aborts connections to brokers without a closing handshake.

Over TLS aiokafka's own close waits half a minute for the other side's answer, which a frozen broker does not give.
"""

# ruff: noqa: SLF001 - uses aiokafka's private attributes (docs/decisions/0017-aiokafka-patches.md);
# tests/unit/test_send_once.py fails if any of them changes
from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from aiokafka.client import AIOKafkaClient
    from aiokafka.conn import AIOKafkaConnection


def abort_connection(connection: AIOKafkaConnection) -> asyncio.Future[None] | None:
    """Abort a connection and return a future of its end, None if it has ended already."""
    if connection._writer is None:
        return None
    transport = connection._writer.transport
    end: asyncio.Future[None] = connection.close()
    # close() alone would first send what is buffered, which a frozen broker does not accept.
    transport.abort()
    return end


def abort_all(client: AIOKafkaClient) -> list[asyncio.Future[None]]:
    """Abort all connections of a client and return futures of their ends."""
    ends = [abort_connection(connection) for connection in list(client._conns.values())]
    client._conns.clear()
    return [end for end in ends if end is not None]
