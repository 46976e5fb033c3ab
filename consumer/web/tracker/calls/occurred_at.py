"""When the event of a call happened: the caller's time, corrected where its clock is wrong. Pure."""

from __future__ import annotations

from typing import Final

from consumer.domain.limits import EARLIEST
from consumer.web.tracker.calls.refused import RefusedError, malformed
from schemas.timestamps import microseconds

_MINUTE: Final = 60_000_000


def occurred_at(timestamp: str | None, sent_at: str | None, now: int) -> int:
    """Return the instant of a call's event, in microseconds since 1970, never later than now; raises RefusedError.

    timestamp, sent_at: by the caller's clock, of the event and of this attempt to send it. now: by the server's.
    """
    if not timestamp:
        return now
    happened = microseconds(timestamp)
    if happened is None:
        raise _not_a_time("timestamp")
    if sent_at:
        sent = microseconds(sent_at)
        if sent is None:
            raise _not_a_time("sentAt")
        happened += _correction(now - sent)
    if happened < EARLIEST:
        raise malformed("timestamp", "before 2000-01-01")
    return min(happened, now)


def _correction(difference: int) -> int:
    """Return what is added to a caller's times.

    In whole minutes: a repetition arrives after another delay, and shall not give another time.
    """
    if abs(difference) <= _MINUTE:
        return 0
    return (difference + _MINUTE // 2) // _MINUTE * _MINUTE


def _not_a_time(field: str) -> RefusedError:
    return malformed(field, "expected an RFC 3339 time such as 2026-03-02T10:00:00Z")
