"""Enqueues score-changed messages for changes made outside a batch: publish, adjustment, rejudgement, republish.

Never changes a score, and never begins or ends a transaction.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.infra.postgres.column_params import numbers
from consumer.infra.postgres.retry import retry_transient
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.postgres.connection_keeper import ConnectionKeeper

_SQL = queries("announce")
# With more unpublished messages nothing is enqueued here, so that new scores do not queue for long.
_MAX_UNPUBLISHED = 20_000
# If their number has not fallen for so long, no relay is running.
_STALL_SECONDS = 60.0
_POLL_SECONDS = 0.2


class RelayNotRunningError(Exception):
    """The outbox is full and its messages do not get fewer: no relay is running."""


async def lock_contacts(connection: Connection, contacts: Sequence[int]) -> None:
    """Lock contacts in the order of their numbers.

    Scores and dedup keys have to be read by a later statement: this one sees them as of before it waited.
    """
    await connection.fetch(_SQL["lock_contacts"], contacts)


@dataclass(frozen=True, slots=True)
class ScoreDeltas:
    """What this transaction has added to sums under published versions, as column parameters.

    One element a contact, profile and group; group 0 is overall and has its own.
    """

    contacts: str = "{}"
    profiles: str = "{}"
    groups: str = "{}"
    points: str = "{}"

    @classmethod
    def of(cls, rows: Sequence[tuple[int, int, int, int]]) -> ScoreDeltas:
        """Return them from rows of contact, profile, group and points."""
        return cls(*(numbers([row[column] for row in rows]) for column in range(4)))


_NO_DELTAS = ScoreDeltas()


async def enqueue_score_messages(
    connection: Connection,
    contacts: Sequence[int],
    profiles: Sequence[int],
    *,
    cause: str | None = None,
    deltas: ScoreDeltas = _NO_DELTAS,
    resend: bool = False,
) -> int:
    """Enqueue a message for each contact and profile that shows another score or band than was announced last.

    With each comes one for each crossing. Returns the number of all. cause: of the deltas. resend: for all
    contacts, with `cause` whether their scores differ or not. `publish` is added to the causes if the contact's
    flip is not announced yet. The caller holds the contact locks; the outbox heads stay locked until commit.
    """
    messages: int = await connection.fetchval(
        _SQL["enqueue_score_messages"],
        *(contacts, profiles, cause, resend),
        *(deltas.contacts, deltas.profiles, deltas.groups, deltas.points),
    )
    return messages


async def has_room(connection: Connection) -> bool:
    """Return whether there is room in the outbox."""
    return await _unpublished(connection) <= _MAX_UNPUBLISHED


async def wait_for_relay(keeper: ConnectionKeeper, clock: Clock) -> None:
    """Return once there is room in the outbox; raises RelayNotRunningError as `OutboxWatch` does."""
    watch = OutboxWatch(clock)
    while True:
        if await retry_transient(keeper, watch.has_room):
            return
        await asyncio.sleep(_POLL_SECONDS)


class OutboxWatch:
    """Asks again and again whether there is room in the outbox, and notices that no relay is running."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._fewest: int | None = None
        self._since = 0.0

    async def has_room(self, connection: Connection) -> bool:
        """Return whether there is room.

        Raises RelayNotRunningError if the number of messages has not fallen for 60 seconds, and then begins anew.
        """
        unpublished = await _unpublished(connection)
        now = self._clock.monotonic()
        if unpublished <= _MAX_UNPUBLISHED:
            self._fewest = None
            return True
        if self._fewest is None or unpublished < self._fewest:
            self._fewest, self._since = unpublished, now
        elif now - self._since > _STALL_SECONDS:
            self._fewest = None
            raise RelayNotRunningError(
                f"{unpublished} messages wait in the outbox and do not get fewer: is a relay running?"
            )
        return False


async def _unpublished(connection: Connection) -> int:
    messages: int = await connection.fetchval(_SQL["unpublished_messages"])
    return messages
