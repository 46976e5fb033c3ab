"""Distinguishes a record that cannot be applied from a database that is slow for every record."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from consumer.domain.model import Event

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from consumer.ingest.batch import DecodedRecord

# How many others a record is compared with, and the seconds within which one of them has to be applied.
_OTHERS = 3
_SOON = 1.0


class Culprit:
    """A record that ran into a time-out alone while others could be applied, until anything is committed.

    docs/decisions/0022-batches-that-time-out.md
    """

    def __init__(self) -> None:
        # Topic, partition and offset: the record may be fetched anew.
        self._suspect: tuple[str, int, int] | None = None

    def note_commit(self) -> None:
        """Record that a batch was committed."""
        self._suspect = None

    async def is_found(
        self,
        alone: DecodedRecord,
        others: Sequence[DecodedRecord],
        can_apply: Callable[[DecodedRecord], Awaitable[bool]],
    ) -> bool:
        """Return whether others could be applied before and after this time-out of a record alone.

        can_apply: tries one of the others, and commits nothing.
        """
        suspect, self._suspect = self._suspect, None
        if not await _any_soon(_unlike(alone, others), can_apply):
            return False
        position = (*alone.lane, alone.record.offset)
        if suspect == position:
            return True
        # Once more: the database may have recovered only after the time-out.
        self._suspect = position
        return False


async def _any_soon(
    records: Sequence[DecodedRecord], can_apply: Callable[[DecodedRecord], Awaitable[bool]]
) -> bool:
    for record in records:
        began = time.monotonic()
        if await can_apply(record) and time.monotonic() - began < _SOON:
            return True
    return False


def _unlike(alone: DecodedRecord, others: Sequence[DecodedRecord]) -> Sequence[DecodedRecord]:
    """Return a few of the others, those of other contacts first."""
    contact = _contact(alone)
    return sorted(others, key=lambda one: _contact(one) == contact)[:_OTHERS]


def _contact(one: DecodedRecord) -> tuple[str, str] | None:
    return (one.content.account, one.content.subject) if isinstance(one.content, Event) else None
