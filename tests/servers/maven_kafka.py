"""Apache Kafka from Maven, run by the Java on this machine.

Owns fetching it once into `.cache/`, one broker's process and files, and breaking it on purpose. Never
decides whether it is the broker of a test run.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from consumer.demo.servers import ServerFailedError
from consumer.demo.servers.processes import end_with_parent, free_port, tail, wait_for_end
from tests.servers.broker import IMAGE_VERSION, KafkaServer, answers_api_versions, broker_settings
from tests.servers.freezing import freeze, thaw

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

_POM = Path(__file__).with_name("kafka-pom.xml")
_TOOLS_POM = Path(__file__).with_name("kafka-tools-pom.xml")
_CACHE = Path(__file__).parents[2] / ".cache" / f"kafka-{IMAGE_VERSION}"
_LIBRARIES = _CACHE / "libs"
_TOOLS = _CACHE / "tools"
_ARCHIVE = _CACHE / "classes.jsa"
_LIGHT = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xss512k"]
_LOGGING = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true"]
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_FETCH_SECONDS = 100.0  # below the time-out of a test, for the better message


class MavenKafka(KafkaServer):
    """One broker on a free port of 127.0.0.1, kept with its data until close() over stops and kills.

    settings: more of server.properties, by name. proxy_port: of a proxy on 127.0.0.1 that clients of a second
    listener are sent to; `behind_proxy` is that listener's own port. listeners: more of them, the security protocol
    of each by its name; `ports` has their ports. scram: logins, as kafka-storage's --add-scram takes them.
    What is missing raises ServerFailedError: Java, Maven, the network, or the broker's own reason from its log.
    """

    kind = "maven"
    description = f"Apache Kafka {IMAGE_VERSION} (Maven, KRaft)"
    breakable = True

    def __init__(
        self,
        settings: Mapping[str, str] | None = None,
        *,
        proxy_port: int | None = None,
        listeners: Mapping[str, str] | None = None,
        scram: Sequence[str] = (),
        virtual_machine: list[str] | None = None,
    ) -> None:
        self._settings = dict(settings or {})
        self._proxy_port = proxy_port
        self.behind_proxy = 0
        self._listeners = dict(listeners or {})
        self.ports: dict[str, int] = {}
        self._scram = scram
        self._virtual_machine = virtual_machine
        self._home: Path | None = None
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the broker."""
        return self._running().pid

    @property
    def logs(self) -> Path:
        """The folder of its topics' logs."""
        assert self._home is not None
        return self._home / "data"

    async def start(self) -> None:
        if self._process is not None:
            raise ServerFailedError("the broker is running already")
        await _prepare()
        await self._boot()

    async def _boot(self) -> None:
        try:
            if self._home is None:
                self._home = Path(tempfile.mkdtemp(prefix="engagement-kafka-"))
                await asyncio.to_thread(self._format)
            self._launch()
            await self._ready()
        except BaseException:
            await self.close()
            raise

    async def stop(self) -> None:
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    def freeze(self) -> None:
        freeze(self._running().pid)

    def thaw(self) -> None:
        thaw(self._running().pid)

    async def run_tool(self, name: str, *arguments: str) -> str:
        return await run_tool(name, *arguments)

    async def close(self) -> None:
        await self._end(signal.SIGKILL)
        home, self._home = self._home, None
        if home is not None:
            await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)

    def _format(self) -> None:
        assert self._home is not None
        self._port = free_port()
        controller_port = free_port()
        self.bootstrap = f"127.0.0.1:{self._port}"
        settings = broker_settings(self._port, controller_port, listen="127.0.0.1", logs=str(self.logs))
        if self._proxy_port is not None:
            self.behind_proxy = free_port()
            _add_listener(settings, "PROXIED", "PLAINTEXT", self.behind_proxy, self._proxy_port)
        for name, protocol in self._listeners.items():
            port = self.ports[name] = free_port()
            _add_listener(settings, name, protocol, port, port)
        settings |= self._settings
        properties = self._home / "server.properties"
        properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        logins = [word for login in self._scram for word in ("--add-scram", login)]
        _java(
            ["kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c", str(properties), *logins],
            _archived_classes(),
        )

    def _launch(self) -> None:
        assert self._home is not None
        options = self._virtual_machine
        if options is None:
            options = _archived_classes()
        command = ["java", *_LIGHT, *_LOGGING, *options, "-cp", str(_LIBRARIES / "*")]
        command += ["kafka.Kafka", str(self._home / "server.properties")]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._home,
                start_new_session=True,
                preexec_fn=end_with_parent(signal.SIGKILL),  # noqa: PLW1509 -- calls prctl, looked up before
            )

    async def _ready(self) -> None:
        assert self._home is not None
        deadline = time.monotonic() + _START_SECONDS
        while not await asyncio.to_thread(answers_api_versions, self._port):
            if self._running().poll() is not None or time.monotonic() > deadline:
                raise ServerFailedError(f"Apache Kafka did not start:{tail(self._home / 'log')}")
            await asyncio.sleep(0.02)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ServerFailedError("the broker is not running")
        return self._process

    async def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for each in (signal.SIGCONT, number):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, each)
        if not await wait_for_end(process, _STOP_SECONDS):
            process.kill()
            await wait_for_end(process, _STOP_SECONDS)


async def run_tool(name: str, *arguments: str) -> str:
    """Run one of Kafka's own tools, by the name of its Java class, and return what it says.

    What is missing raises ServerFailedError, and so does a tool that fails.
    """
    async with _cache():
        await asyncio.to_thread(_fetch, _POM, _LIBRARIES)
        # The transitive dependencies of the tools, a web server among them, are not needed to query a broker.
        await asyncio.to_thread(_fetch, _TOOLS_POM, _TOOLS, "-DexcludeTransitive=true")
    return await asyncio.to_thread(_java, [name, *arguments])


async def _prepare() -> None:
    """Fetch the broker and make its class archive, once per clone; later calls and runs find them.

    About 15 s the first time, 7 of them the network's.
    """
    async with _cache():
        await asyncio.to_thread(_fetch, _POM, _LIBRARIES)
        if not _ARCHIVE.exists():
            await _make_archive()


@contextlib.asynccontextmanager
async def _cache() -> AsyncIterator[None]:
    """Let two runs at a time take turns."""
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        yield


def _fetch(pom: Path, folder: Path, *options: str) -> None:
    if folder.exists():
        return
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={unfinished}"]
    command = ["mvn", "-q", "-B", "-Dstyle.color=never", "-f", str(pom), *goal, *options]
    _run(command, _FETCH_SECONDS)
    unfinished.rename(folder)


async def _make_archive() -> None:
    """Let one broker start and stop, and keep the classes it loaded for faster starts."""
    unfinished = _ARCHIVE.with_suffix(".unfinished")
    teacher = MavenKafka(virtual_machine=[f"-XX:ArchiveClassesAtExit={unfinished}"])
    try:
        await teacher._boot()
        await teacher.stop()
    finally:
        await teacher.close()
    if unfinished.exists():  # a JVM that makes none is slower and no worse
        unfinished.rename(_ARCHIVE)


def _add_listener(settings: dict[str, str], name: str, protocol: str, port: int, advertised: int) -> None:
    settings["listeners"] += f",{name}://127.0.0.1:{port}"
    settings["advertised.listeners"] += f",{name}://127.0.0.1:{advertised}"
    settings["listener.security.protocol.map"] += f",{name}:{protocol}"


def _cluster_id() -> str:
    """22 characters of base64; one with a leading dash would be taken for an option."""
    while True:
        drawn = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not drawn.startswith("-"):
            return drawn


def _archived_classes() -> list[str]:
    """Return the option by which a virtual machine with nothing but the broker's libraries starts faster."""
    return [f"-XX:SharedArchiveFile={_ARCHIVE}"] if _ARCHIVE.exists() else []


def _java(arguments: list[str], options: Sequence[str] = ()) -> str:
    # Where no tools were fetched their folder is passed over. Apart from the broker's: its class archive is good
    # for the very path that it was made with.
    path = str(_LIBRARIES / "*") if options else f"{_LIBRARIES / '*'}:{_TOOLS / '*'}"
    return _run(["java", *_LIGHT, *_LOGGING, *options, "-cp", path, *arguments], _START_SECONDS)


def _run(command: list[str], seconds: float) -> str:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError:
        raise ServerFailedError(f"{command[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise ServerFailedError(f"{command[0]} took more than {seconds:.0f} s") from None
    output = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise ServerFailedError(f"{command[0]} failed (exit {done.returncode}):\n{output[-3000:]}")
    return output
