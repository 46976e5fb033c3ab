"""What a purge leaves of entries of one id and definition (semantics 8.29)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tests.oracle.catalog import Edition
    from tests.oracle.judge import Entry


def stays(entry: Entry, entries: Iterable[Entry], editions: Iterable[Edition], horizon: datetime) -> bool:
    """Return whether an entry dated before the horizon stays. entries: all of its id and definition."""
    return entry.counted and any(
        _is_needed(entry, entries, edition, horizon)
        for edition in editions
        if edition.number >= entry.edition.number
    )


def _is_needed(entry: Entry, entries: Iterable[Entry], edition: Edition, horizon: datetime) -> bool:
    if edition.policy == "once":
        of_key = [
            other
            for other in entries
            if other.counted
            and other.edition.number <= edition.number
            and (edition.per == "contact" or other.event.object == entry.event.object)
        ]
        return entry is min(of_key, key=lambda other: other.order)
    if edition.policy == "cooldown":
        assert edition.interval is not None
        return horizon - entry.event.occurred_at < edition.interval
    return False
