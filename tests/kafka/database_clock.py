"""A database whose clock differs from this machine's, as if the two were on machines of their own."""

from __future__ import annotations

import asyncpg


async def set_database_clock_back(dsn: str, interval: str) -> None:
    """Let clock_timestamp() be so much earlier, for every connection from now on."""
    connection = await asyncpg.connect(dsn)
    try:
        name = await connection.fetchval("select quote_ident(current_database())")
        await connection.execute(f"""
            create function public.clock_timestamp() returns timestamptz language sql volatile
                as $$ select pg_catalog.clock_timestamp() - interval '{interval}' $$;
            alter database {name} set search_path to public, pg_catalog""")
    finally:
        await connection.close()
