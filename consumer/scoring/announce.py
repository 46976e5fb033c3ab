"""Enqueues score-changed messages for changes made outside a batch: publish, adjustment, rejudgement, republish.

Never changes a score, and never begins or ends a transaction.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    """Points that this transaction has added under published versions, as column parameters.

    One element a contact, profile and group; group 0 is overall and has its own.
    """

    contacts: str = "{}"
    profiles: str = "{}"
    groups: str = "{}"
    points: str = "{}"


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
    """Enqueue a message for each contact and profile whose score differs from the last one announced.

    Returns the number of messages. cause: of the deltas. resend: for all contacts, with `cause` whether their
    scores differ or not. `publish` is added to the causes if the contact's flip is not announced yet. The caller
    holds the contact locks; the outbox heads stay locked until commit.
    """
    messages: int = await connection.fetchval(
        _SQL["enqueue_score_messages"],
        *(contacts, profiles, cause, resend),
        *(deltas.contacts, deltas.profiles, deltas.groups, deltas.points),
    )
    return messages


async def wait_for_relay(keeper: ConnectionKeeper, clock: Clock) -> None:
    """Return once there is room in the outbox.

    Raises RelayNotRunningError if the number of messages in it has not fallen for 60 seconds.
    """
    fewest: int | None = None
    since = clock.monotonic()
    while True:
        unpublished: int = await retry_transient(
            keeper, lambda connection: connection.fetchval(_SQL["unpublished_messages"])
        )
        if unpublished <= _MAX_UNPUBLISHED:
            return
        if fewest is None or unpublished < fewest:
            fewest, since = unpublished, clock.monotonic()
        elif clock.monotonic() - since > _STALL_SECONDS:
            raise RelayNotRunningError(
                f"{unpublished} messages wait in the outbox and do not get fewer: is a relay running?"
            )
        await asyncio.sleep(_POLL_SECONDS)
