"""Copies of a database, so that many things can happen to one past."""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.servers.postgres import PostgresServer

_numbers = itertools.count(1)


@asynccontextmanager
async def copied_database(postgres_server: PostgresServer, past: str) -> AsyncIterator[str]:
    """Give a copy of a database to which nothing is connected, and drop it at the end."""
    template = urlsplit(past).path[1:]
    name = f"{template}_copy_{next(_numbers)}"
    administrator = await asyncpg.connect(postgres_server.dsn)
    try:
        await administrator.execute(f'create database "{name}" template "{template}" strategy file_copy')
        yield urlsplit(past)._replace(path=f"/{name}").geturl()
        await administrator.execute(f'drop database "{name}" with (force)')
    finally:
        await administrator.close()
