"""Events as attributes, as the oracle reads them; kafka_records.py encodes them.

Unless an attribute says otherwise, each is a `deal.won` of contact ann in account acme.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.oracle import OracleRecord

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
_SETTLED_AFTER = timedelta(days=8)


def event(id_: str = "a", **attributes: Any) -> OracleRecord:
    """Build an event whose time is its record's timestamp: AT."""
    defaults = {"source": "/crm", "type": "deal.won", "subject": "ann", "accountid": "acme", "timestamp": AT}
    return OracleRecord(**{"id": id_, **defaults, **attributes})


def numbered_event(number: int, **attributes: Any) -> OracleRecord:
    """Build an event named after its number, that many seconds after AT."""
    return event(str(number), **{"timestamp": AT + timedelta(seconds=number), **attributes})


def dated_event(id_: str, occurred_at: datetime, **attributes: Any) -> OracleRecord:
    """Build an event with a `time` of its own, recorded at that time."""
    return event(id_, **{"time": occurred_at.isoformat(), "timestamp": occurred_at, **attributes})


def clock_event(clock: str, *, settled: bool = False, **attributes: Any) -> OracleRecord:
    """Build an event at HH:MM of one day, named after it; a settled one is recorded eight days later."""
    hours, minutes = map(int, clock.split(":"))
    time = AT.replace(hour=hours, minute=minutes)
    recorded = time + (_SETTLED_AFTER if settled else timedelta(seconds=1))
    return dated_event(clock, time, **{"timestamp": recorded, **attributes})


def by_file(record: OracleRecord) -> OracleRecord:
    """Return an event as the line of a file: its own time is its record's timestamp (semantics 4.13)."""
    if record.time is None and record.timestamp is not None:
        return replace(record, time=record.timestamp.isoformat())
    time = datetime.fromisoformat(str(record.time))
    return replace(record, timestamp=time - timedelta(microseconds=time.microsecond % 1000))


def live_event(number: int, **attributes: Any) -> OracleRecord:
    """Build an event of this second, by the rep rosa."""
    now = datetime.now(UTC).replace(microsecond=0)
    by = {"actorid": "rosa", "actortype": "rep"}
    return event(f"evt-{number}", **{"timestamp": now, **by, **attributes})


def lost_event(number: int, **attributes: Any) -> OracleRecord:
    """Build a numbered event of type `deal.lost`."""
    return numbered_event(number, **{"type": "deal.lost", **attributes})
