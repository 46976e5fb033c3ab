"""Stores records that could not be events, byte for byte; dead_letters/browse.py reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.domain.model import DeadLetter
from consumer.domain.record_headers import encode_headers
from consumer.infra.postgres.errors import is_time_out
from schemas.vocabulary import DeadLetterReason
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.domain.model import Record
    from consumer.infra.postgres.connection import Connection


def refused_by_database(error: BaseException, account: str | None = None) -> DeadLetter:
    """Return the dead letter of a record that Postgres refused by itself, apart from its neighbours."""
    if is_time_out(error):
        detail = "time-out: it could not be applied within the statement time-out, while other records could"
    else:
        detail = f"SQLSTATE {getattr(error, 'sqlstate', None)}, {type(error).__name__}"
    return DeadLetter(DeadLetterReason.REFUSED_BY_DATABASE, detail, account)


async def store_dead_letters(
    connection: Connection, dead: Sequence[tuple[Record, DeadLetter]], shards: int
) -> list[tuple[int, int]]:
    """Store dead letters; return (id, outbox shard) of each, in their order."""
    if not dead:
        return []
    rows = await connection.fetch(
        queries("batch")["dead_letters"],
        [record.topic for record, _ in dead],
        [record.partition for record, _ in dead],
        [record.offset for record, _ in dead],
        [record.timestamp for record, _ in dead],
        [record.key for record, _ in dead],
        [record.value for record, _ in dead],
        [encode_headers(record.headers) for record, _ in dead],
        [letter.reason.value for _, letter in dead],
        # What Postgres would refuse in a text must not make a dead letter die again.
        [letter.detail.replace("\0", "\ufffd") for _, letter in dead],
        [letter.account for _, letter in dead],
    )
    return [(row["id"], record.partition % shards) for row, (record, _) in zip(rows, dead, strict=True)]
