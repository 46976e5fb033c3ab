"""Runs a publish, step by step; each step is one transaction over some contacts, whose locks it holds.

Lock order within a step, as in a batch: revision, publish, contacts, outbox heads. Progress is committed with each
step, so that any process can continue after a crash; several may run at once and take turns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.infra.clock import SystemClock
from consumer.infra.postgres.connection import fetch_one
from consumer.infra.postgres.retry import retry_transient
from consumer.infra.postgres.revision import begin_shared, configuration_change
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
# Contacts in one step, for whom batches wait meanwhile: some hundredths of a second.
_CONTACTS = 1000
# For each of them so many numbers are looked at in one step: other accounts' contacts lie between.
_NUMBERS = 20


async def run_publish(
    keeper: ConnectionKeeper, publish: int, *, clock: Clock | None = None
) -> AsyncIterator[PublishStatus]:
    """Bring a publish to its end, giving how far it is after each step.

    Raises UnknownPublishError, RelayNotRunningError where whom it changed cannot be told, and what does not pass
    within half a minute; it can be gone on with then.
    """
    clock = clock or SystemClock()
    while True:
        stands = await retry_transient(keeper, lambda connection: status(connection, publish))
        yield stands
        if stands.ended_at is not None:
            return
        if stands.state == "announcing":
            await announce.wait_for_relay(keeper, clock)
        if not await retry_transient(keeper, lambda connection: process_next_contacts(connection, publish)):
            await retry_transient(keeper, lambda connection: _advance_state(connection, publish))


async def process_next_contacts(connection: Connection, publish: int) -> bool:
    """Go through some contacts in one transaction; False where none are left in this state."""
    await begin_shared(connection, _SQL["pin_plans"])
    row = await fetch_one(connection, _SQL["take"], publish)
    left = row["state"] in _STATES and row["last_contact_id"] < row["until_contact_id"]
    if left:
        if row["uncounted"]:
            await connection.execute(_SQL["count_contacts"], publish, row["account_id"])
        contacts, reached = await contact_keyset.next_contacts(
            connection, row, limit=_CONTACTS, max_ids=_NUMBERS * _CONTACTS
        )
        if contacts:
            await announce.lock_contacts(connection, contacts)
            await _process_contacts(connection, row, contacts)
        await connection.execute(_SQL["move_on"], publish, reached, len(contacts))
    await connection.execute("commit")
    return left


async def _process_contacts(connection: Connection, row: asyncpg.Record, contacts: list[int]) -> None:
    profile, version = row["profile_id"], row["version"]
    if row["state"] == "building":
        await connection.execute(_SQL["build"], contacts, profile, version)
        return
    announces = row["state"] == "announcing"
    if announces:
        await announce.enqueue_score_messages(connection, contacts, [profile])
    await connection.execute(_SQL["drop_scores"], contacts, profile, version, announces)


async def _advance_state(connection: Connection, publish: int) -> None:
    """Go from one state to the next; without effect where somebody else did."""
    if (await status(connection, publish)).state == "building":
        async with configuration_change(connection):
            await connection.execute(_SQL["flip"], publish)
    else:
        await connection.execute(_SQL["end"], publish)
