"""Reads rows of the outbox beside the relay, whether published or not, and makes events of their messages.

For live events and webhooks, which follow the outbox on their own (docs/decisions/0034).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from consumer.relay.fact_format import split_format
from consumer.relay.message_json import MessageEncoder
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from consumer.infra.postgres.connection import Connection

_MESSAGES: Final = queries("outbox")["messages"]
SCORES: Final = ("score_changed", "tombstone")


class OutboxRow(msgspec.Struct, frozen=True, gc=False):
    """A row: its positions, and the messages of it that are wanted.

    has_newer: it has messages that only a newer program can read.
    """

    first_position: int
    last_position: int
    committed_at: datetime
    groups: str
    has_newer: bool
    positions: list[int]
    kinds: list[str]
    facts: list[str]


class OutboxEvent(msgspec.Struct, frozen=True, gc=False):
    """A message of an account about a contact; its JSON is made only if it is asked for.

    kind: as in the outbox, except `contact_removed` in place of `tombstone`.
    """

    position: int
    account: str
    contact: str
    kind: str
    facts: str
    encoder: MessageEncoder

    def json(self) -> bytes:
        """Return the message as a CloudEvent."""
        if self.kind == "contact_removed":
            return self.encoder.removed(self.facts)
        return self.encoder.encode(self.kind, self.facts)[1]


async def read_rows(
    connection: Connection,
    shard: int,
    after: int,
    accounts: Sequence[str],
    *,
    limit: int,
    kinds: Collection[str] = SCORES,
) -> list[OutboxRow]:
    """Return the next rows of a shard that end after a position, with the messages after it that are wanted.

    Where the first of them does not begin right after `after`, or before, rows have gone.
    """
    rows = await connection.fetch(_MESSAGES, shard, after, accounts, limit, list(kinds))
    return [
        OutboxRow(
            row["first_position"],
            row["last_position"],
            row["committed_at"],
            row["groups"],
            row["has_newer"],
            row["positions"] or [],
            row["kinds"] or [],
            row["facts"] or [],
        )
        for row in rows
    ]


def events_of(row: OutboxRow, incarnation: int) -> Iterator[OutboxEvent]:
    """Yield the events of a row, in order."""
    if not row.positions:
        return
    encoder = MessageEncoder(incarnation, row.groups, row.committed_at)
    for position, kind, facts in zip(row.positions, row.kinds, row.facts, strict=True):
        account, contact, _ = split_format(facts)[1].split("\x1f", 2)
        shown = "contact_removed" if kind == "tombstone" else kind
        yield OutboxEvent(position, account, contact, shown, facts, encoder)
