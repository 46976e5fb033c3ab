"""Carries out a publish that a command has requested, and shows its progress."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from consumer.cli import CommandFailedError, print_error
from consumer.infra.telemetry.progress_bar import show_progress
from consumer.scoring.announce import RelayNotRunningError
from consumer.scoring.profile_publish import run_publish

if TYPE_CHECKING:
    from consumer.infra.postgres.connection_keeper import ConnectionKeeper
    from consumer.scoring.profile_publish import PublishStatus

# What the counted contacts are, by state.
_COUNTED = {
    "building": "contacts scored",
    "announcing": "contacts announced",
    "cancelling": "contacts rolled back",
}


async def follow(keeper: ConnectionKeeper, publish: int) -> str:
    """Carry a publish out to its end and return a line that says how it ended.

    Raises CommandFailedError if the new version is live but its score messages cannot be enqueued.
    """
    status: PublishStatus | None = None
    try:
        with ExitStack() as progress:
            state = None
            async for status in run_publish(keeper, publish):
                if status.total is not None and status.state in _COUNTED and status.state != state:
                    state = status.state
                    progress.close()
                    report = progress.enter_context(
                        show_progress(f"{status.profile}: {_COUNTED[state]}", status.total)
                    )
                if status.state == state:
                    report(status.done)
    except RelayNotRunningError as error:
        raise CommandFailedError(
            f"{_describe(status)}; its score messages are not sent yet: {error}"
        ) from None
    except BaseException:
        print_error(f"{_describe(status)}; workers will finish it, or run this command again")
        raise
    return _describe(status)


def _describe(status: PublishStatus | None) -> str:
    if status is None:
        return "a publish has begun"
    profile = f"profile {status.profile}: version {status.version} is "
    if status.flipped_at is not None:
        return profile + "published"
    return profile + ("being built" if status.state == "building" else "cancelled")
