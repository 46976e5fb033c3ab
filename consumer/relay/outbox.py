"""Messages on their way out: from rows of the outbox to what Kafka is given.

Owns how a dead letter is published. Never makes the JSON of a message: messages.py does.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from consumer.domain.record_headers import decode_headers, readable_name
from consumer.relay.message_json import MessageEncoder
from schemas.names import DEAD_LETTERS_TOPIC, SCORE_CHANGED_TOPIC, XP_CREDITED_TOPIC
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import asyncpg

    from consumer.infra.postgres.connection import Connection

# A longer value of a dead letter is cut: brokers take about a mebibyte with everything.
MAX_VALUE_BYTES = 900_000
# What an event may have of key and headers together; beside a long value more than a broker takes.
MAX_HEADER_BYTES = 64 << 10

_TOPICS = {"score_changed": SCORE_CHANGED_TOPIC, "xp_credited": XP_CREDITED_TOPIC}
_CLOUDEVENT = (("content-type", b"application/cloudevents+json"),)


class OutgoingMessage(msgspec.Struct, frozen=True, gc=False):
    """One message on its way out; topic without prefix."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class PendingMessages:
    """Messages to be published; position and mark are those of the last one."""

    messages: list[OutgoingMessage]
    position: int
    mark: int


async def messages_after(
    connection: Connection, rows: Sequence[asyncpg.Record], position: int, most: int
) -> PendingMessages | None:
    """Return the first messages of outbox rows behind a position, at most `most`; None if there are none.

    A dead letter that was discarded or replayed before it was told of takes a position and is no message.
    """
    wanted = [
        (row["first_position"] + place, kind, facts, encoder)
        for row in rows
        for encoder in [MessageEncoder(row["incarnation"], row["groups"], row["committed_at"])]
        for place, (kind, facts) in enumerate(zip(row["kinds"], row["facts"], strict=True))
        if row["first_position"] + place > position
    ][:most]
    if not wanted:
        return None
    ids = [int(facts) for _, kind, facts, _ in wanted if kind == "dead_letter"]
    letters = await _read_dead_letters(connection, ids)
    messages = [_message(kind, facts, encoder, letters) for _, kind, facts, encoder in wanted]
    last, _, facts, _ = wanted[-1]
    return PendingMessages([message for message in messages if message is not None], last, mark_of(facts))


def mark_of(facts: str) -> int:
    """Return what tells a message of the outbox from another at the same position."""
    return zlib.crc32(facts.encode())


async def _read_dead_letters(connection: Connection, ids: Iterable[int]) -> dict[int, asyncpg.Record]:
    ids = list(ids)
    rows = await connection.fetch(queries("relay")["dead_letters"], ids) if ids else []
    return {row["id"]: row for row in rows}


def _message(
    kind: str, facts: str, encoder: MessageEncoder, letters: Mapping[int, asyncpg.Record]
) -> OutgoingMessage | None:
    if kind != "dead_letter":
        return OutgoingMessage(_TOPICS[kind], *encoder.encode(kind, facts), _CLOUDEVENT)
    letter = letters.get(int(facts))
    return None if letter is None else dead_letter_message(letter)


def dead_letter_message(letter: asyncpg.Record) -> OutgoingMessage:
    """Return a dead letter as it is published: byte for byte, as far as a broker takes it."""
    headers = tuple((readable_name(name), value) for name, value in decode_headers(letter["headers"]))
    truncated = []
    if (
        sum(len(name) + len(value or b"") for name, value in headers) + len(letter["key"] or b"")
        > MAX_HEADER_BYTES
    ):
        headers = ()
        truncated.append("headers")
    value = letter["value"]
    if value is not None and len(value) > MAX_VALUE_BYTES:
        value = value[:MAX_VALUE_BYTES]
        truncated.append("value")
    key = letter["key"]
    if key is not None and len(key) > MAX_HEADER_BYTES:
        key = key[:MAX_HEADER_BYTES]
        truncated.append("key")
    told = {
        "engagement-reason": letter["reason"],
        "engagement-detail": letter["detail"],
        "engagement-topic": letter["topic"],
        "engagement-partition": str(letter["partition"]),
        "engagement-offset": str(letter["offset"]),
    }
    if truncated:
        told["engagement-truncated"] = ",".join(truncated)
    return OutgoingMessage(
        DEAD_LETTERS_TOPIC, key, value, (*headers, *((name, text.encode()) for name, text in told.items()))
    )
