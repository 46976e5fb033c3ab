"""Runs a publish, step by step; each step is one transaction over some contacts, whose locks it holds.

Lock order within a step, as in a batch: revision, publish, contacts, outbox heads. Progress is committed with
each step, so that any process can continue after a crash; several may run at once and take turns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.infra.clock import SystemClock
from consumer.infra.postgres.connection import fetch_one
from consumer.infra.postgres.retry import retry_transient
from consumer.infra.postgres.revision_lock import begin_shared, configuration_change
from consumer.scoring import announce, contact_keyset
from consumer.scoring.profile_publish.requests import PublishStatus, status
from sql import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.postgres.connection_keeper import ConnectionKeeper

_SQL = queries("publish")
_STATES = {"building", "announcing", "cancelling"}
# Contacts in one step: batches with events of theirs wait some hundredths of a second.
_CHUNK_CONTACTS = 1000
# Contact numbers scanned in one step, for each contact: other accounts' contacts lie between.
_IDS_PER_CONTACT = 20


async def run_publish(
    keeper: ConnectionKeeper, publish: int, *, clock: Clock | None = None
) -> AsyncIterator[PublishStatus]:
    """Run a publish to its end, yielding its status after each step.

    Raises UnknownPublishError, RelayNotRunningError if its messages cannot be enqueued, and database errors that
    last half a minute. It can be continued after any of these.
    """
    clock = clock or SystemClock()
    while True:
        current = await retry_transient(keeper, lambda connection: status(connection, publish))
        yield current
        if current.ended_at is not None:
            return
        if current.state == "announcing":
            await announce.wait_for_relay(keeper, clock)
        if not await retry_transient(keeper, lambda connection: process_next_contacts(connection, publish)):
            await retry_transient(keeper, lambda connection: _advance_state(connection, publish))


async def process_next_contacts(connection: Connection, publish: int) -> bool:
    """Process the next contacts in one transaction; return False if none are left in this state."""
    await begin_shared(connection, _SQL["pin_plans"])
    row = await fetch_one(connection, _SQL["lock_publish"], publish)
    contacts_left = row["state"] in _STATES and row["last_contact_id"] < row["until_contact_id"]
    if contacts_left:
        if row["uncounted"]:
            await connection.execute(_SQL["count_contacts"], publish, row["account_id"])
        contacts, covered = await contact_keyset.next_contacts(
            connection, row, limit=_CHUNK_CONTACTS, max_ids=_IDS_PER_CONTACT * _CHUNK_CONTACTS
        )
        if contacts:
            await announce.lock_contacts(connection, contacts)
            await _process_contacts(connection, row, contacts)
        await connection.execute(_SQL["record_progress"], publish, covered, len(contacts))
    await connection.execute("commit")
    return contacts_left


async def _process_contacts(connection: Connection, row: asyncpg.Record, contacts: list[int]) -> None:
    profile, version = row["profile_id"], row["version"]
    if row["state"] == "building":
        await connection.execute(_SQL["delete_scores"], contacts, profile, version, False)
        await connection.execute(_SQL["build_scores"], contacts, profile, version)
        return
    announcing = row["state"] == "announcing"
    if announcing:
        await announce.enqueue_score_messages(connection, contacts, [profile])
    await connection.execute(_SQL["delete_scores"], contacts, profile, version, announcing)


async def _advance_state(connection: Connection, publish: int) -> None:
    """Go on to the next state, from building by the flip; without effect if another process has done so."""
    current = await status(connection, publish)
    if current.state == "building":
        async with configuration_change(connection, current.account):
            await connection.execute(_SQL["flip"], publish)
    else:
        await connection.execute(_SQL["finish"], publish)
