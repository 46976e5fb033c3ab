"""Keeps the records that could not be events, whole.

Owns writing dead letters, and the form in which their headers are stored. Never decides that a record is dead,
and never reads for people: that is deadletters.py.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.db import Connection
    from consumer.model import DeadLetter, Record

Headers = tuple[tuple[str, bytes | None], ...]


async def keep(
    connection: Connection, dead: Sequence[tuple[Record, DeadLetter]], shards: int
) -> list[tuple[int, int]]:
    """Store the dead letters and return, in their order, (id, outbox shard) of each."""
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


def encode_headers(headers: Headers) -> bytes:
    """Return headers as they are stored: JSON, [[name, value in base64 or null], …]."""
    return json.dumps(
        [[name, None if value is None else base64.b64encode(value).decode()] for name, value in headers]
    ).encode()


def decode_headers(stored: bytes) -> Headers:
    """Return headers from how they are stored."""
    return tuple(
        (name, None if value is None else base64.b64decode(value)) for name, value in json.loads(stored)
    )
