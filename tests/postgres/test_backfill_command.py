"""`engagement backfill` of files: what it prints, its exit codes, and what it leaves in the database."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from consumer.__main__ import main
from tests.builders.catalog_documents import document
from tests.pipeline import service
from tests.refused_command import assert_refused

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.infra.postgres.connection import Connection


def _line(id_: str, **attributes: Any) -> bytes:
    event = {
        "specversion": "1.0",
        "id": id_,
        "source": "/old-crm",
        "type": "deal.won",
        "subject": "ann",
        "accountid": "acme",
        "time": "2019-05-05T10:00:00Z",
        "actorid": "rita",
        "actortype": "rep",
    }
    return json.dumps({**event, **attributes}).encode() + b"\n"


@pytest.fixture(autouse=True)
async def _environment(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGAGEMENT_DATABASE_URL", database)
    monkeypatch.delenv("ENGAGEMENT_KAFKA_BOOTSTRAP", raising=False)
    await service.apply_document(database, document())


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Give a function that runs the command; it returns exit code, output and errors, line by line."""

    async def run(*words: str) -> tuple[int, list[str], list[str]]:
        code = await asyncio.to_thread(main, ["backfill", *words])
        shown = capsys.readouterr()
        return code, shown.out.splitlines(), shown.err.splitlines()

    return run


async def test_files_in_any_form(run: Any, tmp_path: Path, connection: Connection) -> None:
    """Plain and compressed files are one backfill; again, all of it is a duplicate, and both end with 0."""
    plain, packed = tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"
    plain.write_bytes(_line("a") + _line("b", type="deal.seen"))
    packed.write_bytes(gzip.compress(_line("c", subject="bob") + _line("d", accountid="nobody")))
    report = [
        "unknown_account            1",
        "unmatched                  1",
        "  deal.seen: 1",
        "applied                    2",
    ]
    assert await run(str(plain), str(packed)) == (0, report, [])
    assert await run(str(packed), str(plain)) == (0, [*report[:-1], "duplicate                  2"], [])
    assert {key[1] for key in await service.entries(connection)} == {"ann", "bob"}
    assert await connection.fetchval("select bool_or(settled) from timeline") is False


async def test_standard_input(run: Any, monkeypatch: pytest.MonkeyPatch, connection: Connection) -> None:
    """`-` is standard input, compressed or not."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(_line("a")))))
    assert await run("-") == (0, ["applied                    1"], [])
    assert len(await service.entries(connection)) == 1


async def test_faulty_lines_are_named(run: Any, tmp_path: Path, connection: Connection) -> None:
    """Each line that is no event is reported with place and reason; the others count, it ends with 1 (9.3)."""
    file = tmp_path / "a.jsonl"
    file.write_bytes(
        _line("a") + b"{nonsense\n\n" + _line("b", time=None) + _line("c", subject=None) + _line("d")
    )
    code, out, err = await run(str(file))
    assert (code, out) == (1, ["applied                    2"])
    assert err[0].startswith(f"{file}:2: not_json  ")
    assert err[1:] == [
        f"{file}:4: attribute_missing  time: missing, and a line has no other",
        f"{file}:5: attribute_missing  subject: null",
        "engagement backfill: 3 lines are no events",
    ]
    assert await connection.fetchval("select count(*) from dead_letters") == 0


async def test_many_faulty_lines(run: Any, tmp_path: Path) -> None:
    """Of many faulty lines a hundred are shown, and all are counted."""
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"x\n" * 250)
    code, out, err = await run(str(file))
    assert (code, out) == (1, ["no events"])
    assert len(err) == 102
    assert err[100:] == ["… and 150 more", "engagement backfill: 250 lines are no events"]


async def test_a_dry_run_applies_nothing(run: Any, tmp_path: Path, connection: Connection) -> None:
    """With --dry-run lines are checked, and nothing is applied."""
    file = tmp_path / "a.jsonl"
    file.write_bytes(_line("a") + _line("b"))
    assert await run("--dry-run", str(file)) == (0, ["2 events"], [])
    file.write_bytes(_line("a") + b"x\n")
    assert (await run("--dry-run", str(file)))[0] == 1
    assert await service.entries(connection) == {}


async def test_without_xp(run: Any, tmp_path: Path, connection: Connection) -> None:
    """With --no-xp reps earn nothing by these events; otherwise they do (9.10)."""
    file = tmp_path / "a.jsonl"
    file.write_bytes(_line("a"))
    assert (await run("--no-xp", str(file)))[0] == 0
    file.write_bytes(_line("b"))
    assert (await run(str(file)))[0] == 0
    _, credited = await service.messages(connection)
    assert [(one["subject"], one["data"]["amount"], one["data"]["event"]["id"]) for one in credited] == [
        ("rita", 5, "b")
    ]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (None, "{file}: No such file or directory"),
        (gzip.compress(_line("a") * 100)[:-9], "{file}: damaged after line "),
    ],
)
async def test_unreadable_files(
    run: Any, tmp_path: Path, connection: Connection, content: bytes | None, line: str
) -> None:
    """A file that is missing or damaged is named, and nothing of any file is applied."""
    good, bad = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    good.write_bytes(_line("good"))
    if content is not None:
        bad.write_bytes(content)
    code, out, err = await run(str(good), str(bad))
    assert (code, out) == (1, [])
    assert err[-1].startswith("engagement backfill: " + line.format(file=bad))
    assert await service.entries(connection) == {}


async def test_a_schema_that_does_not_fit(empty_database: str, tmp_path: Path) -> None:
    """Without the schema the command ends before it reads a line."""
    await assert_refused(
        *("backfill", str(tmp_path / "missing")),
        environment={"ENGAGEMENT_DATABASE_URL": empty_database},
        line="the database has no schema: run `engagement migrate`",
    )
