"""How many contacts a list has: exactly up to a bound, "at least" beyond it, within a few seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
from pydantic import BaseModel

from consumer.web.api.contacts.list_query import local_settings, statement
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.infra.postgres.connection import Connection
    from consumer.web.api.contacts.list_filters import ContactQuery

_MOST = 10_000
_SECONDS = 5


class ListTotal(BaseModel, use_attribute_docstrings=True):
    """How many contacts a list has, on all its pages together."""

    contacts: int
    exact: bool
    """False: it has at least so many. Counting ends at 10,000 and after five seconds."""


async def total(
    connection: Connection, query: ContactQuery, candidates: Sequence[int] | None, listed: int
) -> ListTotal:
    """Count the contacts of a list. Call it in a transaction.

    query, candidates: see `narrowed`. listed: how many contacts the page has, which are at least in the list.
    """
    sparse = query.may_be_sparse and candidates is None
    text, arguments = statement(query.by_points(), candidates, None, _MOST + 1, collect=sparse)
    settings = f"set local statement_timeout = '{_SECONDS}s';" + (
        queries("members")["plan_for_many"] if sparse else ""
    )
    try:
        async with local_settings(connection, settings):
            contacts = await connection.fetchval(_counted(text), *arguments)
    except asyncpg.QueryCanceledError:
        return ListTotal(contacts=listed, exact=False)
    return ListTotal(contacts=min(contacts, _MOST), exact=contacts <= _MOST)


def _counted(text: str) -> str:
    return f"select count(*) from ({text.rstrip().rstrip(';')}) listed"
