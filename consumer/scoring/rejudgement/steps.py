"""Runs a rejudgement, step by step; each step is one transaction over some contacts, whose locks it holds.

Lock order within a step, as in a batch: revision, rejudgement, contacts, outbox heads. Progress is committed with
each step, so that any process can continue after a crash. history.py judges, write.py stores.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.contact_state import outbox
from consumer.infra.clock import SystemClock
from consumer.infra.postgres.connection import fetch_one
from consumer.infra.postgres.retry import retry_transient
from consumer.infra.postgres.revision_lock import LOOK_UP_BY_KEY, begin_shared
from consumer.scoring import announce, contact_keyset
from consumer.scoring.rejudgement.history import judge_history, read_definition
from consumer.scoring.rejudgement.requests import RejudgementStatus, status
from consumer.scoring.rejudgement.write import write_history
from sql import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.postgres.connection_keeper import ConnectionKeeper

_SQL = queries("rejudgement")
# Contacts in one step: batches with events of theirs wait meanwhile.
_CHUNK_CONTACTS = 200
# Contact numbers scanned in one step: other accounts' contacts lie between.
_MAX_IDS = 20 * _CHUNK_CONTACTS
_POLL_SECONDS = 0.2


async def run_rejudgement(
    keeper: ConnectionKeeper, number: int, *, clock: Clock | None = None
) -> AsyncIterator[RejudgementStatus]:
    """Run a rejudgement to its end, yielding its status after each step.

    Waits while a publish of the account is being announced. Raises UnknownRejudgementError, RelayNotRunningError
    if its messages cannot be enqueued, and database errors that last half a minute. It can be continued after any
    of these.
    """
    clock = clock or SystemClock()
    while True:
        current = await retry_transient(keeper, lambda connection: status(connection, number))
        yield current
        if current.ended_at is not None:
            return
        await announce.wait_for_relay(keeper, clock)
        if not await retry_transient(keeper, lambda connection: process_next_contacts(connection, number)):
            await asyncio.sleep(_POLL_SECONDS)


async def process_next_contacts(connection: Connection, number: int) -> bool:
    """Process the next contacts, or end the rejudgement, in one transaction; return False if it has to wait."""
    await begin_shared(connection, LOOK_UP_BY_KEY)
    row = await fetch_one(connection, _SQL["lock_rejudgement"], number)
    has_to_wait = False
    if row["state"] == "running":
        if row["superseded"]:
            await connection.execute(_SQL["finish"], number, "superseded")
        elif row["last_contact_id"] >= row["until_contact_id"]:
            await connection.execute(_SQL["finish"], number, "done")
        elif await connection.fetchval(_SQL["has_announcing_publish"], row["account_id"]):
            has_to_wait = True
        else:
            await _rejudge_contacts(connection, number, row)
    await connection.execute("commit")
    return not has_to_wait


async def _rejudge_contacts(connection: Connection, number: int, row: asyncpg.Record) -> None:
    if row["uncounted"]:
        await connection.execute(_SQL["count_contacts"], number, row["account_id"])
    contacts, covered = await contact_keyset.next_contacts(
        connection, row, limit=_CHUNK_CONTACTS, max_ids=_MAX_IDS
    )
    changed = 0
    if contacts:
        await announce.lock_contacts(connection, contacts)
        if row["with_xp"]:
            await outbox.lock_heads(connection)
        definition = await read_definition(connection, row["definition_id"])
        entries = await judge_history(connection, definition, contacts)
        changed, deltas = await write_history(
            connection, definition, contacts, entries, with_xp=row["with_xp"]
        )
        if changed:
            profiles = await connection.fetch(_SQL["published_profiles"], row["account_id"])
            await announce.enqueue_score_messages(
                connection, contacts, [each["id"] for each in profiles], cause="rejudge", deltas=deltas
            )
    await connection.execute(_SQL["record_progress"], number, covered, len(contacts), changed)
