"""`engagement dead-letters`: the records that could not be events."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from consumer.cli import SUCCESS, CommandFailedError, dead_letters_replay, say
from consumer.cli.arguments import Commands, command, positive
from consumer.cli.dead_letters_replay import add_filters
from consumer.infra import settings

if TYPE_CHECKING:
    from argparse import Namespace

    from consumer.ingest.dead_letters.browse import DeadLetterSummary, StoredDeadLetter


def register(commands: Commands) -> None:
    """Add the command and its own commands."""
    group = command(
        commands,
        "dead-letters",
        "look at the records that could not be events, feed them again, discard them",
    )
    own = group.add_subparsers(title="commands", dest="subcommand", metavar="COMMAND", required=True)
    lister = command(own, "list", "list them, newest first")
    add_filters(lister)
    lister.add_argument(
        "--limit", type=positive, default=50, metavar="N", help="at most so many (default: %(default)s)"
    )
    lister.add_argument("--json", action="store_true", help="one JSON object a line")
    lister.set_defaults(handler=_handle_list)
    shower = command(own, "show", "show one whole, with its bytes and headers")
    shower.add_argument("id", type=positive, metavar="ID", help="its number in the list")
    shower.add_argument("--json", action="store_true", help="as one JSON object")
    shower.set_defaults(handler=_handle_show)
    dead_letters_replay.register(own)


def _handle_list(arguments: Namespace) -> int:
    from consumer.ingest.dead_letters.browse import printable  # noqa: PLC0415 - see the package's docstring

    found = asyncio.run(_list(arguments))
    for one in found:
        if arguments.json:
            say(json.dumps(_fields(one)))
        else:
            at = one.recorded_at.strftime("%Y-%m-%d %H:%M:%S")
            place = f"{one.topic}/{one.partition}@{one.offset}"
            say(f"{one.id}  {at}  {one.reason}  {place}  {one.account or '-'}  {printable(one.detail)}")
    if not found and not arguments.json:
        say("no dead letters")
    return SUCCESS


def _handle_show(arguments: Namespace) -> int:
    from consumer.ingest.dead_letters.browse import printable, readable  # noqa: PLC0415 - see the package's docstring

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
        say(json.dumps(fields))
        return SUCCESS
    for name in (
        "id",
        "recorded_at",
        "topic",
        "partition",
        "offset",
        "timestamp",
        "reason",
        "detail",
        "account",
    ):
        say(f"{name}: {'-' if fields[name] is None else printable(str(fields[name]))}")
    say(f"key: {_shown(fields['key'])}")
    for name, value in fields["headers"]:
        say(f"header {printable(name)}: {_shown(value)}")
    say("value:")
    say(_shown(fields["value"]))
    return SUCCESS


async def _list(arguments: Namespace) -> list[DeadLetterSummary]:
    from consumer.infra import postgres  # noqa: PLC0415 - see the package's docstring
    from consumer.ingest.dead_letters import browse  # noqa: PLC0415 - see the package's docstring

    connection = await postgres.connect(settings.load(unneeded=frozenset({"kafka_bootstrap"})).dsn())
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
    from consumer.infra import postgres  # noqa: PLC0415 - see the package's docstring
    from consumer.ingest.dead_letters import browse  # noqa: PLC0415 - see the package's docstring

    connection = await postgres.connect(settings.load(unneeded=frozenset({"kafka_bootstrap"})).dsn())
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
