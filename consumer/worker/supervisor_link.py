"""The connection between a supervisor and one of its processes: a pair of sockets.

The process reports its health and metrics once a second, and each commit; the supervisor passes commits on to the
other processes. When one side ends, in whatever way, the kernel closes the connection, which the other side sees.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from consumer.infra.telemetry.merged_metrics import Family, snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from consumer.infra.telemetry.health import Health
    from consumer.infra.telemetry.metrics import Metrics

# Seconds from one report to the next; and for the supervisor to take the last one.
_EVERY = 1.0
_PATIENCE = 1.0
_LENGTH = struct.Struct("!I")
# Wakes of the supervisor that are taken as one.
_MANY = 1024


class ComponentState(msgspec.Struct, frozen=True):
    """The state of a component; why: None or one line."""

    ok: bool
    why: str | None


class Report(msgspec.Struct, frozen=True, tag="report"):
    """What a process serves over HTTP where it has no supervisor."""

    alive: bool
    ready: bool
    components: dict[str, ComponentState]
    metrics: list[Family]


class Failure(msgspec.Struct, frozen=True, tag="failure"):
    """Why a process ends, where its user can do something about it: one line for each fault."""

    lines: list[str]


class Committed(msgspec.Struct, frozen=True, tag="committed"):
    """A process has committed a batch, whose messages another process may have to publish."""


Message = Report | Failure | Committed

_decode = msgspec.msgpack.Decoder(Message).decode


class SupervisorLink:
    """The process's end. number: of the process, from 1."""

    def __init__(self, number: int, descriptor: int) -> None:
        self.number = number
        self._socket = socket.socket(fileno=descriptor)
        self._writer: asyncio.StreamWriter | None = None

    async def report(self, health: Health, metrics: Metrics, *, wake: Callable[[], None]) -> None:
        """Report once a second until cancelled, and once more then.

        wake: called after commits of other processes. Ends the process like SIGTERM if the supervisor is gone.
        """
        reader, writer = await asyncio.open_unix_connection(sock=self._socket.dup())
        self._writer = writer
        gone = asyncio.create_task(_pass_on(reader, wake))
        try:
            while not gone.done():
                writer.write(_frame(_report(health, metrics)))
                await writer.drain()
                await asyncio.wait([gone], timeout=_EVERY)
        except ConnectionError:
            pass
        except asyncio.CancelledError:
            writer.write(_frame(_report(health, metrics)))
            raise
        finally:
            self._writer = None
            gone.cancel()
            await _flush(writer)
        signal.raise_signal(signal.SIGTERM)

    def report_commit(self) -> None:
        """Report that this process has committed a batch."""
        if self._writer is not None:
            write_if_read(self._writer, _frame(Committed()))

    def fail(self, lines: list[str]) -> None:
        """Report why this process ends; raises OSError if the supervisor is gone."""
        self._socket.settimeout(_PATIENCE)
        self._socket.sendall(_frame(Failure(lines)))


async def messages(reader: asyncio.StreamReader) -> AsyncIterator[Message]:
    """Yield what a process reports, until it has ended."""
    while True:
        try:
            (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
            yield _decode(await reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return


def write_if_read(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Write what is of use only now: nothing if the other side, frozen perhaps, has not read what came before."""
    if not writer.transport.get_write_buffer_size() and not writer.is_closing():
        writer.write(data)


async def _pass_on(reader: asyncio.StreamReader, wake: Callable[[], None]) -> None:
    """Call `wake` for what the supervisor sends, until it is gone."""
    with suppress(ConnectionError):
        while await reader.read(_MANY):
            wake()


def _report(health: Health, metrics: Metrics) -> Report:
    states = msgspec.convert(health.states(), dict[str, ComponentState])
    return Report(health.alive(), health.ready(), states, snapshot(metrics.registry))


def _frame(message: Message) -> bytes:
    encoded = msgspec.msgpack.encode(message)
    return _LENGTH.pack(len(encoded)) + encoded


async def _flush(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        async with asyncio.timeout(_PATIENCE):
            await writer.wait_closed()
    except (TimeoutError, ConnectionError):
        writer.transport.abort()
