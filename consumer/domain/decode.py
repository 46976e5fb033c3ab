"""Decodes a record: returns an event valid in every respect of semantics §2, a tombstone or a dead letter. Pure.

The result depends on the record alone, and no record raises: replaying the stored bytes gives the same result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.domain.decode_carefully import decode_carefully
from consumer.domain.decode_usual import decode_usual

if TYPE_CHECKING:
    from consumer.domain.model import DeadLetter, Event, Record, Tombstone


def decode(record: Record) -> Event | Tombstone | DeadLetter:
    """Return what `decode_carefully` returns, in half the time where the record is a usual event."""
    return decode_usual(record) or decode_carefully(record)
