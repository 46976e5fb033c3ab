"""How many contacts a list has: exactly up to a bound, "at least" beyond it, within a few seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
from pydantic import BaseModel

from consumer.scoring.segments.member_sql import Parameters
from consumer.web.api.contacts.list_filters import CONDITIONS, conditions
from consumer.web.api.contacts.list_query import local_settings
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.infra.postgres.connection import Connection
    from consumer.web.api.contacts.list_filters import ContactQuery

_SQL = queries("contacts")
_MOST = 10_000
_SECONDS = 5


class ListTotal(BaseModel, use_attribute_docstrings=True):
    """How many contacts a list has, on all its pages together."""

    contacts: int
    """The number of contacts."""
    exact: bool
    """False: it has at least so many. Counting ends at 10,000 and after five seconds."""


async def total(
    connection: Connection, query: ContactQuery, candidates: Sequence[int] | None, listed: int
) -> ListTotal:
    """Count the contacts of a list. Call it in a transaction.

    query, candidates: see `narrowed`. listed: how many contacts the page has, which are at least in the list.
    """
    text, arguments = statement(query.by_points(), candidates)
    settings = f"set local statement_timeout = '{_SECONDS}s'"
    if candidates is None:
        settings += f"; {queries('members')['plan_for_many']}"
    try:
        async with local_settings(connection, settings):
            contacts = await connection.fetchval(text, *arguments)
    except asyncpg.QueryCanceledError:
        return ListTotal(contacts=listed, exact=False)
    return ListTotal(contacts=min(contacts, _MOST), exact=contacts <= _MOST)


def statement(query: ContactQuery, candidates: Sequence[int] | None) -> tuple[str, list[Any]]:
    """Return the statement that counts a list by points, and its arguments."""
    arguments: list[Any] = [
        *(query.view.id, query.view.version, query.sort_group, *query.sort_range, _MOST + 1)
    ]
    if candidates is not None:
        arguments.append(candidates)
    parameters = Parameters(len(arguments) + 1)
    asked = conditions(query, parameters, joined=candidates is None)
    text = _SQL["counted" if candidates is None else "counted_among"]
    return text.replace(CONDITIONS, asked), arguments + parameters.values
