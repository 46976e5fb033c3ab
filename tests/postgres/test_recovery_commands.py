"""The commands that resolve what stopped, without brokers: dead-letters, lanes, republish."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from consumer.__main__ import main
from consumer.domain.model import DeadLetter
from consumer.ingest.store_dead_letters import store_dead_letters
from schemas.vocabulary import DeadLetterReason
from tests.builders.catalog_documents import document
from tests.builders.events import event
from tests.builders.kafka_records import structured_record
from tests.pipeline import service

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.infra.postgres.connection import Connection

    Run = Callable[..., Awaitable[tuple[int, list[str], list[str]]]]


@pytest.fixture
def run(database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that runs a command on the database and returns exit code, output and errors."""
    monkeypatch.setenv("ENGAGEMENT_DATABASE_URL", database)
    monkeypatch.delenv("ENGAGEMENT_KAFKA_BOOTSTRAP", raising=False)

    async def command(*arguments: str) -> tuple[int, list[str], list[str]]:
        code = await asyncio.to_thread(main, list(arguments))
        shown = capsys.readouterr()
        return code, shown.out.splitlines(), shown.err.splitlines()

    return command


async def _store(connection: Connection, *identities: str) -> list[int]:
    """Store dead letters; the record 'dead' is really invalid, the others are valid events."""
    letters = []
    for offset, identity in enumerate(identities):
        record = event(identity, subject=None if identity == "dead" else "ann")
        wrong = DeadLetter(DeadLetterReason.DATA_INVALID, "what an older program thought", "acme")
        letters.append((structured_record(record, "deals", 0, offset), wrong))
    return [number for number, _ in await store_dead_letters(connection, letters, 4)]


async def _dead(connection: Connection) -> list[int]:
    return [row["id"] for row in await connection.fetch("select id from dead_letters order by id")]


# dead-letters -----------------------------------------------------------------------------------------------


async def test_replay_prints_a_line_for_each(run: Run, database: str, connection: Connection) -> None:
    """Each has a line with its outcome; the command ends with 1 and a line if any remains, else with 0."""
    await service.apply_document(database, document())
    good, still_dead = await _store(connection, "a", "dead")
    code, out, err = await run("dead-letters", "replay", "--all")
    assert out == [
        f"{good}  applied",
        f"{still_dead}  remains, still dead: attribute_missing  subject: missing",
        "1 of 2 dead letters resolved",
    ]
    assert (code, err) == (1, ["engagement dead-letters: 1 of 2 remain"])
    assert await _dead(connection) == [still_dead]

    code, out, err = await run("dead-letters", "replay", str(good))
    assert out[0] == f"{good}  not found: replayed or discarded already"
    assert (code, err) == (1, ["engagement dead-letters: 1 of 1 not found"])
    assert await run("dead-letters", "replay", "--account", "birch") == (0, ["no dead letters"], [])
    [other] = await _store(connection, "b")
    code, out, err = await run("dead-letters", "replay", str(other))
    assert (code, out[0], err) == (0, f"{other}  applied", [])


async def test_discard_needs_confirmation(run: Run, connection: Connection) -> None:
    """Without a terminal nothing is discarded unless --yes is given; then exactly what was chosen is."""
    first, second, third = await _store(connection, "a", "b", "dead")
    code, out, err = await run("dead-letters", "discard", str(first))
    assert (code, out) == (1, [])
    assert err == [
        "engagement dead-letters: nothing was done: no terminal to ask for confirmation, pass --yes"
    ]
    assert await _dead(connection) == [first, second, third]
    assert await run("dead-letters", "discard", str(first), "--yes") == (0, ["1 dead letters discarded"], [])
    assert await _dead(connection) == [second, third]
    assert (await run("dead-letters", "discard", "--account", "birch"))[1] == ["no dead letters"]
    await connection.execute("update dead_letters set topic = 'emails' where id = $1", third)
    await run("dead-letters", "discard", "--topic", "deals", "--yes")
    assert await _dead(connection) == [third]


async def test_many_are_discarded_in_chunks(run: Run, connection: Connection) -> None:
    """More than fit one transaction are all discarded, chunk by chunk."""
    await connection.execute(
        'insert into dead_letters (topic, partition, "offset", headers, reason, detail)'
        " select 'deals', 0, n, '[]', 'not_json', '' from generate_series(1, 1234) n"
    )
    assert (await run("dead-letters", "discard", "--reason", "not_json", "--yes"))[1] == [
        "1234 dead letters discarded"
    ]
    assert await _dead(connection) == []


# lanes ------------------------------------------------------------------------------------------------------


async def _lanes(connection: Connection, **stopped: str | None) -> None:
    for topic, why in stopped.items():
        await connection.execute("insert into lanes values ($1, 0, 3, 40, null, null, $2)", topic, why)


async def test_list_explains_why_a_lane_is_stopped(run: Run, connection: Connection) -> None:
    """Each lane has its position and, if stopped, the reason and the command to run; without brokers too."""
    assert (await run("lanes", "list"))[1] == ["no lanes"]
    await _lanes(connection, deals=None, emails="dead_letters", sales="log_truncated", tracked="paused")
    code, out, err = await run("lanes", "list")
    assert code == 0
    assert out[0].split("  ")[0] == "lane"
    assert out[1].split() == ["deals/0", "3", "40", "-", "-", "open"]
    assert out[2].endswith(
        "stopped, dead_letters: 100 of its last 200 records were dead letters. Run: engagement dead-letters "
        "list --topic emails; then engagement lanes resume emails 0"
    )
    assert out[3].endswith(
        "records were deleted before they were read. Run: engagement lanes seek sales 0 --to earliest"
    )
    assert out[4].endswith("paused by an operator. Run: engagement lanes resume tracked 0")
    assert len(err) == 1
    assert err[0].startswith("engagement lanes: log ends and lag are unknown, brokers do not answer: ")

    _, out, _ = await run("lanes", "list", "--json")
    lines: list[dict[str, Any]] = [json.loads(line) for line in out]
    assert lines[0] == {
        "topic": "deals", "partition": 0, "epoch": 3, "next_offset": 40, "first_offset": None,
        "end_offset": None, "high_watermark": None, "held_back": None, "held_back_since": None, "lag": None,
        "stopped": None, "why": None, "way_out": None,
    }  # fmt: skip
    assert [line["stopped"] for line in lines] == [None, "dead_letters", "log_truncated", "paused"]


async def _stopped(connection: Connection) -> dict[str, str | None]:
    return {row["topic"]: row["stopped"] for row in await connection.fetch("select * from lanes")}


async def test_pause_and_resume(run: Run, connection: Connection) -> None:
    """One lane or all; a lane stopped already is left as it is; one that needs a seek fails and names it."""
    await _lanes(connection, deals=None, emails="dead_letters", sales="topic_recreated")
    assert await run("lanes", "pause", "deals", "0") == (0, ["deals/0: paused"], [])
    _, out, _ = await run("lanes", "pause", "--all")
    assert out == [
        "deals/0: already stopped: paused",
        "emails/0: already stopped: dead_letters",
        "sales/0: already stopped: topic_recreated",
    ]
    code, out, _ = await run("lanes", "resume", "--all", "--reason", "dead_letters")
    assert (code, out) == (0, ["emails/0: resumed from 40, was dead_letters"])
    assert (await _stopped(connection))["deals"] == "paused"
    code, out, err = await run("lanes", "resume", "--all")
    assert (code, out) == (1, ["deals/0: resumed from 40, was paused"])
    assert len(err) == 1
    assert err[0].startswith("engagement lanes: sales/0 cannot be resumed, ")
    assert err[0].endswith("use `engagement lanes seek sales 0 --to earliest`")
    assert await _stopped(connection) == {"deals": None, "emails": None, "sales": "topic_recreated"}
    assert (await run("lanes", "resume", "deals", "0"))[1] == ["deals/0: is not stopped"]
    code, _, err = await run("lanes", "pause", "deals", "7")
    assert (code, err) == (1, ["engagement lanes: there is no lane deals/7, or it was never read"])


# republish --------------------------------------------------------------------------------------------------


async def test_republish_says_how_many(run: Run, database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints the numbers of messages and contacts; an account that does not exist is a line and 1."""
    async with service.running(database) as worker:
        await worker.apply(document())
        feed = [event(n, subject=n) for n in "abc"]
        await worker.batch(feed)
    capsys.readouterr()  # what the worker logged
    code, out, err = await run("republish", "--account", "acme")
    assert (code, out, err) == (0, ["3 messages for 3 contacts enqueued"], [])
    code, out, err = await run("republish", "--account", "nobody")
    assert (code, out, err) == (1, [], ["engagement republish: there is no account 'nobody'"])
    code, _, err = await run("republish", "--account", "acme", "--profile", "fit")
    assert (code, err) == (1, ["engagement republish: account 'acme' has no published profile 'fit'"])
