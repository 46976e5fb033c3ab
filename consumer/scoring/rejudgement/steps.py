"""Runs a rejudgement, step by step; each step is one transaction over some contacts, whose locks it holds.

Lock order within a step, as in a batch: revision, rejudgement, contacts, outbox heads. Progress is committed with
each step, so that any process can continue after a crash. The judging is in sql/queries/rejudgement.sql.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.infra.clock import SystemClock
from consumer.infra.postgres.connection import fetch_one
from consumer.infra.postgres.retry import retry_transient
from consumer.infra.postgres.revision import begin_shared
from consumer.scoring import announce, contact_keyset
from consumer.scoring.rejudgement.requests import RejudgementStatus, status
from sql import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.postgres.connection_keeper import ConnectionKeeper

_SQL = queries("rejudgement")
_WRITE = f"{_SQL['judged']}{_SQL['write']}"
# Contacts in one step, for whom batches wait meanwhile; and for each of them so many numbers are looked at, since
# other accounts' contacts lie between.
_CONTACTS = 200
_NUMBERS = 20 * _CONTACTS
_LOOK_AGAIN = 0.2


async def run_rejudgement(
    keeper: ConnectionKeeper, number: int, *, clock: Clock | None = None
) -> AsyncIterator[RejudgementStatus]:
    """Bring it to its end, giving how far it is after each step.

    Waits while contacts of the account are told of a publish. Raises UnknownRejudgementError, RelayNotRunningError
    where whom it changes cannot be told, and what does not pass within half a minute; it can be gone on with then.
    """
    clock = clock or SystemClock()
    while True:
        stands = await retry_transient(keeper, lambda connection: status(connection, number))
        yield stands
        if stands.ended_at is not None:
            return
        await announce.wait_for_relay(keeper, clock)
        if not await retry_transient(keeper, lambda connection: process_next_contacts(connection, number)):
            await asyncio.sleep(_LOOK_AGAIN)


async def process_next_contacts(connection: Connection, number: int) -> bool:
    """Go through some contacts in one transaction, or end it; False where it has to wait."""
    await begin_shared(connection, _SQL["pin_plans"])
    row = await fetch_one(connection, _SQL["take"], number)
    waits = False
    if row["state"] == "running":
        if row["superseded"]:
            await connection.execute(_SQL["end"], number, "superseded")
        elif row["last_contact_id"] >= row["until_contact_id"]:
            await connection.execute(_SQL["end"], number, "done")
        elif await connection.fetchval(_SQL["is_announcing"], row["account_id"]):
            waits = True
        else:
            await _rejudge_contacts(connection, number, row)
    await connection.execute("commit")
    return not waits


async def _rejudge_contacts(connection: Connection, number: int, row: asyncpg.Record) -> None:
    if row["uncounted"]:
        await connection.execute(_SQL["count_contacts"], number, row["account_id"])
    contacts, reached = await contact_keyset.next_contacts(connection, row, limit=_CONTACTS, max_ids=_NUMBERS)
    changed = 0
    if contacts:
        await announce.lock_contacts(connection, contacts)
        if row["with_xp"]:
            await connection.fetch(_SQL["lock_heads"])
        written = await fetch_one(connection, _WRITE, contacts, row["definition_id"], row["with_xp"])
        changed = written["changed"]
        if changed:
            profiles = await connection.fetch(_SQL["published"], row["account_id"])
            deltas = announce.ScoreDeltas(
                *(written[name] for name in ("contacts", "profiles", "groups", "points"))
            )
            await announce.enqueue_score_messages(
                connection, contacts, [each["id"] for each in profiles], cause="rejudge", deltas=deltas
            )
    await connection.execute(_SQL["move_on"], number, reached, len(contacts), changed)
