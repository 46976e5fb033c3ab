"""A role of the database that a test may deny new connections, as a server does that has too many."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass(frozen=True)
class LimitedRole:
    """A role with all rights on the database. dsn: to connect as this role; admin: another role's connection."""

    name: str
    dsn: str
    admin: asyncpg.Connection[asyncpg.Record]

    async def refuse(self, *, but: int) -> None:
        """Refuse the role new connections, and end those that it has, except that of one server process."""
        await self.admin.execute(f"alter role {self.name} connection limit 0")
        await self.admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = $1 and pid <> $2",
            self.name,
            but,
        )

    async def admit(self) -> None:
        """Let it connect again."""
        await self.admin.execute(f"alter role {self.name} connection limit -1")


@asynccontextmanager
async def limited_role(dsn: str) -> AsyncIterator[LimitedRole]:
    """Give a role of its own, which may connect as often as it likes until the test says otherwise."""
    admin = await asyncpg.connect(dsn)
    url = urlsplit(dsn)
    name = f"limited_{url.path.strip('/').replace('-', '_')}"
    try:
        await admin.execute(f"create role {name} login in role {await admin.fetchval('select current_user')}")
        host = url.netloc.rpartition("@")[2]
        yield LimitedRole(name, url._replace(netloc=f"{name}@{host}").geturl(), admin)
        await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", name)
        await admin.execute(f"reassign owned by {name} to current_user; drop role {name}")
    finally:
        await admin.close()
