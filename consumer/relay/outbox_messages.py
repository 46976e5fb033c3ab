"""Turns rows of the outbox into Kafka messages; message_json.py makes the JSON, dead letters are made here."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from consumer.domain.record_headers import decode_headers, readable_name
from consumer.relay.fact_format import NewerFactsError, split_format, why_unknown
from consumer.relay.message_json import MessageEncoder, tombstone
from schemas.vocabulary import (
    BAND_CHANGED_TOPIC,
    DEAD_LETTERS_TOPIC,
    SCORE_CHANGED_TOPIC,
    XP_CREDITED_TOPIC,
)
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import asyncpg

    from consumer.infra.postgres.connection import Connection

# A longer value of a dead letter is truncated: brokers accept about a mebibyte per record batch.
MAX_VALUE_BYTES = 900_000
# The limit for key and headers of an event together; with a long value a larger key would exceed a broker's limit.
MAX_HEADER_BYTES = 64 << 10

_TOPICS = {
    "score_changed": SCORE_CHANGED_TOPIC,
    "band_changed": BAND_CHANGED_TOPIC,
    "xp_credited": XP_CREDITED_TOPIC,
}
_CLOUDEVENT = (("content-type", b"application/cloudevents+json"),)


class OutgoingMessage(msgspec.Struct, frozen=True, gc=False):
    """A message to send; topic without prefix."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class PendingMessages:
    """Messages to send; position and mark of the last one."""

    messages: list[OutgoingMessage]
    position: int
    mark: int


async def pending_messages(connection: Connection, rows: Sequence[asyncpg.Record]) -> PendingMessages | None:
    """Return the messages of rows as the query `due` returns them; None if there are none.

    A dead letter that was discarded or replayed before it was published has a position but no message. Those before
    the first one that only a later version can publish; raises NewerFactsError if none is before it.
    """
    wanted = list(_readable(rows))
    if not wanted:
        return None
    ids = [int(split_format(facts)[1]) for _, kind, facts, _ in wanted if kind == "dead_letter"]
    letters = await _read_dead_letters(connection, ids)
    messages = [_message(kind, facts, encoder, letters) for _, kind, facts, encoder in wanted]
    last, _, facts, _ = wanted[-1]
    return PendingMessages([message for message in messages if message is not None], last, mark_of(facts))


def _readable(rows: Sequence[asyncpg.Record]) -> Iterator[tuple[int, str, str, MessageEncoder]]:
    """Yield position, kind and facts of messages, with the encoder of their row, up to the first unknown one."""
    is_first = True
    for row in rows:
        encoder = MessageEncoder(row["incarnation"], row["groups"], row["committed_at"])
        for position, (kind, facts) in enumerate(
            zip(row["kinds"], row["facts"], strict=True), row["first_position"]
        ):
            if why := why_unknown(kind, facts):
                if is_first:
                    raise NewerFactsError(
                        f"the message at position {position} {why}: run a relay of a newer version"
                    )
                return
            is_first = False
            yield position, kind, facts, encoder


def mark_of(facts: str) -> int:
    """Return a checksum of a message's facts, to recognise another message at the same position."""
    return zlib.crc32(facts.encode())


async def _read_dead_letters(connection: Connection, ids: Iterable[int]) -> dict[int, asyncpg.Record]:
    ids = list(ids)
    rows = await connection.fetch(queries("relay")["dead_letters"], ids) if ids else []
    return {row["id"]: row for row in rows}


def _message(
    kind: str, facts: str, encoder: MessageEncoder, letters: Mapping[int, asyncpg.Record]
) -> OutgoingMessage | None:
    if kind in _TOPICS:
        return OutgoingMessage(_TOPICS[kind], *encoder.encode(kind, facts), _CLOUDEVENT)
    _, facts = split_format(facts)
    if kind == "tombstone":
        key, identity = tombstone(facts)
        return OutgoingMessage(SCORE_CHANGED_TOPIC, key, None, (("engagement-id", identity),))
    letter = letters.get(int(facts))
    return None if letter is None else dead_letter_message(letter)


def dead_letter_message(letter: asyncpg.Record) -> OutgoingMessage:
    """Return a dead letter as a message: byte for byte, truncated to what a broker accepts."""
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
    context = {
        "engagement-reason": letter["reason"],
        "engagement-detail": letter["detail"],
        "engagement-topic": letter["topic"],
        "engagement-partition": str(letter["partition"]),
        "engagement-offset": str(letter["offset"]),
    }
    if truncated:
        context["engagement-truncated"] = ",".join(truncated)
    return OutgoingMessage(
        DEAD_LETTERS_TOPIC, key, value, (*headers, *((name, text.encode()) for name, text in context.items()))
    )
