"""Instants over HTTP: RFC 3339, UTC to the microsecond in responses, any offset in requests; and as text."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, tzinfo
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, PlainSerializer

from schemas.timestamps import rfc3339

# Between these bounds an instant has a valid date in every time zone, in Python and in Postgres.
FIRST, LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


def _in_range(at: datetime) -> datetime:
    if not FIRST <= at <= LAST:
        raise ValueError(f"must be from {FIRST.year} to {LAST.year}")
    return at


# In responses; in parameters.
Instant = Annotated[datetime, PlainSerializer(rfc3339, when_used="json")]
InstantParam = Annotated[AwareDatetime, AfterValidator(_in_range)]


def clock_time(at: datetime, zone: tzinfo, reference: datetime) -> str:
    """Return the time of day, with the day if it differs from the day of `reference`."""
    local = at.astimezone(zone)
    shown = f"{local:%H:%M}" if local.second == 0 else f"{local:%H:%M:%S}"
    return (
        shown
        if local.date() == reference.astimezone(zone).date()
        else f"{shown} on {day(at, zone, reference)}"
    )


def day(at: datetime, zone: tzinfo, reference: datetime) -> str:
    """Return the day, with the year if it differs from the year of `reference`."""
    local = at.astimezone(zone)
    shown = f"{local.day} {calendar.month_name[local.month]}"
    return shown if local.year == reference.astimezone(zone).year else f"{shown} {local.year}"
