"""RFC 3339: parses `time` and the times in `data` (semantics §2), and formats every time that the service sends.

Parsing cuts to the microsecond and checks no bounds.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import msgspec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_LONGEST_IN_UTC = len("2026-03-02T10:00:00.123456Z")
_LONGEST_WITH_OFFSET = len("2026-03-02T10:00:00.123456+01:00")
_SHORTEST_WITH_OFFSET = len("2026-03-02T10:00:00+01:00")
_TO_THE_SECOND = len("2026-03-02T10:00:00")
_TO_THE_MICROSECOND = len("2026-03-02T10:00:00.123456")
_EPOCH_DAY = EPOCH.toordinal()
_FOUR_CENTURIES_FIVE_TIMES = 730_485  # days from the year 0 to the year 2000: the calendar repeats
_GRAMMAR = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60)"
    r"(?:\.([0-9]+))?(?:[Zz]|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))"
)


def microseconds(text: str) -> int | None:
    """Return the instant of `text` in microseconds since 1970 in UTC, None where it is not an RFC 3339 time.

    Digits beyond the microsecond are cut off; second 60 is second 0 of the next minute, in every minute. Years 0000
    to 9999 are accepted; the caller checks the bounds.
    """
    if _is_usual(text):
        try:
            return to_microseconds(msgspec.convert(text, datetime))
        except msgspec.ValidationError:  # second 60, the year 0, or no time at all
            pass
    match = _GRAMMAR.fullmatch(text)
    if match is None:
        return None
    day, hour, minute, second, fraction, sign, offset_hour, offset_minute = match.groups()
    days = _days(day)
    if days is None:
        return None
    seconds = ((days * 24 + int(hour)) * 60 + int(minute)) * 60 + int(second)
    if sign is not None:
        offset = (int(offset_hour) * 60 + int(offset_minute)) * 60
        seconds += offset if sign == "-" else -offset
    if fraction is None:
        return seconds * 1_000_000
    return seconds * 1_000_000 + int(fraction[:6].ljust(6, "0"))


def _is_usual(text: str) -> bool:
    """Return True if msgspec's parser, which takes a third of the time, accepts nothing beyond the grammar.

    Beyond it are times without a zone and zones such as +0100; more than six digits of a fraction it rounds.
    """
    if text[-1:] == "Z":
        return len(text) <= _LONGEST_IN_UTC
    return text[-3:-2] == ":" and _SHORTEST_WITH_OFFSET <= len(text) <= _LONGEST_WITH_OFFSET


def instant(since_epoch: int) -> datetime:
    """Return the datetime of microseconds since 1970 in UTC.

    Raises OverflowError outside the years 1 to 9999.
    """
    return EPOCH + timedelta(0, 0, since_epoch)


def to_microseconds(at: datetime) -> int:
    """Return the microseconds since 1970 of an instant."""
    since_epoch = at - EPOCH
    # By parts: to divide by a microsecond takes three times as long.
    return (since_epoch.days * 86_400 + since_epoch.seconds) * 1_000_000 + since_epoch.microseconds


def rfc3339(at: datetime) -> str:
    """Format an instant as the service sends it everywhere: in UTC, to the microsecond."""
    in_utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return f"{in_utc.isoformat(timespec='microseconds')[:_TO_THE_MICROSECOND]}Z"


def rfc3339_of(since_epoch: int) -> str:
    """Format microseconds since 1970 as the service sends them."""
    seconds, fraction = divmod(since_epoch, 1_000_000)
    return f"{_second(seconds)}.{fraction:06}Z"


@lru_cache(maxsize=16_384)  # events of one batch share many seconds
def _second(since_epoch: int) -> str:
    return instant(since_epoch * 1_000_000).isoformat()[:_TO_THE_SECOND]


@lru_cache(maxsize=4096)
def _days(day: str) -> int | None:
    """Return the days since 1970 of `yyyy-mm-dd`, None where the calendar has no such day."""
    year, month, number = int(day[:4]), int(day[5:7]), int(day[8:])
    try:
        if year == 0:  # Python's calendar begins with the year 1, RFC 3339's with the year 0
            return date(2000, month, number).toordinal() - _FOUR_CENTURIES_FIVE_TIMES - _EPOCH_DAY
        return date(year, month, number).toordinal() - _EPOCH_DAY
    except ValueError:
        return None
