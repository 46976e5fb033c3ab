"""Dead letters as pages, of one account or of none, and those of them that a caller may touch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.ingest.dead_letters.browse import summary
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from consumer.infra.postgres.connection import Connection
    from consumer.ingest.dead_letters.browse import DeadLetterSummary

_SQL = queries("dead_letters")
# Dead letters that one page goes through, however few of them it is about.
_MOST_PASSED = 5000


@dataclass(frozen=True, slots=True)
class DeadLetterFilters:
    """What a list has; None: everything."""

    reason: str | None = None
    topic: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeadLetterPage:
    """Dead letters, newest first. before: where the next page begins; None: there is none."""

    letters: list[DeadLetterSummary]
    before: int | None


async def read_page(
    connection: Connection, account: str | None, filters: DeadLetterFilters, before: int, limit: int
) -> DeadLetterPage:
    """Return the next dead letters of an account; None: of those whose account cannot be read.

    A page may have few of them, or none, and not be the last: it goes through 5,000 at most.
    """
    rows = await connection.fetch(
        _SQL["page" if account is not None else "page_of_none"],
        *(account, before, _MOST_PASSED),
        *(filters.reason, filters.topic, filters.since, limit + 1),
    )
    letters = [summary(row) for row in rows if row["id"] is not None]
    if len(letters) > limit:
        return DeadLetterPage(letters[:limit], letters[limit - 1].id)
    is_last = rows[0]["passed"] < _MOST_PASSED
    return DeadLetterPage(letters, None if is_last else rows[0]["last"])


async def of_account(connection: Connection, ids: Sequence[int], account: str | None) -> list[int]:
    """Return those of these dead letters that are there and name an account; None: whatever they name."""
    return [row["id"] for row in await connection.fetch(_SQL["of_account"], ids, account)]
