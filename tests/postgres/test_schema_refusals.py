"""A program of one version leaves a database with the schema of another version alone.

Every command that the parser has is run, so that none can be forgotten: against the schema of version 1, and
against one that is newer than the program.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from consumer.__main__ import main, parser
from consumer.infra.postgres.schema_version import NEEDED, PROGRAM
from consumer.infra.settings import PREFIX
from tests.refused_command import assert_refused

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).parents[2]
_VERSION_1 = _ROOT / "tests" / "schema_versions" / "1.sql"
_NEWER = PROGRAM + 1
_LINES = {
    1: f"the schema is at version 1, this program needs {NEEDED}: run `engagement migrate`",
    _NEWER: f"the schema is for programs from version {_NEWER} on, this program has version {PROGRAM}: "
    "upgrade the program",
}

# They are for other schemas.
_FOR_ANY_SCHEMA = {"check", "migrate"}
# They never open the database of the settings; the demo has servers of its own.
_WITHOUT_DATABASE = {"demo", "topics", "token", "simulate"}
# They work until they are stopped, on a main thread.
_PROCESSES = {"run", "web"}
# What can be given for an argument that a command requires, by its name in the usage.
_ARGUMENTS = {
    "FILE": str(_ROOT / "catalogs" / "starting.yaml"),
    "ID": "1",
    "TOPIC": "deals",
    "PARTITION": "0",
    "POSITION": "earliest",
}
# Of commands whose own usage asks for one of several arguments.
_MORE: dict[tuple[str, ...], list[str]] = {
    ("lanes", "pause"): ["--all"],
    ("lanes", "resume"): ["--all"],
    ("dead-letters", "replay"): ["--all"],
    ("dead-letters", "discard"): ["--all"],
    ("backfill",): ["--from-topics", "--account", "1", "--since", "30d"],
}


def _commands(of: argparse.ArgumentParser, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield every command line that leads to a handler, with what it requires."""
    required: list[str] = []
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                yield from _commands(sub, (*before, name))
            return
        if action.required and action.nargs != "*":
            assert action.metavar in _ARGUMENTS, f"say in _ARGUMENTS what {before} gets for {action.metavar}"
            required += [*action.option_strings[:1], _ARGUMENTS[str(action.metavar)]]
    yield (*before, *required, *_MORE.get(before, []))


COMMANDS = [words for words in _commands(parser()) if words[0] not in _FOR_ANY_SCHEMA | _WITHOUT_DATABASE]
_IN_PROCESS = [words for words in COMMANDS if words[0] not in _PROCESSES]
_SEPARATE = [
    *[words for words in COMMANDS if words[0] in _PROCESSES],
    ("run", "--only", "ingest"),
    ("run", "--only", "relay"),
    ("run", "--processes", "2"),
]


@pytest.fixture(params=_LINES, ids=["older", "newer"], scope="module")
async def other_schema(request: pytest.FixtureRequest, empty_module_database: str) -> tuple[str, str]:
    """Give a database whose schema is older or newer than the program, and the line that says so.

    Made once for all commands: none of them changes it.
    """
    connection = await asyncpg.connect(empty_module_database)
    await connection.execute("drop schema if exists public cascade")
    await connection.execute("create schema public")
    await connection.execute(_VERSION_1.read_text("utf-8"))
    await connection.execute("update public.installation set schema_version = $1", request.param)
    await connection.close()
    return empty_module_database, _LINES[request.param]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    # No broker is there: the schema is looked at first.
    monkeypatch.setenv("ENGAGEMENT_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setenv("ENGAGEMENT_HTTP_HOST", "127.0.0.1")
    monkeypatch.setenv("ENGAGEMENT_HTTP_PORT", "0")
    monkeypatch.setenv("ENGAGEMENT_JWT_SECRET", "s" * 32)


async def _writes(dsn: str) -> dict[str, Any]:
    """Return how many rows of each table were ever written, and the positions of all sequences."""
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch(
            "select oid::regclass::text from pg_class where relkind = 'r' and "
            "relnamespace = 'public'::regnamespace order by 1"
        )
        found = {}
        for (table,) in tables:
            # xmin changes with every write.
            found[table] = await connection.fetch(f"select xmin::text, * from {table} order by ctid")
        found["sequences"] = await connection.fetch(
            "select sequencename, last_value from pg_sequences order by 1"
        )
        return found
    finally:
        await connection.close()


def test_every_command_is_tested() -> None:
    """The commands that are left out are ones that there are, and the list is not empty."""
    names = {words[0] for words in _commands(parser())}
    assert names > _FOR_ANY_SCHEMA | _WITHOUT_DATABASE | _PROCESSES
    assert {words[0] for words in COMMANDS} == names - _FOR_ANY_SCHEMA - _WITHOUT_DATABASE


@pytest.mark.parametrize("words", _IN_PROCESS, ids=" ".join)
async def test_a_command_refuses_another_schema(
    words: tuple[str, ...],
    other_schema: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It ends with 1 and one line that says what to do, and has written nothing."""
    dsn, line = other_schema
    monkeypatch.setenv("ENGAGEMENT_DATABASE_URL", dsn)
    before = await _writes(dsn)
    assert await asyncio.to_thread(main, words) == 1
    assert capsys.readouterr().err == f"engagement {words[0]}: {line}\n"
    assert await _writes(dsn) == before


@pytest.mark.parametrize("words", _SEPARATE, ids=" ".join)
async def test_the_worker_refuses_another_schema(
    words: tuple[str, ...], other_schema: tuple[str, str]
) -> None:
    """So do workers of every kind and the API, which end at once: they claim nothing and serve nothing."""
    dsn, line = other_schema
    before = await _writes(dsn)
    await assert_refused(*words, environment=os.environ | {"ENGAGEMENT_DATABASE_URL": dsn}, line=line)
    assert await _writes(dsn) == before


@pytest.mark.parametrize("command", sorted(_WITHOUT_DATABASE - {"demo"}))
def test_other_commands_need_no_database(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They fail for what they lack, and a database is none of it."""
    monkeypatch.delenv("ENGAGEMENT_KAFKA_BOOTSTRAP")
    monkeypatch.delenv("ENGAGEMENT_JWT_SECRET")
    [words] = [words for words in _commands(parser()) if words[0] == command]
    assert main(words) == 1
    shown = capsys.readouterr().err
    assert "is missing" in shown or "is not set" in shown
    assert "DATABASE" not in shown
