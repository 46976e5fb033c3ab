"""Processes frozen with SIGSTOP and let go on. Linux only."""

from __future__ import annotations

import contextlib
import time

import psutil

from consumer.demo.servers import ServerFailedError

_STOPS_WITHIN = 10.0  # seconds
_POLL_SECONDS = 0.001


def freeze(*pids: int) -> None:
    """Freeze these processes, in their order, and return once none of their threads runs any more.

    `kill` returns before the kernel has stopped the threads: a broker could still answer the next request.
    """
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(pid).suspend()
    deadline = time.monotonic() + _STOPS_WITHIN
    while not all(_stands_still(pid) for pid in pids):
        if time.monotonic() > deadline:
            raise ServerFailedError(f"of the processes {pids} not all stopped within {_STOPS_WITHIN:g} s")
        time.sleep(_POLL_SECONDS)


def thaw(*pids: int) -> None:
    """Let these processes go on; does nothing to one that is not frozen."""
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(pid).resume()


def _stands_still(pid: int) -> bool:
    """Return whether each thread of the process is stopped, or the process has ended."""
    try:
        threads = [psutil.Process(thread.id) for thread in psutil.Process(pid).threads()]
        return all(thread.status() in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE) for thread in threads)
    except psutil.NoSuchProcess:
        return not psutil.pid_exists(pid)
