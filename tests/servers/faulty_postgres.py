"""The embedded PostgreSQL with faults: restarted, or frozen while its connections stay open."""

from __future__ import annotations

import signal

import psutil

from consumer.demo.servers import EmbeddedPostgres
from tests.servers.freezing import freeze, thaw


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

        Each backend is a session of its own, so that a signal to the group would not reach it.
        """
        freeze(self.pid)  # first: from here it starts no further backend
        freeze(*self._backends())

    def thaw(self) -> None:
        """Continue a frozen server; does nothing if it is not frozen."""
        thaw(*self._backends(), self.pid)

    async def _shut_down(self, first: signal.Signals) -> None:
        if self._process is not None:
            self.thaw()  # a frozen process reacts to nothing but SIGKILL
        await super()._shut_down(first)

    def _backends(self) -> list[int]:
        try:
            return [child.pid for child in psutil.Process(self.pid).children()]
        except psutil.NoSuchProcess:
            return []
