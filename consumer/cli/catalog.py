"""`engagement catalog`: an account's catalog as one YAML document."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from consumer.catalog import (
    CatalogLimits,
    DocumentFaultsError,
    apply_document,
    diff_document,
    export_document,
    parse_against_stored,
)
from consumer.cli import FAILURE, SUCCESS, CommandFailedError, print_error, print_line
from consumer.cli.arguments import add_subcommand, add_subcommands
from consumer.cli.carry_out_publish import follow
from consumer.infra import postgres
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.settings import load_settings
from consumer.scoring.profile_publish import unfinished_publishes

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Awaitable, Callable

    from consumer.catalog import CatalogDocument, Difference
    from consumer.infra.postgres.connection import Connection

Result = TypeVar("Result")


def configure(parser: ArgumentParser) -> None:
    """Add the sub-commands."""
    subcommands = add_subcommands(parser)
    apply_parser = add_subcommand(
        subcommands,
        "apply",
        "change an account to match a document",
        "Changes an account's catalog to match a document, all or nothing; creates the account if it is "
        "missing. Workers use the change within two seconds. Changed profiles are published: every contact "
        "is scored under the new version before the command ends, by workers if it is interrupted. "
        "Faults are reported together, each with its line.",
    )
    _add_document(apply_parser)
    apply_parser.set_defaults(handler=_handle_apply)
    diff_parser = add_subcommand(
        subcommands,
        "diff",
        "print what applying a document would change",
        "Prints one line for each difference between a document and what is stored, and ends with 1 if "
        "there is any. Changes that wait for a publish are marked pending.",
    )
    _add_document(diff_parser)
    diff_parser.set_defaults(handler=_handle_diff)
    export_parser = add_subcommand(subcommands, "export", "print an account's catalog as a document")
    export_parser.add_argument("--account", metavar="ID", help="the account (default: the only one)")
    export_parser.set_defaults(handler=_handle_export)


def _add_document(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the document; - for standard input")
    parser.add_argument("--account", metavar="ID", help="the account, if the document does not name one")
    parser.add_argument("--json", action="store_true", help="print one JSON object per difference")


def _handle_apply(arguments: Namespace) -> int:
    text = _read(arguments.file)

    async def work(connection: Connection) -> list[Difference]:
        limits = _limits()
        document = await parse_against_stored(connection, text, arguments.account, limits=limits)
        differences = await apply_document(connection, document, limits=limits)
        _print(differences, as_json=arguments.json)
        await _publish(connection, document, limits, as_json=arguments.json)
        return differences

    differences = _run_or_print_faults(arguments, work)
    if differences is None:
        return FAILURE
    if not differences and not arguments.json:
        print_line("nothing to change")
    return SUCCESS


async def _publish(
    connection: Connection, document: CatalogDocument, limits: CatalogLimits, *, as_json: bool
) -> None:
    """Publish the document's profiles to the end, including changes that had to wait for an earlier publish."""
    wanted = [entry.key for entry in document.profiles if entry.values.get("published") is not False]
    keeper = ConnectionKeeper(_connect)
    try:
        while publishes := await unfinished_publishes(connection, document.account, wanted):
            for publish in publishes:
                result = await follow(keeper, publish)
                if not as_json:
                    print_line(result)
            differences = await apply_document(connection, document, limits=limits)
            _print([each for each in differences if not each.pending], as_json=as_json)
    finally:
        keeper.drop()


def _handle_diff(arguments: Namespace) -> int:
    text = _read(arguments.file)

    async def work(connection: Connection) -> list[Difference]:
        limits = _limits()
        document = await parse_against_stored(connection, text, arguments.account, limits=limits)
        return await diff_document(connection, document, limits=limits)

    differences = _run_or_print_faults(arguments, work)
    if differences is None:
        return FAILURE
    _print(differences, as_json=arguments.json)
    return FAILURE if differences else SUCCESS


def _handle_export(arguments: Namespace) -> int:
    async def work(connection: Connection) -> str:
        return await export_document(connection, arguments.account)

    try:
        document = asyncio.run(_with_connection(work))
    except LookupError as error:
        raise CommandFailedError(str(error)) from None
    print_line(document.removesuffix("\n"))
    return SUCCESS


def _run_or_print_faults(
    arguments: Namespace, work: Callable[[Connection], Awaitable[list[Difference]]]
) -> list[Difference] | None:
    """Return the differences; None if the document has faults, which are then printed."""
    try:
        return asyncio.run(_with_connection(work))
    except DocumentFaultsError as error:
        for fault in error.faults:
            print_error(f"{arguments.file}:{fault.line}: {fault.message}")
        number = len(error.faults)
        what = f"{number} fault{'s' if number > 1 else ''} in {arguments.file}"
        print_error(f"engagement catalog {arguments.subcommand}: {what}")
        return None


async def _with_connection(work: Callable[[Connection], Awaitable[Result]]) -> Result:
    connection = await _connect()
    try:
        return await work(connection)
    finally:
        await connection.close()


async def _connect() -> Connection:
    return await postgres.connect(load_settings(kafka=False).dsn())


def _limits() -> CatalogLimits:
    return CatalogLimits.of(load_settings(kafka=False))


def _print(differences: list[Difference], *, as_json: bool) -> None:
    for difference in differences:
        print_line(json.dumps(difference.as_json(), ensure_ascii=False) if as_json else str(difference))


def _read(file: str) -> bytes:
    return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
