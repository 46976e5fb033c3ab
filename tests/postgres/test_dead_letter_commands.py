"""`dead-letters list` and `show`: how a record that is not a valid event is printed."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from consumer.__main__ import main
from consumer.domain.record_headers import encode_headers
from consumer.ingest.dead_letters.browse import readable

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection


@pytest.fixture
async def three_dead(connection: Connection, database: str, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Store three dead letters of two accounts and give their numbers."""
    monkeypatch.setenv("ENGAGEMENT_DATABASE_URL", database)
    monkeypatch.delenv("ENGAGEMENT_KAFKA_BOOTSTRAP", raising=False)
    return [
        await _store(
            connection,
            topic="deals",
            offset=1,
            reason="not_json",
            account="acme",
            value=b'{"amount": \xc3\xa9',
            key=b"acme:c-1",
        ),
        await _store(
            connection,
            topic="emails",
            offset=2,
            reason="data_invalid",
            account="acme",
            value=b"\xff\x00\x01",
            key=None,
        ),
        await _store(
            connection,
            topic="deals",
            offset=3,
            reason="attribute_missing",
            account=None,
            value=None,
            key=b"k",
        ),
    ]


async def _store(
    connection: Connection,
    *,
    topic: str,
    offset: int,
    reason: str,
    account: str | None,
    value: bytes | None,
    key: bytes | None,
) -> int:
    headers = (("content-type", b"application/json"), ("tra\x1bce", b"\x1b[2J"), ("nothing", None))
    number: int = await connection.fetchval(
        """
        insert into dead_letters (topic, partition, "offset", record_timestamp, key, value, headers, reason,
                                  detail, account_key)
        values ($1, 4, $2, 1700000000000, $3, $4, $5, $6, 'what is wrong', $7) returning id
        """,
        topic,
        offset,
        key,
        value,
        encode_headers(headers),
        reason,
        account,
    )
    return number


async def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = await asyncio.to_thread(main, ["dead-letters", *arguments])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


async def _ids(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[int]:
    code, out, _ = await _run(capsys, "list", "--json", *arguments)
    assert code == 0
    return [json.loads(line)["id"] for line in out.splitlines()]


async def test_the_list_is_newest_first_and_filtered(
    three_dead: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Account, reason, topic and limit each filter the list, newest first."""
    first, second, third = three_dead
    assert await _ids(capsys) == [third, second, first]
    assert await _ids(capsys, "--account", "acme") == [second, first]
    assert await _ids(capsys, "--reason", "not_json") == [first]
    assert await _ids(capsys, "--topic", "deals") == [third, first]
    assert await _ids(capsys, "--account", "acme", "--topic", "deals", "--limit", "1") == [first]
    assert await _ids(capsys, "--account", "nobody") == []


async def test_a_line_says_where_and_why(three_dead: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    """Each line of the list has number, reason, position, account and detail."""
    code, out, err = await _run(capsys, "list", "--reason", "not_json")
    assert (code, err) == (0, "")
    (line,) = out.splitlines()
    assert line.startswith(f"{three_dead[0]}  ")
    assert line.endswith("not_json  deals/4@1  acme  what is wrong")


async def test_show_makes_bytes_readable(three_dead: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    """Text is shown as text, anything else, control characters too, as hex; absent stays apart from empty."""
    _, out, _ = await _run(capsys, "show", str(three_dead[0]))
    assert 'value:\n{"amount": é\n' in out
    assert "key: acme:c-1" in out
    assert "header content-type: application/json" in out
    assert "header tra\\x1bce: hex 1b5b324a" in out
    assert "header nothing: none" in out
    _, out, _ = await _run(capsys, "show", str(three_dead[1]))
    assert "value:\nhex ff0001\n" in out
    assert "key: none" in out


async def test_show_as_json(three_dead: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    """With --json the whole is one object, bytes as {'text': …} or {'hex': …}, null where there are none."""
    code, out, _ = await _run(capsys, "show", "--json", str(three_dead[2]))
    assert code == 0
    whole: dict[str, Any] = json.loads(out)
    assert whole["value"] is None
    assert whole["key"] == {"text": "k"}
    assert whole["headers"][1] == ["tra\x1bce", {"hex": "1b5b324a"}]
    assert whole["timestamp"] == 1_700_000_000_000
    assert whole["reason"] == "attribute_missing"
    assert whole["recorded_at"].endswith("Z")


async def test_one_that_is_not_there(three_dead: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown number ends with 1 and a line."""
    code, out, err = await _run(capsys, "show", str(max(three_dead) + 1))
    assert (code, out) == (1, "")
    assert err == f"engagement dead-letters: there is no dead letter {max(three_dead) + 1}\n"


async def test_a_missing_schema_is_one_line(
    empty_database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a database that was never migrated the command says what to run."""
    monkeypatch.setenv("ENGAGEMENT_DATABASE_URL", empty_database)
    code, _, err = await _run(capsys, "list")
    assert code == 1
    assert "run `engagement migrate`" in err


async def test_migrate_reports_what_it_did(
    empty_database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`migrate` creates the schema once and says so; again it finds it there."""
    monkeypatch.setenv("ENGAGEMENT_DATABASE_URL", empty_database)
    assert await asyncio.to_thread(main, ["migrate"]) == 0
    assert capsys.readouterr().out.startswith("created the schema, version ")
    assert await asyncio.to_thread(main, ["migrate"]) == 0
    assert "already" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (None, None),
        (b"", {"text": ""}),
        (b"a\n\tb", {"text": "a\n\tb"}),
        ("Ünal".encode(), {"text": "Ünal"}),
        (b"\x00", {"hex": "00"}),
        (b"\xed\xa0\x80", {"hex": "eda080"}),
        ("\u202e".encode(), {"hex": "e280ae"}),
    ],
)
def test_readable(content: bytes | None, shown: dict[str, str] | None) -> None:
    """What a terminal shows safely is text, all else hex."""
    assert readable(content) == shown
