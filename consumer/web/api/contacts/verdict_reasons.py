"""The reason that a timeline entry gives no points: a code for programs and a text for people."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from consumer.web.http.timestamps import Instant, clock_time, day
from schemas.timestamps import rfc3339
from schemas.vocabulary import Verdict

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    import asyncpg


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


def why(entry: asyncpg.Record, weight: int, zone: tzinfo) -> dict[str, Any] | None:
    """Return the reason that an entry (a row of the query `entries`) gives no points; None if it gives some.

    It has the shape of Why, as JSON values.
    """
    verdict = entry["verdict"]
    if verdict == Verdict.COUNTED:
        return None if weight else _why(WhyCode.WEIGHT_ZERO, "weight 0")
    if verdict == Verdict.EXCLUDED:
        return _why(WhyCode.ROBOT, "excluded: robot event")
    at, blocked_by = entry["occurred_at"], entry["blocked_by"]
    if verdict == Verdict.ALREADY_COUNTED:
        suffix = f" on {day(blocked_by, zone, at)}" if blocked_by else ""
        return _why(WhyCode.ALREADY_COUNTED, f"already counted{suffix}", blocked_by)
    until: datetime | None = blocked_by and blocked_by + timedelta(seconds=entry["interval_seconds"])
    suffix = f" until {clock_time(until, zone, at)}" if until else ""
    return _why(WhyCode.COOLING_DOWN, f"cooling down{suffix}", blocked_by, until)


def _why(
    code: WhyCode, text: str, blocked_by: datetime | None = None, until: datetime | None = None
) -> dict[str, Any]:
    instants = {"blocked_by": blocked_by and rfc3339(blocked_by), "until": until and rfc3339(until)}
    return {"code": code, "text": text, **instants}
