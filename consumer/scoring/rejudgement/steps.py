"""The work of judging history again, step after step, each a transaction over some contacts under their locks.

Owns the order within a step (revision, contacts, outbox heads, as in a batch) and from step to step. What is done
is kept with the step itself, so whoever calls `work` next, in whatever process, goes on where a crash left it.
Never judges anything: sql/queries/history.sql does.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.infra.clock import SystemClock
from consumer.infra.postgres.connection import fetch_one
from consumer.infra.postgres.retry import retry_transient
from consumer.infra.postgres.revision import REVISION_LOCK
from consumer.scoring import announce, contact_keyset
from consumer.scoring.rejudgement.requests import Status, status
from sql import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.postgres.connection_keeper import ConnectionKeeper

_SQL = queries("history")
BEGIN = f"{queries('batch')['begin'] % REVISION_LOCK}; {_SQL['pin_plans']}"
WRITE = f"{_SQL['judged']}{_SQL['write']}"
# Contacts in one step, for whom batches wait meanwhile; and for each of them so many numbers are looked at, since
# other accounts' contacts lie between.
_CONTACTS = 200
_NUMBERS = 20 * _CONTACTS
_LOOK_AGAIN = 0.2


async def work(keeper: ConnectionKeeper, number: int, *, clock: Clock | None = None) -> AsyncIterator[Status]:
    """Bring it to its end, giving how far it is after each step.

    Waits while contacts of the account are told of a publish. Raises UnknownHistoryError, NobodyPublishesError
    where whom it changes cannot be told, and what does not pass within half a minute; it can be gone on with then.
    """
    clock = clock or SystemClock()
    while True:
        stands = await retry_transient(keeper, lambda connection: status(connection, number))
        yield stands
        if stands.ended_at is not None:
            return
        await announce.wait_for_relay(keeper, clock)
        if not await retry_transient(keeper, lambda connection: step(connection, number)):
            await asyncio.sleep(_LOOK_AGAIN)


async def step(connection: Connection, number: int) -> bool:
    """Go through some contacts in one transaction, or end it; False where it has to wait."""
    await connection.execute(BEGIN)
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
            await _go_on(connection, number, row)
    await connection.execute("commit")
    return not waits


async def _go_on(connection: Connection, number: int, row: asyncpg.Record) -> None:
    if row["uncounted"]:
        await connection.execute(_SQL["count_contacts"], number, row["account_id"])
    contacts, reached = await contact_keyset.next_contacts(connection, row, most=_CONTACTS, numbers=_NUMBERS)
    changed = 0
    if contacts:
        await announce.lock(connection, contacts)
        if row["with_xp"]:
            await connection.fetch(_SQL["lock_heads"])
        written = await fetch_one(connection, WRITE, contacts, row["definition_id"], row["with_xp"])
        changed = written["changed"]
        if changed:
            profiles = await connection.fetch(_SQL["published"], row["account_id"])
            steps = announce.Steps(*(written[name] for name in ("contacts", "profiles", "groups", "points")))
            await announce.tell(
                connection, contacts, [each["id"] for each in profiles], cause="rejudge", steps=steps
            )
    await connection.execute(_SQL["move_on"], number, reached, len(contacts), changed)
