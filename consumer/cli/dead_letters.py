"""`engagement dead-letters`: lists and shows the records that are not valid events."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from consumer.cli import SUCCESS, CommandFailedError, dead_letters_resolve, print_line
from consumer.cli.arguments import add_subcommand, add_subcommands, positive
from consumer.cli.dead_letters_resolve import add_filters
from consumer.infra import postgres
from consumer.infra.settings import load_settings
from consumer.ingest.dead_letters import browse
from consumer.ingest.dead_letters.browse import printable, readable

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from consumer.ingest.dead_letters.browse import DeadLetterSummary, StoredDeadLetter

_SHOWN_FIELDS = (
    "id",
    "recorded_at",
    "topic",
    "partition",
    "offset",
    "timestamp",
    "reason",
    "detail",
    "account",
)


def configure(parser: ArgumentParser) -> None:
    """Add the sub-commands."""
    subcommands = add_subcommands(parser)
    list_parser = add_subcommand(subcommands, "list", "list dead letters, newest first")
    add_filters(list_parser)
    list_parser.add_argument(
        "--limit", type=positive, default=50, metavar="N", help="list at most N (default: %(default)s)"
    )
    list_parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    list_parser.set_defaults(handler=_handle_list)
    show_parser = add_subcommand(
        subcommands, "show", "show one dead letter in full, with key, headers and value"
    )
    show_parser.add_argument("id", type=positive, metavar="ID", help="its number in the list")
    show_parser.add_argument("--json", action="store_true", help="print one JSON object")
    show_parser.set_defaults(handler=_handle_show)
    dead_letters_resolve.add_to(subcommands)


def _handle_list(arguments: Namespace) -> int:
    found = asyncio.run(_list(arguments))
    for one in found:
        if arguments.json:
            print_line(json.dumps(_fields(one)))
        else:
            at = one.recorded_at.strftime("%Y-%m-%d %H:%M:%S")
            place = f"{one.topic}/{one.partition}@{one.offset}"
            print_line(
                f"{one.id}  {at}  {one.reason}  {place}  {one.account or '-'}  {printable(one.detail)}"
            )
    if not found and not arguments.json:
        print_line("no dead letters")
    return SUCCESS


def _handle_show(arguments: Namespace) -> int:
    whole = asyncio.run(_get(arguments.id))
    if whole is None:
        raise CommandFailedError(f"there is no dead letter {arguments.id}")
    fields = _fields(whole.summary) | {
        "timestamp": whole.timestamp,
        "key": readable(whole.key),
        "headers": [[name, readable(value)] for name, value in whole.headers],
        "value": readable(whole.value),
    }
    if arguments.json:
        print_line(json.dumps(fields))
        return SUCCESS
    for name in _SHOWN_FIELDS:
        print_line(f"{name}: {'-' if fields[name] is None else printable(str(fields[name]))}")
    print_line(f"key: {_shown(fields['key'])}")
    for name, value in fields["headers"]:
        print_line(f"header {printable(name)}: {_shown(value)}")
    print_line("value:")
    print_line(_shown(fields["value"]))
    return SUCCESS


async def _list(arguments: Namespace) -> list[DeadLetterSummary]:
    connection = await postgres.connect(load_settings(kafka=False).dsn())
    try:
        return await browse.list_newest(
            connection,
            account=arguments.account,
            reason=arguments.reason,
            topic=arguments.topic,
            limit=arguments.limit,
        )
    finally:
        await connection.close()


async def _get(number: int) -> StoredDeadLetter | None:
    connection = await postgres.connect(load_settings(kafka=False).dsn())
    try:
        return await browse.get(connection, number)
    finally:
        await connection.close()


def _fields(one: DeadLetterSummary) -> dict[str, Any]:
    return {
        "id": one.id,
        "recorded_at": one.recorded_at.isoformat().replace("+00:00", "Z"),
        "topic": one.topic,
        "partition": one.partition,
        "offset": one.offset,
        "reason": one.reason,
        "detail": one.detail,
        "account": one.account,
    }


def _shown(content: dict[str, str] | None) -> str:
    if content is None:
        return "none"
    return content["text"] if "text" in content else f"hex {content['hex']}"
