"""`engagement catalog apply`, `diff` and `export`: output and exit codes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from consumer.__main__ import main
from consumer.scoring import announce
from tests.builders.catalog_documents import weights_document
from tests.builders.events import numbered_event
from tests.pipeline import service

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

ROOT = Path(__file__).parents[2]
STARTING = ROOT / "catalogs" / "starting.yaml"
FAULTY = ROOT / "tests" / "catalogs" / "faulty.yaml"


@pytest.fixture(autouse=True)
def only_a_database(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set only the database: these commands need no broker."""
    monkeypatch.setenv("ENGAGEMENT_DATABASE_URL", database)
    monkeypatch.delenv("ENGAGEMENT_KAFKA_BOOTSTRAP", raising=False)


async def run(*arguments: object) -> int:
    """Run a command as the console script does, beside the loop of the tests."""
    return await asyncio.to_thread(main, ["catalog", *map(str, arguments)])


async def test_applied_exported_and_without_a_difference(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A document is applied, has then no difference, and its export applies without one and is byte-stable."""
    assert await run("diff", STARTING) == 1
    assert await run("apply", STARTING) == 0
    assert "definition deal_won: new" in capsys.readouterr().out
    assert await run("diff", STARTING) == 0
    assert capsys.readouterr().out == ""
    assert await run("export") == 0
    exported = capsys.readouterr().out
    again = tmp_path / "again.yaml"
    again.write_text(exported, "utf-8")
    assert await run("diff", again) == 0
    assert await run("apply", again) == 0
    assert capsys.readouterr().out == "nothing to change\n"
    assert await run("export") == 0
    assert capsys.readouterr().out == exported


async def test_every_fault_with_its_line(capsys: pytest.CaptureFixture[str], connection: Connection) -> None:
    """A faulty document is reported whole, one line of `FILE:LINE: …` for each fault, and nothing is applied."""
    assert await run("apply", FAULTY) == 1
    captured = capsys.readouterr()
    report = (FAULTY.with_suffix(".report")).read_text("utf-8").splitlines()
    *faults, last = captured.err.splitlines()
    assert len(faults) == len(report) >= 12
    assert all(line.startswith(f"{FAULTY}:") for line in faults)
    assert last == f"engagement catalog apply: {len(report)} faults in {FAULTY}"
    assert captured.out == ""
    assert await connection.fetchval("select count(*) from accounts") == 0


async def test_a_document_above_a_limit_is_refused_at_its_line(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    connection: Connection,
) -> None:
    """`apply` and `diff` take the limits from the settings, and report what exceeds one like every other fault."""
    monkeypatch.setenv("ENGAGEMENT_MAX_GROUPS", "1")
    for command in ("apply", "diff"):
        assert await run(command, STARTING) == 1
        fault, last = capsys.readouterr().err.splitlines()
        assert fault == (
            f"{STARTING}:15: the account would have 3 groups, more than the limit of 1 (ENGAGEMENT_MAX_GROUPS)"
        )
        assert last == f"engagement catalog {command}: 1 fault in {STARTING}"
    assert await connection.fetchval("select count(*) from accounts") == 0


async def test_differences_as_json_and_pending(
    capsys: pytest.CaptureFixture[str], connection: Connection, tmp_path: Path
) -> None:
    """A change that waits for a publish is marked pending, in lines and as JSON."""
    await run("apply", STARTING)
    await connection.execute("update definitions set counted = true where key = 'deal_won'")
    capsys.readouterr()
    text = STARTING.read_text("utf-8").partition("profiles:")[0]
    points = "default_points: "
    head, _, tail = text.partition("key: deal_won\n")
    before, _, after = tail.partition(points)
    changed = tmp_path / "changed.yaml"
    changed.write_text(f"{head}key: deal_won\n{before}{points}1{after}", "utf-8")
    assert await run("diff", changed) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any("deal_won" in line and line.endswith("(pending)") for line in lines), lines
    assert await run("diff", "--json", changed) == 1
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert any(one["pending"] for one in objects)


async def test_clear_errors(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A missing file and a missing account are each one line on stderr, and exit code 1."""
    assert await run("apply", tmp_path / "nothing.yaml") == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert await run("export", "--account", "nobody") == 1
    assert "nobody" in capsys.readouterr().err
    assert await run("apply", STARTING, "--account", "other") == 1
    assert "other" in capsys.readouterr().err


async def test_apply_publishes_changes_before_it_ends(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, database: str, connection: Connection
) -> None:
    """`apply` prints what it publishes and completes it; a publish that was left unfinished comes first."""
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1), numbered_event(2, subject="bob")])
        path = tmp_path / "acme.yaml"
        path.write_text(json.dumps(weights_document(won=3)), "utf-8")
        assert await run("apply", path) == 0
        captured = capsys.readouterr()
        assert captured.out.splitlines()[-3:] == [
            "profile lead_score: published_version 1 -> 2",
            "profile lead_score: weights.won none -> 3",
            "profile lead_score: version 2 is published",
        ]
        assert await run("diff", path) == 0
        assert await service.overall_scores(connection) == {"ann": 3, "bob": 3}

        await service.begin_publish(connection, won=4)
        path.write_text(json.dumps(weights_document(won=5)), "utf-8")
        capsys.readouterr()
        assert await run("apply", path, "--json") == 0
        differences = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [(each["field"], each["after"], each["pending"]) for each in differences] == [
            ("published_version", 3, True),
            ("weights.won", 5, True),
            ("published_version", 4, False),
        ]
        assert await service.overall_scores(connection) == {"ann": 5, "bob": 5}


async def test_without_a_relay_apply_publishes_but_fails_to_announce(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    database: str,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a full outbox `apply` fails, in one line with what is done and what is not; run again it continues."""
    monkeypatch.setattr(announce, "_MAX_UNPUBLISHED", 0)
    monkeypatch.setattr(announce, "_STALL_SECONDS", 0.0)
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1)])
    path = tmp_path / "acme.yaml"
    path.write_text(json.dumps(weights_document(won=3)), "utf-8")
    assert await run("apply", path) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line == (
        "engagement catalog: profile lead_score: version 2 is published; its score messages are not sent yet:"
        " 1 messages wait in the outbox and do not get fewer: is a relay running?"
    )
    assert await service.overall_scores(connection) == {"ann": 3}
    assert await run("apply", path) == 1
    await connection.execute(
        "update relay_floors f set floor = head from outbox_heads h where h.shard = f.shard"
    )
    assert await run("apply", path) == 0
    assert await run("diff", path) == 0
