"""What the answers about background jobs have in common: members, lists, and whose job it is.

The routes of each kind are in profiles/publishes.py and catalog/rejudgements.py. Workers do the work
(consumer/worker/background_jobs.py); routes only request and report.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from consumer.web.http import cursors, outward_ids

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.jobs import JobKind
    from consumer.scoring.jobs.kind import Status
    from consumer.web.http.auth import Caller
    from consumer.web.http.cursors import Page


class JobAnswer(BaseModel, use_attribute_docstrings=True):
    """The progress of a job. Each kind has an `id` beside: an OutwardId of its own."""

    id: int
    """The id of the job."""
    requested_by: str
    """Who requested it: `sub` of the token, or the name of a command's user."""
    requested_at: datetime
    """When it was requested."""
    ended_at: datetime | None
    """When it ended; null: not yet."""
    done: int
    """Contacts processed in the current state."""
    total: int | None
    """Contacts to process in the current state; null until they are counted."""


Answer = TypeVar("Answer", bound=JobAnswer)


async def read_own(
    connection: Connection, kind: JobKind[Status], number: int, *, unknown: type[Exception], **owner: str
) -> Status:
    """Return the status of a job; raises `unknown` (404) if there is none, or if it belongs to another owner.

    owner: members of the status that have to have these values.
    """
    status = await kind.status(connection, number)
    is_own = all(getattr(status, name) == value for name, value in owner.items())
    if not is_own or not outward_ids.is_readable(number, status.requested_at):
        raise unknown(f"there is no {kind.name} {number}")
    return status


def answer(model: type[Answer], status: Any, **members: Any) -> Answer:
    """Return the answer about a job with this status. members: those that have another name in the status."""
    return model.model_validate({**asdict(status), **members})


async def read_page(
    connection: Connection,
    statement: str,
    owner_id: int,
    model: type[Answer],
    *,
    caller: Caller,
    context: tuple[object, ...],
    limit: int,
    cursor: str | None,
) -> Page[Answer]:
    """Return a page of the jobs of an owner, newest first.

    statement: selects them, given the owner, the number before which they come, and how many. context: see
    cursors.encode.
    """
    (before,) = cursors.decode(context, cursor) or (cursors.NEWEST,)
    rows = await connection.fetch(statement, owner_id, before, limit + 1)
    items = [model(**row) for row in rows]
    return cursors.page(items, limit, context, lambda item: [item.id], engagement=caller.account.engagement)
