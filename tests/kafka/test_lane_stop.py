"""The limit on dead records at the loop: a worker on a broker stops such a lane, and only that one, for good.

The process is the one that operators run, so what stops here stops in fact, and operators see it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.builders.catalog_documents import document
from tests.builders.events import event
from tests.builders.kafka_records import structured_record
from tests.kafka.worker_process import WorkerProcess
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.domain.model import Record
    from consumer.infra.postgres.connection import Connection
    from tests.kafka.installation import Installation

pytestmark = pytest.mark.real_kafka

_AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
# Records of one lane, a letter each: an event; dead without an account; dead and naming acme, birch.
_EVENT, _NAMELESS, _ACME, _BIRCH = "e", "-", "a", "b"


@dataclass
class Story:
    """The records of one lane and its expected end: (next offset, why it stopped)."""

    records: str
    end: tuple[int, str | None]


# Every lane of one worker at once: each stops, or goes on, for itself.
STORIES = {
    "hundred in a row": Story(_NAMELESS * 100 + _EVENT * 5, (100, "dead_letters")),
    "ninety-nine": Story(_NAMELESS * 99 + _EVENT * 101 + _NAMELESS * 99 + _EVENT, (300, None)),
    "every other": Story((_EVENT + _NAMELESS) * 100 + _EVENT * 5, (200, "dead_letters")),
    "a hundred of 201": Story(_NAMELESS + _EVENT * 101 + _NAMELESS * 99 + _EVENT, (202, None)),
    "one account": Story(_ACME * 300 + _EVENT, (301, None)),
    "one account and another": Story(_ACME * 150 + _BIRCH + _EVENT * 5, (151, "dead_letters")),
    "one account and none": Story(_ACME * 99 + _NAMELESS + _EVENT * 5, (100, "dead_letters")),
    "none dead": Story(_EVENT * 20, (20, None)),
}


def _records(story: str, topic: str, partition: int) -> list[Record]:
    made = []
    for number, letter in enumerate(story):
        account = {_NAMELESS: None, _BIRCH: "birch"}.get(letter, "acme")
        record = event(
            id_=f"{topic}-{partition}-{number}",
            # A dead one has no subject.
            subject="ann" if letter == _EVENT else None,
            time="2026-03-02T10:00:00Z",
            accountid=account,
            timestamp=_AT + timedelta(seconds=1),
        )
        made.append(structured_record(record, topic, partition, number))
    return made


@pytest.fixture
async def prepared(installation: Installation) -> Installation:
    """Give an installation with one account and as many partitions as there are stories."""
    await installation.create_topics(len(STORIES))
    await installation.apply(document())
    return installation


async def _lanes(connection: Connection, topic: str = "deals") -> dict[int, tuple[int, str | None]]:
    rows = await connection.fetch("select * from lanes where topic = $1 order by partition", topic)
    return {row["partition"]: (row["next_offset"], row["stopped"]) for row in rows}


async def _reach(connection: Connection, wanted: dict[int, tuple[int, str | None]]) -> None:
    async def there() -> bool:
        assert await _lanes(connection) == wanted
        return True

    await eventually(there, within=30, what="every lane to reach its expected end")


async def _applied(connection: Connection) -> set[tuple[int, int]]:
    ids = await connection.fetch("select event_id from timeline where event_id like 'deals-%'")
    return {tuple(map(int, row["event_id"].split("-")[1:])) for row in ids}  # type: ignore[misc] # two of them


async def test_each_lane_stops_for_itself_exactly_where_it_must(
    prepared: Installation, connection: Connection, tmp_path: Path
) -> None:
    """A lane stops exactly after the record that makes it so, and says so; others go on; no restart revives it."""
    wanted = {number: story.end for number, story in enumerate(STORIES.values())}
    for number, story in enumerate(STORIES.values()):
        await prepared.produce_raw(_records(story.records, "deals", number))
    stopped = {(number, end[0]) for number, end in wanted.items() if end[1]}

    async with WorkerProcess(prepared, tmp_path) as worker:
        await _reach(connection, wanted)
        await _moves_on(prepared, connection, offset=0)
        await _says_so(worker, stopped)
        said = {
            (line["partition"], line["next_offset"], line["reason"])
            for line in worker.lines()
            if line["event"] == "lane stopped"
        }
        assert said == {(partition, offset, "dead_letters") for partition, offset in stopped}
        assert sum(line["event"] == "lane stopped" for line in worker.lines()) == len(stopped)
        await worker.terminate(within=10)
    await _assert_exactly_applied(connection, wanted)

    async with WorkerProcess(prepared, tmp_path, batch_records="7") as successor:
        await _moves_on(prepared, connection, offset=1)
        await _says_so(successor, stopped)
        assert await _lanes(connection) == wanted
    await _assert_exactly_applied(connection, wanted)


async def test_the_count_goes_on_over_batches_and_restarts(
    prepared: Installation, connection: Connection, tmp_path: Path
) -> None:
    """In batches of 7, with a restart in the middle of the count, lanes stop at the very same records."""
    stories = list(STORIES.values())
    for number, story in enumerate(stories):
        await prepared.produce_raw(_records(story.records, "deals", number)[:50])
    half: dict[int, tuple[int, str | None]] = {
        number: (min(50, len(story.records)), None) for number, story in enumerate(stories)
    }
    async with WorkerProcess(prepared, tmp_path, batch_records="7") as worker:
        await _reach(connection, half)
        worker.kill()
    for number, story in enumerate(stories):
        await prepared.produce_raw(_records(story.records, "deals", number)[50:])
    wanted = {number: story.end for number, story in enumerate(stories)}
    async with WorkerProcess(prepared, tmp_path, batch_records="7"):
        await _reach(connection, wanted)
    await _assert_exactly_applied(connection, wanted)


async def _moves_on(prepared: Installation, connection: Connection, *, offset: int) -> None:
    """Let another topic's lanes, of stopped partitions too, prove that the worker works."""
    for partition in range(len(STORIES)):
        [event] = _records(_EVENT, "bookings", partition)
        await prepared.produce_raw([event])

    async def taken() -> bool:
        assert await _lanes(connection, "bookings") == dict.fromkeys(range(len(STORIES)), (offset + 1, None))
        return True

    await eventually(taken, within=15, what="the lanes of another topic to be worked off")


async def _says_so(worker: WorkerProcess, stopped: set[tuple[int, int]]) -> None:
    """Require the metric, and a ready worker: out of service for one lane it would stop the others too."""

    async def exported() -> bool:
        return await worker.metric("lane_stopped", reason="dead_letters") == len(stopped)

    await eventually(exported, within=10, what="the metric lane_stopped")
    await worker.until(200, within=10)
    assert await worker.metric("lane_stopped", reason="log_truncated") == 0


async def _assert_exactly_applied(connection: Connection, wanted: dict[int, tuple[int, Any]]) -> None:
    """Every record before its lane's position has had its effect, and none after it."""
    letters = await connection.fetch("select partition, \"offset\" from dead_letters where topic = 'deals'")
    dead: set[tuple[int, int]] = set()
    applied: set[tuple[int, int]] = set()
    for number, story in enumerate(STORIES.values()):
        for offset, letter in enumerate(story.records[: wanted[number][0]]):
            (applied if letter == _EVENT else dead).add((number, offset))
    assert {(row["partition"], row["offset"]) for row in letters} == dead
    assert len(letters) == len(dead)
    assert await _applied(connection) == applied
