"""Gives clients that resume what they have missed: all of them at once, by reading the outbox once more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from consumer.relay.outbox_rows import events_of, read_rows
from consumer.web.live.listener import sse

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection
    from consumer.relay.outbox_rows import OutboxEvent, OutboxRow
    from consumer.web.live.audience import Audience
    from consumer.web.live.listener import Listener
    from consumer.web.live.resume_ids import Position, ResumeIds

# Rows read by one statement; one has up to some thousand messages.
_ROWS: Final = 20
# Events after which clients get a turn to send what they have.
_AT_ONCE: Final = 50


async def catch_up(connection: Connection, resuming: Audience, read: Position, ids: ResumeIds) -> None:
    """Feed clients from their positions to `read`; remove those whose next messages have gone."""
    for shard in range(len(read.by_shard)):
        until = read.number(shard)
        while lagging := [one for one in resuming.everyone() if _number(one, shard) < until]:
            after = min(_number(one, shard) for one in lagging)
            rows = await read_rows(connection, shard, after, resuming.accounts(), limit=_ROWS)
            first = rows[0].first_position if rows else until + 1
            for listener in lagging:
                if _number(listener, shard) + 1 < first:
                    resuming.remove(listener)
            for row in rows:
                if row.first_position <= until:
                    await _feed(resuming, shard, row, read.incarnation, ids)


async def _feed(resuming: Audience, shard: int, row: OutboxRow, incarnation: int, ids: ResumeIds) -> None:
    sent = 0
    for event in events_of(row, incarnation):
        for listener in list(resuming.listeners(event.account, event.contact)):
            if _number(listener, shard) < event.position:
                _put(listener, shard, event, ids)
                sent += 1
                if sent % _AT_ONCE == 0:
                    await asyncio.sleep(0)
    for listener in resuming.everyone():
        if row.has_newer:
            resuming.remove(listener)
        elif listener.position is not None and listener.position.number(shard) < row.last_position:
            listener.position = listener.position.at(shard, row.last_position)


def _put(listener: Listener, shard: int, event: OutboxEvent, ids: ResumeIds) -> None:
    if listener.position is not None:
        listener.position = listener.position.at(shard, event.position)
        event_id = ids.encode(listener.account, listener.position)
        listener.put(sse(event.kind, event.json(), event_id), event_id)


def _number(listener: Listener, shard: int) -> int:
    return listener.position.number(shard) if listener.position is not None else 0
