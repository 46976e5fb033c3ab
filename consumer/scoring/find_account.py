"""Finds an account by its key, for commands and requests that name one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.domain.errors import UnknownAccountError
from sql import queries

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection


async def find_account(connection: Connection, key: str) -> int:
    """Return the number of an account. Raises UnknownAccountError."""
    number: int | None = await connection.fetchval(queries("accounts")["account"], key)
    if number is None:
        raise UnknownAccountError(f"there is no account {key!r}")
    return number
