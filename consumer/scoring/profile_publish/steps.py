"""What a publish does with some contacts, and the flip; how a step is taken is in consumer/scoring/jobs/step.py."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from consumer.scoring import announce, jobs
from consumer.scoring.jobs import JobKind, WaitsFor
from consumer.scoring.profile_publish.requests import PublishStatus, status
from sql import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import asyncpg

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.postgres.connection_keeper import ConnectionKeeper

_SQL = queries("publish")


class Publishes(JobKind[PublishStatus]):
    """Publishes: they build scores, flip, and announce them; or they delete what they built, if cancelled."""

    name = "publish"
    table = "publishes"
    unfinished = _SQL["unfinished_jobs"]
    facts = _SQL["facts"]
    # Some hundredths of a second.
    contacts_per_step = 1000
    # Messages of other accounts' events wait in the outbox for those of a step.
    fewer_in_state = MappingProxyType({"announcing": 250})
    local_settings = _SQL["pin_plans"]
    ended_by_change = frozenset({"building"})

    async def status(self, connection: Connection, number: int) -> PublishStatus:
        """Return the progress of a publish; raises UnknownPublishError."""
        return await status(connection, number)

    async def waits_for(self, connection: Connection, facts: asyncpg.Record) -> WaitsFor | None:
        """Return RELAY while its messages cannot be enqueued."""
        if facts["state"] == "announcing" and not await announce.has_room(connection):
            return WaitsFor.RELAY
        return None

    async def process(
        self, connection: Connection, _number: int, facts: asyncpg.Record, contacts: Sequence[int]
    ) -> None:
        """Build, announce or delete the scores of these contacts."""
        profile, version = facts["profile_id"], facts["version"]
        if facts["state"] == "building":
            await connection.execute(_SQL["delete_scores"], contacts, profile, version, False)
            await connection.execute(_SQL["build_scores"], contacts, profile, version)
            return
        announcing = facts["state"] == "announcing"
        if announcing:
            await announce.enqueue_score_messages(connection, contacts, [profile])
        await connection.execute(_SQL["delete_scores"], contacts, profile, version, announcing)

    async def end_state(self, connection: Connection, number: int, facts: asyncpg.Record) -> str | None:
        """Flip, if all contacts are built, or finish."""
        statement = _SQL["flip"] if facts["state"] == "building" else _SQL["finish"]
        new_state: str | None = await connection.fetchval(statement, number)
        return new_state


PUBLISHES = Publishes()


def run_publish(
    keeper: ConnectionKeeper, publish: int, *, clock: Clock | None = None
) -> AsyncIterator[PublishStatus]:
    """Run a publish to its end, yielding its status before each step.

    Raises UnknownPublishError, and as jobs.run.
    """
    return jobs.run(keeper, PUBLISHES, publish, clock=clock)
