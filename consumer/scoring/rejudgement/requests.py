"""What people ask of judging history again: that it begins, that it is cancelled, how far it is.

Owns when either can be had, and that it is on record (audit.py). Never judges anything: steps.py does, wherever
somebody calls it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.catalog import audit
from consumer.domain.errors import UnknownAccountError
from consumer.infra.postgres.connection import fetch_one
from consumer.infra.postgres.revision import REVISION_LOCK
from sql import queries

if TYPE_CHECKING:
    from datetime import datetime

    from consumer.infra.postgres.connection import Connection

_SQL = queries("rejudgement")


class UnknownDefinitionError(Exception):
    """The account has no such definition."""


class RejudgementRunningError(Exception):
    """The definition's history is being judged again already: wait for the end, or cancel it."""


class UnknownRejudgementError(Exception):
    """Nothing of this number was ever judged again."""


class RejudgementEndedError(Exception):
    """It has come to its end before: there is nothing to cancel."""


@dataclass(frozen=True, slots=True)
class RejudgementStatus:
    """How far judging again has come.

    edition: the number of the edition that it judges by. state: `running`, `done`, `cancelled` or `superseded`.
    done, total: contacts; total is None before the first step. changed: entries whose verdict is another one now.
    """

    id: int
    account: str
    definition: str
    edition: int
    with_xp: bool
    state: str
    requested_by: str
    requested_at: datetime
    ended_at: datetime | None
    done: int
    total: int | None
    changed: int


async def begin(connection: Connection, account: str, definition: str, *, with_xp: bool, by: str) -> int:
    """Begin to judge a definition's history again and return the number to `run_rejudgement` at.

    with_xp: whether reps gain and lose XP by it. Raises UnknownAccountError, UnknownDefinitionError,
    RejudgementRunningError, and what asyncpg raises; nothing has begun then.
    """
    async with connection.transaction():
        # Which edition is the newest does not change until this is committed.
        await connection.execute("select pg_advisory_xact_lock_shared($1)", REVISION_LOCK)
        about = await find_definition(connection, account, definition)
        if about["runs"]:
            raise RejudgementRunningError(
                f"the history of definition {definition!r} is being judged again already"
            )
        number: int = await connection.fetchval(
            _SQL["begin"], about["definition_id"], about["edition"], with_xp, by
        )
        after = {"edition": about["edition"], "xp": with_xp, "number": number}
        await audit.record_changes(
            connection,
            account,
            by,
            audit.AuditedChange("judged_again", "definition", definition, after=after),
        )
    return number


async def cancel(connection: Connection, number: int, *, by: str) -> None:
    """Go on with it no more; whoever was gone through stays as judged.

    Raises UnknownRejudgementError, RejudgementEndedError, and what asyncpg raises.
    """
    async with connection.transaction():
        taken = await connection.fetchrow(_SQL["take"], number)
        if taken is None:
            raise UnknownRejudgementError(f"there is no rejudgement {number}")
        stands = await status(connection, number)
        if stands.ended_at is not None:
            raise RejudgementEndedError(f"it is {stands.state}: there is nothing to cancel")
        await connection.execute(_SQL["end"], number, "cancelled")
        change = audit.AuditedChange(
            "cancelled", "rejudgement", str(number), before={"definition": stands.definition}
        )
        await audit.record_changes(connection, stands.account, by, change)


async def status(connection: Connection, number: int) -> RejudgementStatus:
    """Return how far it has come; raises UnknownRejudgementError."""
    row = await connection.fetchrow(_SQL["read"], number)
    if row is None:
        raise UnknownRejudgementError(f"there is no rejudgement {number}")
    values = dict(row)
    return RejudgementStatus(
        done=values.pop("contacts_done"),
        total=values.pop("contacts_total"),
        changed=values.pop("entries_changed"),
        **values,
    )


async def unfinished_rejudgements(connection: Connection) -> list[int]:
    """Return the numbers of those that are not at their end."""
    return [row["id"] for row in await connection.fetch(_SQL["unfinished"])]


async def find_definition(connection: Connection, account: str, definition: str) -> dict[str, int]:
    """Return what `rejudgement.sql` says of a definition; raises UnknownAccountError, UnknownDefinitionError."""
    about = await fetch_one(connection, _SQL["definition"], account, definition)
    if about["account_id"] is None:
        raise UnknownAccountError(f"there is no account {account!r}")
    if about["definition_id"] is None:
        raise UnknownDefinitionError(f"account {account!r} has no definition {definition!r}")
    return dict(about)
