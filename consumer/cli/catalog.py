"""`engagement catalog`: an account's catalog as one YAML document."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from consumer.cli import FAILURE, SUCCESS, CommandFailedError, complain, say
from consumer.cli.arguments import Commands, command
from consumer.infra import settings

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Awaitable, Callable

    from consumer.catalog import CatalogDocument, Difference
    from consumer.infra.postgres.connection import Connection

Result = TypeVar("Result")


def register(commands: Commands) -> None:
    """Add the command and its own commands."""
    group = command(commands, "catalog", "apply, compare or export an account's catalog")
    own = group.add_subparsers(title="commands", dest="subcommand", metavar="COMMAND", required=True)
    applier = command(
        own,
        "apply",
        "make an account what a document says",
        "Makes an account what a document says, creating it where it is missing, all or nothing. Workers take "
        "the change within two seconds. What it publishes is published over history before it ends, or by workers "
        "if it is interrupted. Faults are reported together, each with its line.",
    )
    _add_document(applier)
    applier.set_defaults(handler=_handle_apply)
    differ = command(
        own,
        "diff",
        "say what applying a document would change",
        "Prints one line for each difference between a document and what is stored, and ends with 1 if there "
        "are any. What waits for a publish is marked pending.",
    )
    _add_document(differ)
    differ.set_defaults(handler=_handle_diff)
    exporter = command(own, "export", "print an account's document")
    exporter.add_argument("--account", metavar="ID", help="which account (default: the only one there is)")
    exporter.set_defaults(handler=_handle_export)


def _add_document(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the document; - reads standard input")
    parser.add_argument("--account", metavar="ID", help="the account, where the document names none")
    parser.add_argument("--json", action="store_true", help="one JSON object for each difference")


def _handle_apply(arguments: Namespace) -> int:
    from consumer.catalog import apply_document, parse_against_stored  # noqa: PLC0415 - see the package's docstring

    text = _text(arguments.file)

    async def work(connection: Connection) -> list[Difference]:
        document = await parse_against_stored(connection, text, arguments.account)
        found = await apply_document(connection, document)
        _print(found, as_json=arguments.json)
        await _publish(connection, document, as_json=arguments.json)
        return found

    found = _on_database(arguments, work)
    if found is None:
        return FAILURE
    if not found and not arguments.json:
        say("nothing to change")
    return SUCCESS


async def _publish(connection: Connection, document: CatalogDocument, *, as_json: bool) -> None:
    """Bring what the document publishes to its end; what had to wait for another publish comes after it."""
    from consumer.catalog import apply_document  # noqa: PLC0415 - see the package's docstring
    from consumer.cli.follow_publish import follow  # noqa: PLC0415 - the same
    from consumer.infra.postgres.connection_keeper import ConnectionKeeper  # noqa: PLC0415 - the same
    from consumer.scoring.profile_publish import unfinished_publishes  # noqa: PLC0415 - the same

    wanted = [entry.key for entry in document.profiles if entry.values.get("published") is not False]
    keeper = ConnectionKeeper(_connect)
    try:
        while publishes := await unfinished_publishes(connection, document.account, wanted):
            for publish in publishes:
                ended = await follow(keeper, publish)
                if not as_json:
                    say(ended)
            again = await apply_document(connection, document)
            _print([each for each in again if not each.pending], as_json=as_json)
    finally:
        keeper.drop()


def _handle_diff(arguments: Namespace) -> int:
    from consumer.catalog import diff_document, parse_against_stored  # noqa: PLC0415 - see the package's docstring

    text = _text(arguments.file)

    async def work(connection: Connection) -> list[Difference]:
        return await diff_document(
            connection, await parse_against_stored(connection, text, arguments.account)
        )

    found = _on_database(arguments, work)
    if found is None:
        return FAILURE
    _print(found, as_json=arguments.json)
    return FAILURE if found else SUCCESS


def _handle_export(arguments: Namespace) -> int:
    from consumer.catalog import export_document  # noqa: PLC0415 - see the package's docstring

    async def work(connection: Connection) -> str:
        return await export_document(connection, arguments.account)

    try:
        document = asyncio.run(_connected(work))
    except LookupError as error:
        raise CommandFailedError(str(error)) from None
    say(document.removesuffix("\n"))
    return SUCCESS


def _on_database(
    arguments: Namespace, work: Callable[[Connection], Awaitable[list[Difference]]]
) -> list[Difference] | None:
    """Return what was found, None after having said what is wrong with the document."""
    from consumer.catalog import DocumentFaultsError  # noqa: PLC0415 - see the package's docstring

    try:
        return asyncio.run(_connected(work))
    except DocumentFaultsError as error:
        for fault in error.faults:
            complain(f"{arguments.file}:{fault.line}: {fault.message}")
        number = len(error.faults)
        verb = f"catalog {arguments.subcommand}"
        complain(f"engagement {verb}: {number} fault{'s' if number > 1 else ''} in {arguments.file}")
        return None


async def _connected(work: Callable[[Connection], Awaitable[Result]]) -> Result:
    connection = await _connect()
    try:
        return await work(connection)
    finally:
        await connection.close()


async def _connect() -> Connection:
    from consumer.infra import postgres  # noqa: PLC0415 - see the package's docstring

    return await postgres.connect(settings.load(unneeded=frozenset({"kafka_bootstrap"})).dsn())


def _print(found: list[Difference], *, as_json: bool) -> None:
    for difference in found:
        say(json.dumps(difference.as_json(), ensure_ascii=False) if as_json else str(difference))


def _text(file: str) -> bytes:
    return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
