"""The reason that a timeline entry gives no points: a code for programs and a text for people."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from consumer.web.http.timestamps import Instant, clock_time, day
from schemas.vocabulary import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo


class WhyCode(StrEnum):
    """The reason that an entry gives no points."""

    COOLING_DOWN = "cooling_down"
    ALREADY_COUNTED = "already_counted"
    ROBOT = "robot"
    WEIGHT_ZERO = "weight_zero"


class Why(BaseModel, use_attribute_docstrings=True, json_schema_serialization_defaults_required=True):
    """The reason that a timeline entry gives no points."""

    code: WhyCode
    """The reason, for programs."""
    text: str
    """The reason for display, in the account's time zone."""
    blocked_by: Instant | None = None
    """The instant of the counted event that blocks it; null: not applicable, or no longer stored."""
    until: Instant | None = None
    """The instant from which an event would count again; null likewise."""


def why(entry: Mapping[str, Any], weight: int, zone: tzinfo) -> Why | None:
    """Return the reason that an entry (a row of the query `entries`) gives no points; None if it gives some."""
    verdict, at, blocked_by = Verdict(entry["verdict"]), entry["occurred_at"], entry["blocked_by"]
    if verdict is Verdict.EXCLUDED:
        return Why(code=WhyCode.ROBOT, text="excluded: robot event")
    if verdict is Verdict.ALREADY_COUNTED:
        suffix = f" on {day(blocked_by, zone, at)}" if blocked_by else ""
        return Why(code=WhyCode.ALREADY_COUNTED, text=f"already counted{suffix}", blocked_by=blocked_by)
    if verdict is Verdict.COOLING_DOWN:
        until: datetime | None = blocked_by and blocked_by + timedelta(seconds=entry["interval_seconds"])
        suffix = f" until {clock_time(until, zone, at)}" if until else ""
        return Why(
            code=WhyCode.COOLING_DOWN, text=f"cooling down{suffix}", blocked_by=blocked_by, until=until
        )
    return Why(code=WhyCode.WEIGHT_ZERO, text="weight 0") if weight == 0 else None
