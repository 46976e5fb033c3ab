"""Begins and cancels rejudgements, and reads their status. The work is in steps.py.

A request is audited in its transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.catalog import audit
from consumer.domain.errors import UnknownAccountError
from consumer.infra.postgres.connection import fetch_one
from consumer.infra.postgres.revision_lock import share_accounts
from consumer.scoring.jobs import JobStatus, read_status
from sql import queries

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_SQL = queries("rejudgement")


class UnknownDefinitionError(Exception):
    """The account has no such definition."""


class RejudgementRunningError(Exception):
    """A rejudgement of the definition has not ended: wait for it, or cancel it."""


class UnknownRejudgementError(Exception):
    """There is no rejudgement with this number."""


class RejudgementEndedError(Exception):
    """The rejudgement has ended: there is nothing to cancel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejudgementStatus(JobStatus):
    """The progress of a rejudgement.

    state: `running`, `done`, `cancelled` or `superseded`. edition: the number of the edition it judges by. changed:
    entries whose verdict has changed.
    """

    definition: str
    edition: int
    with_xp: bool
    changed: int


async def begin(connection: Connection, account: str, definition: str, *, with_xp: bool, by: str) -> int:
    """Begin to rejudge a definition's history and return the number of the rejudgement, for `run_rejudgement`.

    with_xp: whether reps gain and lose XP by it. If this raises UnknownAccountError, UnknownDefinitionError,
    RejudgementRunningError or an error of asyncpg, nothing has begun.
    """
    async with connection.transaction():
        # Until the commit no newer edition can be opened.
        await share_accounts(connection, [account])
        found = await find_definition(connection, account, definition)
        if found["is_running"]:
            raise RejudgementRunningError(
                f"the history of definition {definition!r} is being judged again already"
            )
        number: int = await connection.fetchval(
            _SQL["begin"], found["definition_id"], found["edition"], with_xp, by
        )
        after = {"edition": found["edition"], "xp": with_xp, "number": number}
        await audit.record_changes(
            connection,
            account,
            by,
            audit.AuditedChange("judged_again", "definition", definition, after=after),
        )
    return number


async def cancel(connection: Connection, number: int, *, by: str) -> None:
    """Cancel a rejudgement. Contacts already processed keep their new verdicts.

    Raises UnknownRejudgementError, RejudgementEndedError, and errors of asyncpg.
    """
    async with connection.transaction():
        await connection.execute(_SQL["lock"], number)
        current = await status(connection, number)
        if current.ended_at is not None:
            raise RejudgementEndedError(f"it is {current.state}: there is nothing to cancel")
        await connection.execute(_SQL["finish"], number, "cancelled")
        change = audit.AuditedChange(
            "cancelled", "rejudgement", str(number), before={"definition": current.definition}
        )
        await audit.record_changes(connection, current.account, by, change)


async def status(connection: Connection, number: int) -> RejudgementStatus:
    """Return the progress of a rejudgement; raises UnknownRejudgementError."""
    unknown = UnknownRejudgementError(f"there is no rejudgement {number}")
    return await read_status(connection, _SQL["read"], number, status_type=RejudgementStatus, unknown=unknown)


async def find_definition(connection: Connection, account: str, definition: str) -> dict[str, int]:
    """Return account_id, definition_id, edition and is_running of a definition.

    Raises UnknownAccountError, UnknownDefinitionError.
    """
    found = await fetch_one(connection, _SQL["find_definition"], account, definition)
    if found["account_id"] is None:
        raise UnknownAccountError(f"there is no account {account!r}")
    if found["definition_id"] is None:
        raise UnknownDefinitionError(f"account {account!r} has no definition {definition!r}")
    return dict(found)
