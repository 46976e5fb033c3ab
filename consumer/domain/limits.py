"""The bounds of a record that can be an event (semantics §2)."""

from __future__ import annotations

from typing import Final

MAX_VALUE_BYTES: Final = 262_144
MAX_KEY_AND_HEADER_BYTES: Final = 65_536
MAX_DEPTH: Final = 64  # of `data`; a structured value has one level more
LONGEST_TEXT: Final = 256  # of an attribute, in characters

# Of the event's instant, in microseconds.
EARLIEST: Final = 946_684_800_000_000  # 2000-01-01
LATEST_AFTER_RECORD: Final = 3_600_000_000  # one hour
SETTLED_BEFORE_RECORD: Final = 7 * 86_400_000_000  # seven days
LATEST: Final = 7_258_118_399_999_999  # the last microsecond before 2200-01-01
