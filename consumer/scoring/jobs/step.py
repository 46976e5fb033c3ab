"""Takes one step of a job: one transaction over some contacts, whose locks it holds.

Lock order within a step: batches, account, job, contacts, outbox heads. Progress is committed with each step, so
that any process can continue after a crash. A step never waits for another job, for batches in flight, nor for a
relay: it says what the job waits for instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg

from consumer.infra.postgres.connection import fetch_one
from consumer.infra.postgres.revision_lock import begin_shared, configuration_change, in_flight
from consumer.scoring import announce, contact_keyset
from consumer.scoring.jobs.kind import WaitsFor
from sql import queries

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.jobs.kind import JobKind

_SQL = queries("jobs")
# First key of the advisory lock, any fixed number; the second key is the account's number. Jobs of one account
# would wait for one another's contacts, and take the place of other accounts' jobs in several workers.
_ACCOUNT_LOCK = 0x656E_6762
# Milliseconds: a step of many contacts that takes longer is taken with fewer of them, so that other jobs get on.
_STATEMENT_TIMEOUT = "set local statement_timeout = 5000"


class Awaited(NamedTuple):
    """Batches that were in flight when a job was in this state, and may have begun before it."""

    state: str
    batches: frozenset[str]


class Step(NamedTuple):
    """What came of a step: what the job waits for, if nothing could be done, and the state that it has led to.

    awaited: where it waits for BATCHES, those that are left; for the next step.
    """

    waits_for: WaitsFor | None = None
    new_state: str | None = None
    awaited: Awaited | None = None


async def take_step(
    connection: Connection,
    kind: JobKind[Any],
    number: int,
    *,
    contacts: int | None = None,
    attempt: int = 0,
    awaited: Awaited | None = None,
) -> Step:
    """Process the next contacts of a job, or end its state.

    contacts: how many at most, if fewer than the kind has in one step. attempt: how often the job has waited for
    CONFIGURATION since its last step: the first attempts are short. awaited: of the step before.
    """
    limit = kind.contacts_per_step if contacts is None else contacts
    settings = kind.local_settings if limit == 1 else f"{kind.local_settings}; {_STATEMENT_TIMEOUT}"
    facts = await connection.fetchrow(kind.facts, number)
    await begin_shared(connection, settings, accounts=[facts["account"]] if facts else ())
    walk = await connection.fetchrow(_SQL["lock"].format(table=kind.table), number)
    step = Step(WaitsFor.ANOTHER_PROCESS, awaited=awaited)
    if walk is not None:
        facts = await fetch_one(connection, _SQL["facts"].format(facts=kind.facts), number, _ACCOUNT_LOCK)
        if facts["has_turn"]:
            limit = min(limit, kind.fewer_in_state.get(facts["state"], limit))
            step = await _advance(connection, kind, walk, facts, limit=limit, awaited=awaited)
    await connection.execute("commit")
    if step.waits_for is not WaitsFor.CONFIGURATION or facts is None:
        return step
    return await _change_configuration(connection, kind, number, facts, attempt)


async def _advance(
    connection: Connection,
    kind: JobKind[Any],
    walk: asyncpg.Record,
    facts: asyncpg.Record,
    *,
    limit: int,
    awaited: Awaited | None,
) -> Step:
    number, until = walk["id"], walk["until_contact_id"]
    if until is None and not kind.ends_early(facts):
        if left := await _batches_left(connection, facts["state"], awaited):
            return Step(WaitsFor.BATCHES, awaited=Awaited(facts["state"], left))
        until = await connection.fetchval(_SQL["fix_end"].format(table=kind.table), number)
    if until is None or walk["last_contact_id"] >= until or kind.ends_early(facts):
        if facts["state"] in kind.ended_by_change:
            return Step(WaitsFor.CONFIGURATION)
        return Step(new_state=await kind.end_state(connection, number, facts))
    if waits_for := await kind.waits_for(connection, facts):
        return Step(waits_for)
    counted, counted_to = 0, walk["counted_contact_id"]
    if not walk["is_counted"]:
        counted, counted_to = await contact_keyset.count_next(
            connection, facts["account_id"], after=counted_to, until=until
        )
    contacts, covered = await contact_keyset.next_contacts(
        connection, facts["account_id"], after=walk["last_contact_id"], until=until, limit=limit
    )
    if contacts:
        await announce.lock_contacts(connection, contacts)
        done = await kind.process(connection, number, facts, contacts)
        if done is not None and done < len(contacts):
            contacts = contacts[:done]
            covered = contacts[-1] if contacts else walk["last_contact_id"]
    await connection.execute(
        _SQL["record_progress"].format(table=kind.table),
        *(number, covered, len(contacts), counted_to, counted),
    )
    return Step()


async def _batches_left(connection: Connection, state: str, awaited: Awaited | None) -> frozenset[str]:
    """Return what is still in flight of the batches that may not know of this state; all of them at first."""
    now = await in_flight(connection)
    return now if awaited is None or awaited.state != state else awaited.batches & now


async def _change_configuration(
    connection: Connection, kind: JobKind[Any], number: int, facts: asyncpg.Record, attempt: int
) -> Step:
    """End a state under the account's lock; it may have ended meanwhile."""
    try:
        async with configuration_change(connection, facts["account"], attempt=attempt):
            return Step(new_state=await kind.end_state(connection, number, facts))
    except asyncpg.LockNotAvailableError:
        return Step(WaitsFor.CONFIGURATION)
