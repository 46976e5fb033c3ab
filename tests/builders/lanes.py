"""Takes lanes without the leases that a worker needs for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.lanes import positions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.infra.postgres.connection import Connection
    from consumer.lanes.positions import Lane, LaneKey

_TAKE = """
    insert into lanes as l (topic, partition, epoch, next_offset)
    select topic, partition, 1, start
    from unnest($1::text[], $2::int[], $3::bigint[]) as a(topic, partition, start)
    order by topic, partition
    on conflict (topic, partition) do update set epoch = l.epoch + 1
"""


async def take_lanes(connection: Connection, starts: Mapping[LaneKey, int]) -> list[Lane]:
    """Take lanes, fencing their previous holders. starts: the position of a lane that has no row yet."""
    await connection.execute(
        _TAKE,
        [topic for topic, _ in starts],
        [partition for _, partition in starts],
        list(starts.values()),
    )
    return list((await positions.read(connection, starts)).values())
