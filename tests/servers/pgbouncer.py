"""PgBouncer in front of a PostgreSQL, in the mode that a test asks for.

Owns its life and its configuration. Never touches the PostgreSQL, but for the sessions that it opens there.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import asyncpg

from consumer.demo.servers.processes import end_with_parent, free_port
from tests.waiting import eventually

if TYPE_CHECKING:
    from types import TracebackType

_NOBODY = 65_534

# Its startup parameters are those that a worker may not send; an administrator who wants peace ignores them.
_CONFIGURATION = """
[databases]
* = host={host} port={port} user={user}{password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {sessions}
max_client_conn = 400
ignore_startup_parameters = extra_float_digits,lock_timeout,statement_timeout
"""


class PgBouncer:
    """A pooler on a port of its own. mode: session, transaction or statement. sessions: at most, for a database."""

    def __init__(self, program: str, dsn: str, *, mode: str, sessions: int = 60) -> None:
        self._program = program
        self._port = free_port()
        server = urlsplit(dsn)
        # Where everybody may look, for it refuses to run as root.
        self._folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
        self._folder.chmod(0o755)
        self._file = self._folder / "pgbouncer.ini"
        self._file.write_text(
            _CONFIGURATION.format(
                host=server.hostname,
                port=server.port or 5432,
                user=server.username,
                password=f" password={server.password}" if server.password else "",
                own_port=self._port,
                mode=mode,
                sessions=sessions,
            )
        )
        self._file.chmod(0o644)
        self.dsn = server._replace(netloc=f"{server.username}@127.0.0.1:{self._port}").geturl()
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it, and return when connections through it are answered."""
        self._launch()

        async def answers() -> bool:
            try:
                connection = await asyncpg.connect(self.dsn, timeout=5)
            except OSError:
                return False
            await connection.close()
            return True

        await eventually(answers, within=20, what="PgBouncer to answer")

    def _launch(self) -> None:
        as_nobody = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        self._process = subprocess.Popen(
            [self._program, self._file],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            preexec_fn=end_with_parent(signal.SIGKILL),  # noqa: PLW1509 -- calls prctl, looked up before
            **as_nobody,  # type: ignore[call-overload]
        )

    def kill(self) -> None:
        """End it at once: every connection through it breaks."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self._folder)
