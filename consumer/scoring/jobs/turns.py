"""Which jobs are due, and whose turn it is: accounts take turns, and so do the jobs of each account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from consumer.infra.postgres.errors import stored_text
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.jobs.kind import JobKind

_SQL = queries("jobs")


class Job(NamedTuple):
    """A job that has not ended."""

    account_id: int
    kind: JobKind[Any]
    number: int


async def due_jobs(connection: Connection, kinds: Sequence[JobKind[Any]]) -> list[Job]:
    """Return the jobs of these kinds that have not ended, except those whose last step has failed a moment ago."""
    unfinished = "\nunion all\n".join(
        f"select {place} as place, j.* from (\n{kind.unfinished}\n) j" for place, kind in enumerate(kinds)
    )
    rows = await connection.fetch(
        f"select place, id, account_id from (\n{unfinished}\n) job"
        " where retry_at is null or retry_at <= now() order by account_id, place, id"
    )
    return [Job(row["account_id"], kinds[row["place"]], row["id"]) for row in rows]


async def record_failure(connection: Connection, job: Job, error: BaseException) -> None:
    """Record that a step of a job has failed, so that no worker tries again at once."""
    await connection.execute(
        _SQL["record_failure"].format(table=job.kind.table), job.number, stored_text(error)
    )


class Turns:
    """Remembers who had the last turn: the account, and of each account the job."""

    def __init__(self) -> None:
        self._account = 0
        self._jobs: dict[int, Job] = {}

    def order(self, jobs: Sequence[Job]) -> list[list[Job]]:
        """Return the jobs of each account in the order of their turns; at each turn one of them takes a step."""
        by_account: dict[int, list[Job]] = {}
        for job in jobs:
            by_account.setdefault(job.account_id, []).append(job)
        self._jobs = {account: job for account, job in self._jobs.items() if account in by_account}
        accounts = sorted(by_account, key=lambda account: (account <= self._account, account))
        return [self._after_last(account, by_account[account]) for account in accounts]

    def had(self, job: Job) -> None:
        """Note that a job had its turn."""
        self._account = job.account_id
        self._jobs[job.account_id] = job

    def _after_last(self, account: int, jobs: list[Job]) -> list[Job]:
        last = self._jobs.get(account)
        first = jobs.index(last) + 1 if last in jobs else 0
        return jobs[first:] + jobs[:first]
