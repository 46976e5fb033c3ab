"""What a rejudgement does with some contacts; how a step is taken is in consumer/scoring/jobs/step.py.

history.py judges, write.py stores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.contact_state import outbox
from consumer.infra.postgres.revision_lock import LOOK_UP_BY_KEY
from consumer.scoring import announce, jobs
from consumer.scoring.jobs import JobKind, WaitsFor
from consumer.scoring.rejudgement.history import judge_history, read_definition
from consumer.scoring.rejudgement.requests import RejudgementStatus, status
from consumer.scoring.rejudgement.write import write_history
from sql import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import asyncpg

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.postgres.connection_keeper import ConnectionKeeper

_SQL = queries("rejudgement")


class Rejudgements(JobKind[RejudgementStatus]):
    """Rejudgements: each contact is judged as a whole, and its changes are announced at once."""

    name = "rejudgement"
    table = "rejudgements"
    unfinished = _SQL["unfinished_jobs"]
    facts = _SQL["facts"]
    contacts_per_step = 200
    local_settings = LOOK_UP_BY_KEY

    async def status(self, connection: Connection, number: int) -> RejudgementStatus:
        """Return the progress of a rejudgement; raises UnknownRejudgementError."""
        return await status(connection, number)

    async def waits_for(self, connection: Connection, facts: asyncpg.Record) -> WaitsFor | None:
        """Return PUBLISH while one of the account is being announced, RELAY while messages cannot be enqueued."""
        if await connection.fetchval(_SQL["has_announcing_publish"], facts["account_id"]):
            return WaitsFor.PUBLISH
        return None if await announce.has_room(connection) else WaitsFor.RELAY

    def ends_early(self, facts: asyncpg.Record) -> bool:
        """Return whether its edition is no longer the newest."""
        return bool(facts["superseded"])

    async def process(
        self, connection: Connection, number: int, facts: asyncpg.Record, contacts: Sequence[int]
    ) -> None:
        """Judge the history of these contacts and store what has changed, with its messages."""
        if facts["with_xp"]:
            await outbox.lock_heads(connection)
        definition = await read_definition(connection, facts["definition_id"])
        entries = await judge_history(connection, definition, contacts)
        changed, deltas = await write_history(
            connection, definition, contacts, entries, with_xp=facts["with_xp"]
        )
        if changed:
            profiles = await connection.fetch(_SQL["published_profiles"], facts["account_id"])
            await announce.enqueue_score_messages(
                connection, contacts, [each["id"] for each in profiles], cause="rejudge", deltas=deltas
            )
            await connection.execute(_SQL["record_changes"], number, changed)

    async def end_state(self, connection: Connection, number: int, facts: asyncpg.Record) -> str | None:
        """Finish."""
        ended: str | None = await connection.fetchval(
            _SQL["finish"], number, "superseded" if facts["superseded"] else "done"
        )
        return ended


REJUDGEMENTS = Rejudgements()


def run_rejudgement(
    keeper: ConnectionKeeper, number: int, *, clock: Clock | None = None
) -> AsyncIterator[RejudgementStatus]:
    """Run a rejudgement to its end, yielding its status before each step.

    Raises UnknownRejudgementError, and as jobs.run.
    """
    return jobs.run(keeper, REJUDGEMENTS, number, clock=clock)
