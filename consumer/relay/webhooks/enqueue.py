"""Enqueues deliveries: follows the outbox from a position of its own, and looks for jobs that have ended.

Position and deliveries change in one transaction, under the lock of the position: a message is enqueued for every
webhook that wants it, once, whatever is killed. It does not wait for Kafka, and Kafka not for it; rows stay in the
outbox until both have had them (relay.sql, trim).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from consumer.domain.sealed_ids import Seal
from consumer.relay.outbox_rows import events_of, read_rows
from consumer.relay.webhooks import message
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import asyncpg

    from consumer.infra.postgres.connection import Connection
    from consumer.relay.outbox_rows import OutboxEvent

log = structlog.get_logger(__name__)

_SQL: Final = queries("webhooks")
# Deliveries that may wait for one webhook; what comes then is left out, and counted.
MAX_WAITING: Final = 100_000
# Rows of the outbox in one transaction.
_ROWS: Final = 4
_KINDS: Final = ("score_changed", "band_changed", "tombstone", "xp_credited")
# Of a contact that was deleted, or joined to another.
_FORGOTTEN: Final = (message.SCORE_CHANGED, message.BAND_CHANGED)
# By kind of message its type, and the type that a webhook asks for to get it.
_TYPES: Final = {
    "score_changed": (message.SCORE_CHANGED, message.SCORE_CHANGED),
    "band_changed": (message.BAND_CHANGED, message.BAND_CHANGED),
    "contact_removed": (message.CONTACT_REMOVED, message.SCORE_CHANGED),
    "xp_credited": (message.XP_CREDITED, message.XP_CREDITED),
}
_SUBJECTS: Final = {"publish": "profile", "rejudgement": "definition"}


class _Listening(msgspec.Struct, frozen=True):
    """The webhooks of an account, with when they were made, by the type that they want.

    full: those for which too much waits.
    """

    by_type: dict[str, list[tuple[Any, datetime]]]
    full: set[Any]


class _Id(msgspec.Struct):
    id: str


_id_of: Final = msgspec.json.Decoder(_Id).decode


class _Deliveries:
    """Deliveries of one transaction, in order."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, str, str, str | None, str]] = []
        self.left_out: Counter[Any] = Counter()
        self.removed: defaultdict[str, set[str]] = defaultdict(set)

    def add(self, event: OutboxEvent, at: datetime, listening: _Listening) -> None:
        """Add a message for each webhook that wants it, and was there when it was committed."""
        type_, wanted = _TYPES[event.kind]
        if event.kind == "contact_removed":
            # What was enqueued about it before is not sent any more, and kept nowhere.
            self.removed[event.account].add(event.contact)
            own = {webhook for webhooks in listening.by_type.values() for webhook, _ in webhooks}
            self.rows = [
                row
                for row in self.rows
                if row[0] not in own or row[2] not in _FORGOTTEN or row[3] != event.contact
            ]
        webhooks = [one for one, made_at in listening.by_type.get(wanted, ()) if made_at <= at]
        if not webhooks:
            return
        body = event.json()
        message_id = message.message_id(_id_of(body).id)
        for webhook in webhooks:
            if webhook in listening.full:
                self.left_out[webhook] += 1
            else:
                self.rows.append((webhook, message_id, type_, event.contact, body.decode()))

    async def write(self, connection: Connection) -> None:
        """Write them in the caller's transaction."""
        for account, contacts in self.removed.items():
            await connection.execute(_SQL["forget_scores"], account, sorted(contacts), list(_FORGOTTEN))
        await enqueue(connection, self.rows)
        if self.left_out:
            await connection.execute(_SQL["leave_out"], list(self.left_out), list(self.left_out.values()))


async def enqueue(connection: Connection, rows: Iterable[tuple[Any, str, str, str | None, str]]) -> None:
    """Enqueue deliveries: webhook, message id, type, contact (None: about none) and body of each, in order."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    if columns:
        await connection.execute(_SQL["enqueue"], *columns, message.CONTACT_REMOVED)


async def begin_shards(connection: Connection) -> None:
    """Begin to follow shards that are new, from here on."""
    await connection.execute(_SQL["begin_shards"])


async def follow_outbox(connection: Connection) -> bool:
    """Enqueue deliveries of the next messages of every shard; return whether there may be more at once."""
    await begin_shards(connection)
    more = [await _follow(connection, row["shard"]) for row in await connection.fetch(_SQL["due_shards"])]
    return any(more)


async def _follow(connection: Connection, shard: int) -> bool:
    """Enqueue deliveries of the next messages of a shard; return whether there may be more at once."""
    async with connection.transaction():
        position = await connection.fetchval(_SQL["lock_shard"], shard)
        if position is None:
            return False
        found = await connection.fetch(_SQL["listeners"], shard, MAX_WAITING)
        head, incarnation = found[0]["head"], found[0]["incarnation"]
        by_account = _by_account(found)
        reached = head
        if by_account and position < head:
            reached = await _enqueue_after(
                *(connection, shard),
                position=position,
                head=head,
                incarnation=incarnation,
                by_account=by_account,
            )
        # The head is before the position where the database has lost commits.
        await connection.execute(_SQL["move"], shard, reached)
        return bool(reached != head)


async def _enqueue_after(
    connection: Connection,
    shard: int,
    *,
    position: int,
    head: int,
    incarnation: int,
    by_account: dict[str, _Listening],
) -> int:
    """Enqueue what comes after a position, in the caller's transaction; return the position reached."""
    rows = await read_rows(connection, shard, position, list(by_account), limit=_ROWS, kinds=_KINDS)
    if not rows or rows[0].first_position > position + 1:
        # A relay of an earlier version deletes rows as soon as they are published.
        log.error("messages have gone before webhooks had them", shard=shard, after=position)
    deliveries, reached = _Deliveries(), position if rows else head
    for row in rows:
        if row.first_position > head:
            break
        if row.has_newer:
            log.error("webhooks miss messages of a newer version", shard=shard, after=position)
        for event in events_of(row, incarnation):
            deliveries.add(event, row.committed_at, by_account[event.account])
        reached = row.last_position
    await deliveries.write(connection)
    return reached


def _by_account(found: Iterable[asyncpg.Record]) -> dict[str, _Listening]:
    by_account: dict[str, _Listening] = {}
    for row in found:
        if row["id"] is None:
            continue
        listening = by_account.setdefault(row["account"], _Listening({}, set()))
        for type_ in row["types"]:
            listening.by_type.setdefault(type_, []).append((row["id"], row["created_at"]))
        if row["is_full"]:
            listening.full.add(row["id"])
    return by_account


async def look_for_ended_jobs(connection: Connection) -> None:
    """Enqueue deliveries of jobs that have ended; those that are enqueued already stay as they are."""
    if rows := await connection.fetch(_SQL["ended_jobs"], message.JOB_ENDED):
        seal = Seal(await connection.fetchval(queries("identity")["salt"]))
        await enqueue(connection, [_job_delivery(row, seal) for row in rows])


def _job_delivery(row: asyncpg.Record, seal: Seal) -> tuple[Any, str, str, str | None, str]:
    # As the API names it.
    job_id = seal.id_of(row["kind"], row["id"])
    event_id = f"{row['account']}:{row['kind']}:{job_id}:ended"
    data = {"kind": row["kind"], "id": job_id}
    if subject := _SUBJECTS.get(row["kind"]):
        data[subject] = row["subject"]
    data |= {name: row[name] for name in ("state", "requested_by", "done", "ended_at")}
    body = message.event(event_id, message.JOB_ENDED, row["account"], row["ended_at"], data)
    return row["webhook_id"], message.message_id(event_id), message.JOB_ENDED, None, body
