"""Servers of benches over HTTP: programs with a port of their own, and the CPU that they spend."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil

from bench import processes
from bench.servers import environment
from consumer.demo.servers.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator


class Served:
    """A server, its port, and the CPU seconds that it has spent."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.port = port
        self._process = psutil.Process(process.pid)

    def cpu(self) -> float:
        """Return the CPU seconds spent so far."""
        return processes.cpu([self._process])

    def pin(self, cores: frozenset[int]) -> None:
        """Keep the server on some cores."""
        processes.pin(self._process, cores)


@contextmanager
def serving(program: list[str], *, probe: str = "readyz", **settings: str) -> Iterator[Served]:
    """Give a server once it answers. program: arguments of Python; without settings its port is the last of them.

    probe: a path that it answers with success when it is ready.
    """
    port = free_port()
    if settings:
        settings |= {"http_host": "127.0.0.1", "http_port": str(port)}
    else:
        program = [*program, str(port)]
    # It has its log, as in operation.
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, *program], env=environment(**settings), stdout=log, stderr=log
        )
        try:
            _wait(f"http://127.0.0.1:{port}/{probe}", process)
            yield Served(process, port)
        finally:
            process.terminate()
            process.wait(20)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    """Return once a URL answers; for a minute at most, while its process lives."""
    for _ in range(600):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
            break
        with contextlib.suppress(urllib.error.URLError, ConnectionError), urllib.request.urlopen(url):
            return
    raise RuntimeError(f"{url} does not answer")
