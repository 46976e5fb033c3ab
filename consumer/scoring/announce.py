"""Telling of scores outside a batch: the messages of whoever changed, or reads, scores of some contacts.

Owns the statements of sql/queries/announce.sql, and waiting for the relay before there is more to publish. Never
changes a score, nor begins or ends a transaction.
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
# With more messages than that unpublished it waits, so that new scores do not queue behind old ones for long …
_MAX_UNPUBLISHED = 20_000
# … but not for ever, in seconds without any progress: then nobody publishes.
_STALL_SECONDS = 60.0
_POLL_SECONDS = 0.2


class RelayNotRunningError(Exception):
    """The outbox is full and does not get emptier: no relay is running."""


async def lock_contacts(connection: Connection, contacts: Sequence[int]) -> None:
    """Lock contacts in the order of their numbers; what hangs on them is read by later statements only."""
    await connection.fetch(_SQL["lock_contacts"], contacts)


@dataclass(frozen=True, slots=True)
class ScoreDeltas:
    """Points that this transaction has added under published versions, as column parameters.

    groups: 0 is overall, which is among them.
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
    """Tell of contacts, whose locks are held, in profiles, and return how many messages that made.

    Told are those whose scores are not what was said last, of the cause that the deltas had and of a publish, if
    nobody has told of it yet; or everybody, of the cause. The outbox heads are held from here on.
    """
    messages: int = await connection.fetchval(
        _SQL["enqueue_score_messages"],
        *(contacts, profiles, cause, resend),
        *(deltas.contacts, deltas.profiles, deltas.groups, deltas.points),
    )
    return messages


async def wait_for_relay(keeper: ConnectionKeeper, clock: Clock) -> None:
    """Return when there is room in the outbox; raises RelayNotRunningError where there comes none."""
    least: int | None = None
    since = clock.monotonic()
    while True:
        waiting: int = await retry_transient(keeper, lambda connection: connection.fetchval(_SQL["backlog"]))
        if waiting <= _MAX_UNPUBLISHED:
            return
        if least is None or waiting < least:
            least, since = waiting, clock.monotonic()
        elif clock.monotonic() - since > _STALL_SECONDS:
            raise RelayNotRunningError(
                f"{waiting} messages wait in the outbox and do not get fewer: is a relay running?"
            )
        await asyncio.sleep(_POLL_SECONDS)
