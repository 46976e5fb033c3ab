"""`lanes list` and `seek` against logs of a real broker: bounds, times, what was never read."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from consumer.__main__ import main
from tests.builders.events import event
from tests.builders.kafka_records import structured_record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.infra.postgres.connection import Connection
    from tests.kafka.installation import Installation

    Run = Callable[..., Awaitable[tuple[int, list[str], list[str]]]]

pytestmark = pytest.mark.real_kafka

# Early in its day so that a minute per record stays on it; milliseconds, since half of one must round up.
_AT = datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.fixture
async def run(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Put ten records, one a minute, into deals/1, and give a function that runs a command on this installation."""
    await installation.create_topics(2)
    events = [event(str(n), timestamp=_AT + timedelta(minutes=n)) for n in range(10)]
    await installation.produce_raw([structured_record(one, "deals", 1, 0) for one in events])
    for name, value in installation.environment().items():
        monkeypatch.setenv(name, value)

    async def command(*arguments: str) -> tuple[int, list[str], list[str]]:
        code = await asyncio.to_thread(main, ["lanes", *arguments])
        shown = capsys.readouterr()
        return code, shown.out.splitlines(), shown.err.splitlines()

    return command


async def _lane(connection: Connection, offset: int, stopped: str | None = None, epoch: int = 1) -> None:
    await connection.execute("delete from lanes")
    await connection.execute(
        "insert into lanes values ('deals', 1, $1, $2, 17, 17, $3)", epoch, offset, stopped
    )


async def _stands(connection: Connection) -> tuple[int, int, str | None]:
    row = await connection.fetchrow("select epoch, next_offset, stopped from lanes")
    assert row is not None
    return row["epoch"], row["next_offset"], row["stopped"]


async def test_list_beside_the_logs(run: Run, connection: Connection) -> None:
    """Every lane of the consumed topics with its end and lag, those never read too; one without a log has none."""
    await _lane(connection, 4)
    await connection.execute("insert into lanes values ('gone', 0, 1, 5)")
    code, out, err = await run("list", "--json")
    assert (code, err) == (0, [])
    lanes = {(one["topic"], one["partition"]): one for one in map(json.loads, out)}
    assert len(lanes) == 2 * 9 + 1
    assert {name: lanes["deals", 1][name] for name in ("next_offset", "first_offset", "end_offset", "lag")} == {
        "next_offset": 4, "first_offset": 0, "end_offset": 10, "lag": 6,
    }  # fmt: skip
    assert (lanes["emails", 0]["next_offset"], lanes["emails", 0]["lag"]) == (None, 0)
    assert (lanes["gone", 0]["next_offset"], lanes["gone", 0]["lag"]) == (5, None)
    _, out, _ = await run("list")
    assert any(line.split() == ["deals/1", "1", "4", "10", "6", "open"] for line in out)
    assert any(line.startswith("emails/0") and line.endswith("never read") for line in out)


@pytest.mark.parametrize(
    ("place", "offset"),
    [
        ("earliest", 0),
        ("latest", 10),
        ("7", 7),
        ("10", 10),
        ("2026-03-02T10:03:00Z", 3),
        ("2026-03-02T11:03:00.000001+01:00", 4),
        ("2026-03-02T10:03:30Z", 4),
        ("2020-01-01T00:00:00Z", 0),
        ("2027-01-01T00:00:00Z", 10),
    ],
)
async def test_places(run: Run, connection: Connection, place: str, offset: int) -> None:
    """Each kind of place means the offset it should: of a time the first record at or after it, else the end."""
    await _lane(connection, 5)
    code, _, err = await run("seek", "deals", "1", "--to", place, "--yes")
    assert (code, err) == (0, [])
    assert await _stands(connection) == (2, offset, None)
    row = await connection.fetchrow("select last_timestamp, last_checksum from lanes")
    assert row is not None
    assert tuple(row) == (None, None)


async def test_it_says_what_that_means_and_asks(run: Run, connection: Connection) -> None:
    """What is skipped or read again is said first; without a yes, a lane or such an offset nothing moves."""
    await _lane(connection, 5)
    code, out, err = await run("seek", "deals", "1", "--to", "8")
    assert out == ["deals/1 is at 5: 3 offsets before 8 are skipped, their records are not processed"]
    assert (code, len(err)) == (1, 1)
    assert "--yes" in err[0]
    _, out, _ = await run("seek", "deals", "1", "--to", "1")
    assert out[0].startswith("deals/1 is at 5: 4 offsets from 1 on are read again")
    code, _, err = await run("seek", "deals", "1", "--to", "11", "--yes")
    assert (code, err) == (
        1,
        ["engagement lanes: offset 11 is outside the log of deals/1, which begins at 0 and ends at 10"],
    )
    assert await _stands(connection) == (1, 5, None)
    code, _, err = await run("seek", "deals", "0", "--to", "0", "--yes")
    assert (code, err) == (1, ["engagement lanes: there is no lane deals/0, or it was never read"])


async def test_the_way_out_of_a_log_that_does_not_fit(run: Run, connection: Connection) -> None:
    """A lane stopped for its log goes on from where it was put; a paused one stays paused, and it is said."""
    await _lane(connection, 500, "topic_recreated", epoch=6)
    code, out, _ = await run("seek", "deals", "1", "--to", "earliest", "--yes")
    assert code == 0
    assert out == [
        "deals/1 is at 500, which does not fit its log (topic_recreated)",
        "deals/1: moved from 500 to 0",
    ]
    assert await _stands(connection) == (7, 0, None)
    await _lane(connection, 5, "paused")
    _, out, _ = await run("seek", "deals", "1", "--to", "5", "--yes")
    assert out[0] == "deals/1 is at 5 already"
    assert out[-1] == "it is still stopped, paused: engagement lanes resume deals 1"
    assert await _stands(connection) == (2, 5, "paused")
