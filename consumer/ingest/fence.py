"""The first statement of a batch's transaction: moves its lanes, and looks up which event keys are claimed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.infra.postgres.column_params import numbers
from consumer.lanes import positions
from schemas.timestamps import to_microseconds
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.domain.model import Record
    from consumer.infra.postgres.connection import Connection
    from consumer.ingest.batch import DueBatch, MatchedEvent
    from consumer.lanes.positions import Lane, LaneKey

_SQL = queries("batch")


class FencedError(Exception):
    """A lane of the batch is not where this worker believes it to be: read the lanes again."""


@dataclass(frozen=True, slots=True)
class KnownClaims:
    """digests: of claims that are there already, by event's ordinal. horizons: microseconds, by account."""

    digests: Mapping[int, int]
    horizons: Mapping[int, int]


async def fence(
    connection: Connection, lanes: Mapping[LaneKey, Lane], due: DueBatch, matched: Sequence[MatchedEvent]
) -> tuple[int, KnownClaims]:
    """Move the positions after the batch, by compare-and-set on where `lanes` believes the lanes to be.

    Returns the number of shards, and what is known of the matched events. Raises FencedError.
    """
    moves = [(lanes[key], after) for key, after in sorted(due.lanes.items())]
    last = {one.lane: one.record for one in due.records}
    moved, shards, known = await _fence_and_look_up(connection, moves, last, matched)
    if moved < len(moves):
        raise FencedError
    return shards, known


async def look_up_claims(connection: Connection, matched: Sequence[MatchedEvent]) -> KnownClaims:
    """Return what is known of the events of a batch that has no lanes, or has moved them."""
    _, _, known = await _fence_and_look_up(connection, [], {}, matched)
    return known


async def _fence_and_look_up(
    connection: Connection,
    moves: Sequence[tuple[Lane, Lane]],
    last: Mapping[LaneKey, Record],
    matched: Sequence[MatchedEvent],
) -> tuple[int, int, KnownClaims]:
    accounts = [one.account.id for one in matched]
    rows = await connection.fetch(
        _SQL["fence_and_look_up"],
        [before.topic for before, _ in moves],
        [before.partition for before, _ in moves],
        [before.epoch for before, _ in moves],
        [before.next_offset for before, _ in moves],
        [after.next_offset for _, after in moves],
        [after.last_timestamp for _, after in moves],
        [positions.checksum(last[after.key]) for _, after in moves],
        [after.seen for _, after in moves],
        [json.dumps(after.recent_dead) for _, after in moves],
        [after.stopped for _, after in moves],
        numbers(accounts),
        b"".join([one.event.key for one in matched]),
        sorted(set(accounts)),
    )
    digests, horizons, fenced = {}, {}, (0, 0)
    for number, digest, account, horizon, moved, shards in rows:
        if number is not None:
            digests[matched[number - 1].ordinal] = digest
        elif account is not None:
            horizons[account] = to_microseconds(horizon)
        else:
            fenced = moved, shards
    return *fenced, KnownClaims(digests, horizons)
