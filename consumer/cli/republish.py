"""`engagement republish`: sends the current score of every contact of an account again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.cli import SUCCESS, complain, say
from consumer.cli.arguments import Commands, command
from consumer.infra import settings

if TYPE_CHECKING:
    from argparse import Namespace

    from consumer.infra.settings import Settings
    from consumer.scoring.republish import RepublishProgress


def register(commands: Commands) -> None:
    """Add the command."""
    added = command(
        commands,
        "republish",
        "send every contact's current score again, to fill a new reader",
        "Sends one message for each contact and published profile of an account, with the score as it is: "
        "previous = current, cause `republish`, under the next version. May run beside workers; needs a relay "
        "that publishes. Run again after an interruption it begins again; repeats do no harm.",
    )
    added.add_argument("--account", metavar="ID", required=True, help="whose contacts")
    added.add_argument("--profile", metavar="KEY", help="one profile only")
    added.set_defaults(handler=_handle)


def _handle(arguments: Namespace) -> int:
    made = settings.load(unneeded=frozenset({"kafka_bootstrap"}))
    done = asyncio.run(_republish(made, arguments.account, arguments.profile))
    say(f"{done.messages} messages for {done.contacts} contacts are on their way")
    return SUCCESS


async def _republish(made: Settings, account: str, profile: str | None) -> RepublishProgress:
    from consumer.infra import postgres  # noqa: PLC0415 - see the package's docstring
    from consumer.infra.telemetry.progress_bar import show_progress  # noqa: PLC0415 - the same
    from consumer.scoring.republish import Republish  # noqa: PLC0415 - the same

    republish = Republish(lambda: postgres.connect(made.dsn(), application_name="engagement-republish"))
    reached: list[RepublishProgress] = []

    try:
        with show_progress("contacts republished") as tell:

            def progress(so_far: RepublishProgress) -> None:
                reached[:] = [so_far]
                tell(so_far.contacts)

            return await republish.run(account, profile, progress=progress)
    except BaseException:
        if reached:
            complain(
                f"engagement republish: {reached[0].contacts} of {reached[0].of} contacts were sent; run it again"
            )
        raise
    finally:
        republish.close()
