"""The program of docs/operations.md that acts on crossings: killed again and again, it acts once on each."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

import pytest

from consumer.demo.servers.processes import end_with_parent, tail
from schemas.vocabulary import BAND_CHANGED_TOPIC
from tests.kafka import traffic
from tests.kafka.delivery_checks import outbox_rows, progress
from tests.kafka.traffic_sender import traffic_sender
from tests.kafka.worker_process import WorkerProcess
from tests.readme import OPERATIONS, block
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.kafka.installation import Installation

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(240)]

_SEED = int(os.environ.get("ENGAGEMENT_TEST_SEED", "18"))
_PARTITIONS = 3
# Times that the program is killed; the worker is, each third time before it.
_KILLS = 12
# Records fed before each kill.
_LOAD = 200
_PATIENCE = 60
# Every attempt to note an id, those on ids that are there already too: a trigger before the insert sees both.
_ATTEMPTS = """
    create table acted (id text primary key);
    create table attempts (id text);
    create trigger attempted before insert on acted begin insert into attempts values (new.id); end;
"""


class ActingProgram:
    """The program as a process of its own, and what it has done, by its database."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        code = block("act.py", OPERATIONS)
        for name in (BAND_CHANGED_TOPIC, "call-hot-leads", "call-hot-leads-1"):
            code = code.replace(f'"{name}"', f'"{installation.prefix}{name}"')
        (folder / "act.py").write_text(code)
        self._folder = folder
        self._log = folder / "act.log"
        self._environment = {**os.environ, **installation.environment()}
        self._database = sqlite3.connect(folder / "workflow.db")
        self._database.executescript(_ATTEMPTS)

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._kill()
        self._database.close()

    def restart(self) -> None:
        """Kill it with kill -9 and start it again."""
        assert self._process.poll() is None, tail(self._log)
        self._kill()
        self._start()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return what a query of its database finds."""
        return self._database.execute(query).fetchall()

    def acted(self) -> set[str]:
        """Return the ids that it has noted."""
        return {id_ for (id_,) in self.rows("select id from acted")}

    async def until_acted(self) -> None:
        """Wait until it has acted on one crossing more."""
        before = len(self.acted())
        await eventually(lambda: len(self.acted()) > before, within=_PATIENCE, what="one more act")

    def _start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "act.py"],
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                preexec_fn=end_with_parent(signal.SIGKILL),  # noqa: PLW1509 - as the embedded servers do
            )

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()


async def test_it_acts_once_on_each_crossing(
    installation: Installation, tmp_path: Path, report_line: Callable[[str], None]
) -> None:
    """Killed with kill -9 while traffic crosses bands, and the worker as well, it calls each contact once."""
    chance = random.Random(_SEED)
    drawn = traffic.draw(_SEED, _LOAD * _KILLS, partitions=_PARTITIONS)
    await installation.create_topics(_PARTITIONS)
    for account in traffic.ACCOUNTS:
        await installation.apply(traffic.catalog(account, framed=True))
    worker = WorkerProcess(installation, tmp_path, batch_records="20")
    try:
        with ActingProgram(installation, tmp_path) as program:
            async with traffic_sender(installation) as sender:
                for number, records in enumerate(traffic.chunks(drawn.records, _KILLS)):
                    sender.send(records)
                    passed = number * _LOAD + chance.randrange(_LOAD)

                    async def reached(passed: int = passed) -> bool:
                        return await progress(installation) > passed

                    await eventually(reached, within=_PATIENCE, what=f"record {passed} to be passed")
                    if number % 3 == 2:
                        worker.kill()
                        worker = WorkerProcess(installation, tmp_path, batch_records="20")
                    await program.until_acted()
                    program.restart()

            async def published() -> bool:
                worked_off = await progress(installation) == len(drawn.records)
                return worked_off and await outbox_rows(installation) == 0

            await eventually(published, within=_PATIENCE, what="everything to be published")
            crossings = await installation.messages(BAND_CHANGED_TOPIC)
            ids = {message["id"] for message in crossings}
            await eventually(
                lambda: program.acted() == ids,
                within=_PATIENCE,
                what=f"{len(ids)} crossings to be acted on",
            )
            calls = Counter(program.rows("select owner, account, contact from calls"))
            [(attempts,)] = program.rows("select count(*) from attempts")
    finally:
        await worker.__aexit__(None, None, None)
    assert len(ids) == len(crossings), "a crossing was published twice"
    assert calls == Counter(
        (message["data"]["contact"]["owner"], message["accountid"], message["subject"])
        for message in crossings
        if message["data"]["group"] is None and message["data"]["band"]["current"] == "hot"
    )
    assert attempts > len(ids), "no message came twice: the kills proved nothing"
    report_line(
        f"acting on crossings: {len(ids)} crossings, {calls.total()} calls, {_KILLS} kills, "
        f"{attempts - len(ids)} messages read again"
    )
