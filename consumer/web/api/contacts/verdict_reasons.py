"""Why an entry of a timeline gives no points, for programs and for people.

Owns the reason codes and the wording. Never judges: verdicts are as stored.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from consumer.web.http.timestamps import Instant, clock_time, day
from schemas.names import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo


class WhyCode(StrEnum):
    """Why an entry gives no points."""

    COOLING_DOWN = "cooling_down"
    ALREADY_COUNTED = "already_counted"
    ROBOT = "robot"
    WEIGHT_ZERO = "weight_zero"


class Why(BaseModel):
    """Why an entry gives no points.

    text: in the account's time zone. blocked_by: when what counted in its stead happened. until: when it would have
    counted again. Both null where there is no such thing, or no longer.
    """

    code: WhyCode
    text: str
    blocked_by: Instant | None = None
    until: Instant | None = None


def why(entry: Mapping[str, Any], weight: int, zone: tzinfo) -> Why | None:
    """Return why an entry, a row of the statement `entries`, gives no points; None where it does."""
    verdict, at, by = Verdict(entry["verdict"]), entry["occurred_at"], entry["blocked_by"]
    if verdict is Verdict.EXCLUDED:
        return Why(code=WhyCode.ROBOT, text="a robot's")
    if verdict is Verdict.ALREADY_COUNTED:
        on = f" on {day(by, zone, at)}" if by else ""
        return Why(code=WhyCode.ALREADY_COUNTED, text=f"counted once already{on}", blocked_by=by)
    if verdict is Verdict.COOLING_DOWN:
        until: datetime | None = by and by + timedelta(seconds=entry["interval_seconds"])
        words = f" until {clock_time(until, zone, at)}" if until else ""
        return Why(code=WhyCode.COOLING_DOWN, text=f"cooling down{words}", blocked_by=by, until=until)
    return Why(code=WhyCode.WEIGHT_ZERO, text="weight 0") if weight == 0 else None
