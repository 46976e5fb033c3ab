"""Reads whose record it is, also of one that is no event. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from consumer.domain.damaged_json import readable_members
from consumer.domain.record_headers import headers_by_name

if TYPE_CHECKING:
    from consumer.domain.record_headers import Headers


def readable_subject(headers: Headers, value: bytes | None) -> str | None:
    """Return the `subject` of a record, from its headers or else its value; None where it cannot be read."""
    by_name, _ = headers_by_name(None, headers)
    subject = by_name.get("ce_subject")
    if subject is not None:
        return subject.decode(errors="replace")
    try:
        return msgspec.json.decode((readable_members(value or b"") or {})["subject"], type=str)
    except (KeyError, msgspec.MsgspecError):
        return None
