"""Texts that callers choose, and that become attributes of events: ids and names (semantics §2, 2.23). Pure."""

from __future__ import annotations

from typing import Final

from consumer.domain.cloudevents import CONTROL
from consumer.domain.limits import LONGEST_TEXT
from consumer.web.tracker.calls.refused import malformed
from schemas.vocabulary import ANONYMOUS_PREFIX

LONGEST_NAME: Final = LONGEST_TEXT - len("track.")
LONGEST_ANONYMOUS_ID: Final = LONGEST_TEXT - len(ANONYMOUS_PREFIX)
# The id of the event that sets fields from traits is that of the call and this.
TRAITS_SUFFIX: Final = ":traits"
LONGEST_MESSAGE_ID: Final = LONGEST_TEXT - len(TRAITS_SUFFIX)


def fits(text: str, most: int = LONGEST_TEXT) -> bool:
    """Return whether a text has 1 to so many characters, none of them a control character."""
    return 0 < len(text) <= most and (text.isprintable() or CONTROL.search(text) is None)


def text_of(field: str, given: str | int | None, most: int = LONGEST_TEXT) -> str | None:
    """Return an id or a name as text, None where it is absent or empty; raises RefusedError if it does not fit."""
    if given is None or given == "":
        return None
    text = str(given)
    if not fits(text, most):
        raise malformed(field, f"expected 1 to {most} characters, none of them a control character")
    return text
