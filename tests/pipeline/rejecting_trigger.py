"""A database that refuses marked events, as it would refuse values that no check foresaw.

Owns the marks and the trigger. Never decides what becomes of what is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_TRIGGER = """
create function refuse_marked() returns trigger language plpgsql as $$
begin
    raise exception 'refused on purpose' using errcode = split_part(new.object_id, ':', 2);
end $$;
create trigger refuse_marked before insert on timeline
    for each row when (new.object_id like 'refuse:%') execute function refuse_marked();
"""


async def refuse_marked(connection: Connection) -> None:
    """Let the timeline refuse every entry whose object is marked."""
    await connection.execute(_TRIGGER)


def mark(sqlstate: str) -> str:
    """Return the object id that makes the database refuse an event with this SQLSTATE."""
    return f"refuse:{sqlstate}"
