"""What every child server needs: a free port, a watched end, and not to outlive who started it.

Owns these and the tail of a log for the message of a failed start. Never knows which server it is.
"""

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
    """Return a TCP port of 127.0.0.1 that nobody listens on, below the range of outgoing connections.

    In that range any client's connection could take the port between a server's stop and its next start.
    Another program may still be faster: who starts a server there checks that it is its own that answers.
    """
    # A draw, not a search from the bottom: two test runs on one machine would meet on the same port.
    for port in random.sample(range(_FIRST_PORT, _FIRST_EPHEMERAL_PORT), 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServerFailedError(f"200 ports between {_FIRST_PORT} and {_FIRST_EPHEMERAL_PORT} are all taken")


def dies_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """Return what `Popen(preexec_fn=…)` needs so that the child gets this signal when its parent is gone.

    None where the system cannot (only Linux can). The kernel watches the *thread* that starts the child, so
    start servers from one that lives as long as they should: the event loop's, never a pool's.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork, where importing could meet a held lock
    prctl.argtypes = [ctypes.c_int, ctypes.c_ulong]
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # it died between the fork and the line above: no signal will come
            os._exit(1)

    return ask


async def has_ended(process: subprocess.Popen[bytes], within: float) -> bool:
    """Wait for a process to end, `within` seconds at most; returns whether it has."""
    deadline = time.monotonic() + within
    # Polled: waiting for a process that asyncio did not start would need a thread for each.
    while process.poll() is None and time.monotonic() < deadline:  # noqa: ASYNC110 -- there is no event to await
        await asyncio.sleep(_POLL_SECONDS)
    return process.poll() is not None


def tail(log: Path) -> str:
    """Return the last lines of a server's log, indented, for the message of a failed start."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    return "".join(f"\n    {line}" for line in lines[-_TAIL_LINES:]) or "\n    (it logged nothing)"
