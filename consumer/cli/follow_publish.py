"""What people see of a publish that a command waits for; shared by the commands that begin one."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from consumer.cli import CommandFailedError, complain
from consumer.infra.telemetry.progress_bar import show_progress
from consumer.scoring.announce import RelayNotRunningError
from consumer.scoring.profile_publish import run_publish

if TYPE_CHECKING:
    from consumer.infra.postgres.connection_keeper import ConnectionKeeper
    from consumer.scoring.profile_publish import PublishStatus

_STEPS = {
    "building": "contacts scored anew",
    "announcing": "contacts told",
    "cancelling": "contacts left as they were",
}


async def follow(keeper: ConnectionKeeper, publish: int) -> str:
    """Work at a publish to its end, show how far it is, and return how it ended as a line.

    Raises CommandFailedError where readers see it and whom it changed cannot be told.
    """
    stands: PublishStatus | None = None
    try:
        with ExitStack() as shows:
            state = None
            async for stands in run_publish(keeper, publish):
                if stands.total is not None and stands.state in _STEPS and stands.state != state:
                    state = stands.state
                    shows.close()
                    tell = shows.enter_context(
                        show_progress(f"{stands.profile}: {_STEPS[state]}", stands.total)
                    )
                if stands.state == state:
                    tell(stands.done)
    except RelayNotRunningError as error:
        raise CommandFailedError(f"{_standing(stands)}; whom it changed is yet to be told: {error}") from None
    except BaseException:
        complain(f"{_standing(stands)}; workers go on with it, or this command when it is run again")
        raise
    return _standing(stands)


def _standing(stands: PublishStatus | None) -> str:
    if stands is None:
        return "a publish was begun"
    what = f"profile {stands.profile}: version {stands.version} is "
    if stands.flipped_at is not None:
        return what + "published"
    return what + ("being built" if stands.state == "building" else "cancelled")
