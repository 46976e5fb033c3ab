"""`engagement republish`: sends the current score of every contact of an account again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.cli import SUCCESS, print_error, print_line
from consumer.infra import postgres
from consumer.infra.settings import load_settings
from consumer.infra.telemetry.progress_bar import show_progress
from consumer.scoring.republish import Republish

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from consumer.infra.settings import Settings
    from consumer.scoring.republish import RepublishProgress


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments and handler."""
    parser.description = (
        "Sends one message for each contact and published profile of an account, with the score as it is: "
        "previous = current, cause `republish`, under the next version. May run while workers do; needs a "
        "running relay. After an interruption run it again: it starts over, and repeated messages do no "
        "harm."
    )
    parser.add_argument("--account", metavar="ID", required=True, help="the account whose contacts to send")
    parser.add_argument("--profile", metavar="KEY", help="one profile only")
    parser.set_defaults(handler=_handle)


def _handle(arguments: Namespace) -> int:
    settings = load_settings(kafka=False)
    done = asyncio.run(_republish(settings, arguments.account, arguments.profile))
    print_line(f"{done.messages} messages for {done.contacts} contacts enqueued")
    return SUCCESS


async def _republish(settings: Settings, account: str, profile: str | None) -> RepublishProgress:
    republish = Republish(lambda: postgres.connect(settings.dsn(), application_name="engagement-republish"))
    last: RepublishProgress | None = None

    try:
        with show_progress("contacts republished") as report:

            def progress(so_far: RepublishProgress) -> None:
                nonlocal last
                last = so_far
                report(so_far.contacts)

            return await republish.run(account, profile, progress=progress)
    except BaseException:
        if last is not None:
            print_error(
                f"engagement republish: {last.contacts} of {last.total} contacts were sent; run it again"
            )
        raise
    finally:
        republish.close()
