"""The embedded PostgreSQL with faults: restarted, or frozen while its connections stay open."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from consumer.demo.servers import EmbeddedPostgres


class FaultyPostgres(EmbeddedPostgres):
    """An embedded PostgreSQL that can be restarted on the same port and frozen."""

    async def restart(self, *, immediate: bool = True) -> None:
        """Restart the server on the same port and data.

        immediate: stop like `pg_ctl stop -m immediate`, which breaks every connection and makes the start recover
        from the WAL; False closes connections and writes a checkpoint first.
        """
        await self._shut_down(signal.SIGQUIT if immediate else signal.SIGINT)
        self._launch()
        if not await self._answers():
            self._fail("did not restart")

    def freeze(self) -> None:
        """Freeze every process of the server with SIGSTOP: connections stay open, and nothing answers.

        Linux only. Each backend is a session of its own, so that a signal to the group would not reach it.
        """
        os.kill(self.pid, signal.SIGSTOP)  # the postmaster first: from here it starts no further backend
        for child in _children(self.pid):
            _send(child, signal.SIGSTOP)

    def thaw(self) -> None:
        """Continue a frozen server; does nothing if it is not frozen."""
        for pid in (*_children(self.pid), self.pid):
            _send(pid, signal.SIGCONT)

    async def _shut_down(self, first: signal.Signals) -> None:
        if self._process is not None:
            self.thaw()  # a frozen process reacts to nothing but SIGKILL
        await super()._shut_down(first)


def _children(parent: int) -> list[int]:
    """Return the child processes from /proc."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            # The name is in parentheses and may hold anything, so count from the last one.
            if int(entry.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(entry.parent.name))
    return found


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
