"""What is typed: times, ids, and the fields of `data` of the product types (semantics §2 and contracts.md).

Owns which values a typed field may have. Never converts one.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

LONGEST_IDENTIFIER = 256
MOST_DIGITS = 38


def is_identifier(value: Any) -> bool:
    """Return whether a value has the form that ids have: 1 to 256 code points, none of category Cc."""
    return (
        isinstance(value, str)
        and 1 <= len(value) <= LONGEST_IDENTIFIER
        and not any(unicodedata.category(character) == "Cc" for character in value)
    )


_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)


def parse_time(text: Any) -> datetime | None:
    """Read RFC 3339, cut to the microsecond, in UTC; None where it is something else."""
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    fraction, sign, offset_hours, offset_minutes = found.groups()[6:]
    if second > 60 or int(offset_hours or 0) > 23 or int(offset_minutes or 0) > 59:
        return None
    offset = timedelta(hours=int(offset_hours or 0), minutes=int(offset_minutes or 0))
    try:
        # Python knows no year 0: 4 is a leap year like it, and out of bounds like it.
        whole = datetime(year or 4, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None
    try:
        return (
            whole
            + timedelta(seconds=1 if second == 60 else 0, microseconds=int(f"{fraction or 0:0<6}"[:6]))
            + (offset if sign == "-" else -offset)
        )
    except OverflowError:  # beyond the years 1 to 9999: well-formed, and out of every bound
        return datetime.max.replace(tzinfo=UTC)


_DEAL = {
    **dict.fromkeys(("pipeline", "stage", "previous_stage", "currency", "owner"), "string"),
    "amount": "number",
}
_MESSAGE = {
    **dict.fromkeys(("channel", "direction", "conversation"), "string"),
    "text_length": "integer",
    "has_attachment": "boolean",
}
_FOLLOWUP = {"kind": "string", "due_at": "time", "completed_at": "time"}
_BOOKING = {"calendar": "string", "service": "string", "starts_at": "time", "duration_minutes": "integer"}
_PAYMENT = {**dict.fromkeys(("currency", "method", "provider", "invoice"), "string"), "amount": "number"}
_ORDER = {"currency": "string", "amount": "number", "items": "integer", "products": "strings"}
_EMAIL = dict.fromkeys(("campaign", "email", "subject", "link", "user_agent"), "string")
CONTACT_FIELDS = {**dict.fromkeys(("name", "email", "phone", "owner", "url"), "string"), "tags": "strings"}

FIELDS = {
    **{f"message.{verb}": _MESSAGE for verb in ("received", "sent", "read")},
    **{f"deal.{verb}": _DEAL for verb in ("created", "stage_changed", "won", "lost")},
    **{f"followup.{verb}": _FOLLOWUP for verb in ("scheduled", "completed", "missed")},
    **{
        f"booking.{verb}": _BOOKING
        for verb in ("created", "rescheduled", "completed", "cancelled", "no_show")
    },
    **{f"payment.{verb}": _PAYMENT for verb in ("succeeded", "failed", "refunded")},
    **{f"order.{verb}": _ORDER for verb in ("placed", "cancelled")},
    **{
        f"email.{verb}": _EMAIL
        for verb in ("delivered", "opened", "clicked", "replied", "bounced", "unsubscribed")
    },
    "contact.upserted": CONTACT_FIELDS,
    "contact.merged": {"into": "id"},
}


def fit(type_: str, data: dict[str, Any]) -> bool:
    """Return whether the fields that are typed for this type of event hold what they should; null is absent."""
    return all(
        data.get(name) is None or _is_a(kind, data[name]) for name, kind in FIELDS.get(type_, {}).items()
    )


def _is_a(kind: str, value: Any) -> bool:
    if kind == "string":
        return isinstance(value, str) and "\0" not in value
    if kind == "id":
        return is_identifier(value)
    if kind == "strings":
        return isinstance(value, list) and all(_is_a("string", element) for element in value)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "time":
        return parse_time(value) is not None
    fits = isinstance(value, Decimal) and _digits(value) <= MOST_DIGITS
    return fits and (kind == "number" or value == value.to_integral_value())


def _digits(number: Decimal) -> int:
    """Count the digits of a number written out in full, without the zeros that lead it."""
    _, digits, exponent = number.as_tuple()
    return len("".join(map(str, digits)).lstrip("0")) + (max(int(exponent), 0) if number else 0)
