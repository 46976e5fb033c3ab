"""The accounts in the paths of requests, remembered for a second: not each request looks its account up again.

Of accounts that exist only: one that was just created is found at once. None is ever removed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sql import queries

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

# Seconds in which another process's change of an account may go unnoticed.
_FRESH = 1.0
# Accounts, before all are forgotten: some megabytes.
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """The account in the path of a request. id: its number in the database."""

    id: int
    key: str
    engagement: bool


class KnownAccounts:
    """The accounts that this process has looked up within the last second."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[float, KnownAccount]] = {}
        self._changes = 0

    def get(self, key: str) -> KnownAccount | None:
        """Return an account that was looked up within the last second; None: look it up."""
        until, account = self._found.get(key, (0.0, None))
        return account if time.monotonic() < until else None

    async def look_up(self, connection: Connection, key: str) -> KnownAccount | None:
        """Return the account as it is now; None if there is none."""
        until, changes = time.monotonic() + _FRESH, self._changes
        row = await connection.fetchrow(queries("accounts")["account"], key)
        if row is None:
            return None
        account = KnownAccount(row["id"], key, row["engagement"])
        # Where one was changed meanwhile, this may be how it was before.
        if changes == self._changes:
            if len(self._found) >= _MOST:
                self._found.clear()
            self._found[key] = until, account
        return account

    def forget(self, key: str) -> None:
        """Have an account looked up again: it was changed."""
        self._changes += 1
        self._found.pop(key, None)
