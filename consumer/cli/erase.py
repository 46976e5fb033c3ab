"""`engagement erase`: deletes what is kept of one contact, and reports what went."""

from __future__ import annotations

import asyncio
import getpass
from typing import TYPE_CHECKING

from consumer.cli import SUCCESS, CommandFailedError, print_line
from consumer.cli.confirmation import add_yes, confirm
from consumer.infra import postgres
from consumer.infra.settings import load_settings
from consumer.scoring import identity
from consumer.scoring.identity import requests

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from consumer.scoring.identity.requests import DeletionStatus


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments and handler."""
    parser.description = (
        "Deletes what is dated before now of one contact: events with their payloads, fields, adjustments, dead "
        "letters, samples, and its id in the audit trail. Prints what went, and what this service cannot reach. "
        "Workers may run. After an interruption run it again."
    )
    parser.add_argument("--account", metavar="ID", required=True, help="the account of the contact")
    parser.add_argument("--contact", metavar="ID", required=True, help="the contact, by its id upstream")
    add_yes(parser)
    parser.set_defaults(handler=_handle)


def _handle(arguments: Namespace) -> int:
    dsn = load_settings(kafka=False).dsn()
    for line in report_lines(
        asyncio.run(_erase(dsn, arguments.account, arguments.contact, yes=arguments.yes))
    ):
        print_line(line)
    return SUCCESS


async def _erase(dsn: str, account: str, contact: str, *, yes: bool) -> DeletionStatus:
    connection = await postgres.connect(dsn, application_name="engagement-erase")
    try:
        if not await identity.may_carry_out(connection):
            raise CommandFailedError(
                "older programs may still run: end them, run `engagement migrate`, then this again"
            )
        confirm(f"Delete contact {contact} of account {account}?", yes=yes)
        account_id, number, deletion = await requests.delete_by_number(
            connection, account, contact, by=f"engagement erase ({getpass.getuser()})"
        )
        await identity.carry_out(connection, number)
        return await requests.deletion_status(connection, account_id, deletion)
    except requests.UnknownContactError as error:
        raise CommandFailedError(str(error)) from None
    finally:
        await connection.close()


def report_lines(status: DeletionStatus) -> list[str]:
    """Return the report of a deletion, for the person who has to answer the request."""
    taken = [f"  {rows} {kind.replace('_', ' ')}" for kind, rows in (status.taken or {}).items() if rows]
    return [
        f"deleted what is dated before {status.occurred_at.isoformat()}",
        f"in the audit trail it is erased:{status.contact}",
        *(taken or ["  nothing was kept"]),
        "not reached by this service:",
        *(f"  {place}" for place in requests.NOT_REACHED),
    ]
