"""The format of the facts of a message in the outbox, so that relays of two versions can work beside each other.

Facts without a number have format 1. Others begin with U+001C, the number and U+001F; U+001C occurs in no value
(semantics 2.23). A program writes a format only when every program that may run on the schema reads it
(docs/upgrading.md).
"""

from __future__ import annotations

# The newest that this program reads.
NEWEST = 2
# The kinds of messages that it knows; a later version may have more.
KINDS = frozenset({"score_changed", "band_changed", "xp_credited", "dead_letter", "tombstone"})

_MARK = "\x1c"
_FIELD = "\x1f"


class NewerFactsError(Exception):
    """The next message of a shard is of a later version: only a relay of that version can publish it."""


def split_format(facts: str) -> tuple[int, str]:
    """Return the format of facts, and the facts without its number."""
    if not facts.startswith(_MARK):
        return 1, facts
    return _number(facts), facts[facts.index(_FIELD) + 1 :]


def why_unknown(kind: str, facts: str) -> str | None:
    """Return why this program cannot publish a message, None if it can."""
    if kind not in KINDS:
        return f"is of the kind {kind}, which this program does not know"
    if facts.startswith(_MARK) and (number := _number(facts)) > NEWEST:
        return f"has facts of format {number}, and this program reads up to {NEWEST}"
    return None


def _number(facts: str) -> int:
    """Return the number that facts begin with, without a copy of the rest, which can be long."""
    return int(facts[1 : facts.index(_FIELD)])
