"""A database that takes its time for marked events, as it would for a record that is too much work.

Owns the marks and the trigger. Never decides what becomes of such a record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_TRIGGER = """
create function take_time() returns trigger language plpgsql as $$
begin
    perform pg_sleep(split_part(new.object_id, ':', 2)::float);
    return new;
end $$;
create trigger take_time before insert on timeline
    for each row when (new.object_id like 'slow:%') execute function take_time();
"""


async def take_time(connection: Connection) -> None:
    """Let the timeline take its time for every entry whose object is marked."""
    await connection.execute(_TRIGGER)


async def hurry_up(connection: Connection) -> None:
    """Let it be as fast as usual again."""
    await connection.execute("drop trigger take_time on timeline")


def mark(seconds: float) -> str:
    """Return the object id that makes an entry take so long."""
    return f"slow:{seconds}"
