"""Helpers for child servers: a free port, ending with the parent, waiting for the end, the tail of a log."""

from __future__ import annotations

import asyncio
import ctypes
import os
import random
import socket
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import signal
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

_PR_SET_PDEATHSIG = 1
_FIRST_PORT = 10_240
_FIRST_EPHEMERAL_PORT = 32_768
_TAIL_LINES = 25
_POLL_SECONDS = 0.01


class ServerFailedError(RuntimeError):
    """A server did not start, or did not answer in time."""


def free_port() -> int:
    """Return a free TCP port of 127.0.0.1 below the range of outgoing connections.

    In that range any client's connection could take the port between a server's stop and its next start.
    Another program may still take it first: check that the server that answers there is your own.
    """
    # Random, not from the bottom: two test runs on one machine would choose the same port.
    for port in random.sample(range(_FIRST_PORT, _FIRST_EPHEMERAL_PORT), 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServerFailedError(f"200 ports between {_FIRST_PORT} and {_FIRST_EPHEMERAL_PORT} are all taken")


def end_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """Return a `preexec_fn` for Popen by which the child gets this signal when its parent ends.

    None except on Linux. The kernel watches the *thread* that starts the child, so start servers from a thread
    that lives as long as they do: the event loop's, never a pool's.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork: importing after it could deadlock
    prctl.argtypes = [ctypes.c_int, ctypes.c_ulong]
    parent = os.getpid()

    def request_signal() -> None:
        prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # it ended before the line above: no signal will come
            os._exit(1)

    return request_signal


async def wait_for_end(process: subprocess.Popen[bytes], within: float) -> bool:
    """Wait at most `within` seconds for a process to end; return whether it has."""
    deadline = time.monotonic() + within
    # Polled: asyncio did not start the process, so waiting would need a thread per process.
    while process.poll() is None and time.monotonic() < deadline:  # noqa: ASYNC110 -- there is no event to await
        await asyncio.sleep(_POLL_SECONDS)
    return process.poll() is not None


def tail(log: Path) -> str:
    """Return the last 25 lines of a server's log, indented, for the message of a failed start."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    return "".join(f"\n    {line}" for line in lines[-_TAIL_LINES:]) or "\n    (it logged nothing)"
