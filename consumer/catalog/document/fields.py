"""Reads the fields of a mapping one by one: checks each value, and collects faults with their lines.

Here is the form of single values (texts, bounds, keys, durations); parse.py knows which fields there are.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from consumer.catalog.document.faults import Fault
from consumer.catalog.document.yaml_nodes import (
    MappingNode,
    ScalarNode,
    SequenceNode,
    Unusable,
    line_of,
    scalar_value,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.catalog.document.yaml_nodes import Node

KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
ACCOUNT = re.compile(r"[A-Za-z0-9_-]{1,64}")
# What they require, in words.
KEY_FORM = "1 to 64 lower-case letters, digits and _, beginning with a letter"
ACCOUNT_FORM = "1 to 64 letters, digits, _ and -"
MAX_TEXT = 256

_DURATION = re.compile(r"([0-9]{1,12})([smhd])")
_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def duration_text(seconds: int) -> str:
    """Return a duration in the form of documents, in the largest unit that divides it."""
    unit = next(unit for unit, length in _UNITS.items() if seconds % length == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


def duration_seconds(text: str) -> int | None:
    """Return the seconds of a duration, None where the text is not one."""
    match = _DURATION.fullmatch(text)
    return int(match[1]) * _UNITS[match[2]] if match else None


class Fields:
    """A mapping of a document. Unknown and repeated fields are faults at once.

    Each method that reads a field returns its value, or None where it is absent or faulty; then it adds a fault.
    `lines` has the line of every field that is present, faulty ones included.
    """

    def __init__(self, node: Node, label: str, known: Iterable[str], faults: list[Fault]) -> None:
        self.label = label
        self.line = line_of(node)
        self.lines: dict[str, int] = {}
        self.faults = faults
        self._nodes: dict[str, Node] = {}
        if isinstance(node, MappingNode):
            self._take(node, frozenset(known))
        else:
            self.fault(self.line, f"must be a mapping, not {describe_node(node)}")

    def _take(self, node: MappingNode, known: frozenset[str]) -> None:
        for key_node, value_node in node.value:
            line, key = line_of(key_node), _mapping_key(key_node)
            if key is None:
                self.fault(line, f"a field's name must be text, not {describe_node(key_node)}")
            elif key in self.lines:
                self.fault(line, f"{key} is repeated, first on line {self.lines[key]}")
            elif known and key not in known:
                guess = difflib.get_close_matches(key, known, n=1)
                self.fault(line, f'unknown key "{key}"' + (f", did you mean {guess[0]}?" if guess else ""))
            else:
                self.lines[key] = line
                self._nodes[key] = value_node

    def fault(self, line: int, message: str) -> None:
        """Add a fault of this mapping."""
        self.faults.append(Fault(line, f"{self.label}: {message}" if self.label else message))

    def _wrong(self, field: str, expected: str, actual: str) -> None:
        self.fault(self.lines[field], f"{field} must be {expected}, not {actual}")

    def scalar(self, field: str, expected: str) -> Any:
        """Return the value of a field that must be a scalar other than null; `expected` is for the fault."""
        node = self._nodes.get(field)
        value = scalar_value(node) if isinstance(node, ScalarNode) else None
        if node is not None and (value is None or isinstance(value, Unusable)):
            self._wrong(field, expected, describe_node(node))
            return None
        return value

    def is_null(self, field: str) -> bool:
        """Return True if the field is present and null."""
        node = self._nodes.get(field)
        return isinstance(node, ScalarNode) and scalar_value(node) is None

    def text(
        self, field: str, *, breaks: bool = False, empty: bool = False, longest: int = MAX_TEXT
    ) -> str | None:
        """Return a text of at most `longest` code points without control characters (line breaks if allowed)."""
        value = self.scalar(field, "text")
        if value is None:
            return None
        if not isinstance(value, str):
            self._wrong(field, "text", f"{describe_value(value)}: put it in quotes")
            return None
        problem = text_problem(value.replace("\n", "") if breaks else value, empty=empty, longest=longest)
        if problem:
            self.fault(self.lines[field], f"{field} {problem}")
            return None
        return value

    def matching(self, field: str, pattern: re.Pattern[str], form: str) -> str | None:
        """Return a text that matches the whole pattern; `form`: what it requires, in words."""
        value = self.text(field)
        if value is not None and not pattern.fullmatch(value):
            self._wrong(field, form, quoted(value))
            return None
        return value

    def choice(self, field: str, choices: Iterable[str], what: str = "") -> str | None:
        """Return a text that is one of `choices`; `what` describes them in the fault if they are many."""
        value = self.text(field)
        if value is not None and value not in choices:
            self._wrong(field, what or f"one of {', '.join(choices)}", quoted(value))
            return None
        return value

    def boolean(self, field: str) -> bool | None:
        """Return true or false."""
        value = self.scalar(field, "true or false")
        if value is not None and not isinstance(value, bool):
            self._wrong(field, "true or false", describe_value(value))
            return None
        return value

    def integer(self, field: str, least: int, most: int) -> int | None:
        """Return a whole number within bounds, both included."""
        expected = f"a whole number from {least} to {most}" if least < most else str(least)
        value = self.scalar(field, expected)
        if value is not None and (type(value) is not int or not least <= value <= most):
            self._wrong(field, expected, describe_value(value))
            return None
        return value

    def duration(self, field: str, longest_days: int, *, least_days: int = 0) -> int | None:
        """Return the seconds of a duration of `least_days`, and 1 s, to `longest_days`."""
        value = self.scalar(field, expected := "a duration like 30m, 24h or 7d")
        if value is None:
            return None
        seconds = duration_seconds(value) if isinstance(value, str) else None
        if seconds is None:
            self._wrong(field, expected, describe_value(value))
        elif not max(1, least_days * 86_400) <= seconds <= longest_days * 86_400:
            least = f"{least_days}d" if least_days else "1s"
            self._wrong(field, f"from {least} to {longest_days}d", value)
        else:
            return seconds
        return None

    def items(self, field: str) -> list[Node] | None:
        """Return the nodes of a list."""
        node = self._nodes.get(field)
        if node is not None and not isinstance(node, SequenceNode):
            self._wrong(field, "a list", describe_node(node))
            return None
        return None if node is None else list(node.value)

    def mapping(self, field: str, known: Iterable[str]) -> Fields | None:
        """Return a nested mapping; if `known` is empty, all fields are allowed."""
        node = self._nodes.get(field)
        if node is None:
            return None
        if not isinstance(node, MappingNode):
            self._wrong(field, "a mapping", describe_node(node))
            return None
        return Fields(node, f"{self.label}: {field}" if self.label else field, known, self.faults)

    def node(self, field: str) -> Node | None:
        """Return the unchecked node of a field, None where it is absent."""
        return self._nodes.get(field)


def text_problem(text: str, *, empty: bool = False, longest: int = MAX_TEXT) -> str | None:
    """Return what is wrong with a text, None if nothing is."""
    if not text and not empty:
        return "must not be empty"
    if len(text) > longest:
        return f"must have at most {longest} characters, not {len(text)}"
    if any(unicodedata.category(character) == "Cc" for character in text):
        return "must not have control characters"
    return None


def describe_node(node: Node) -> str:
    """Return a node's description for a fault."""
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    return describe_value(scalar_value(node)) if isinstance(node, ScalarNode) else "something else"


def describe_value(value: Any) -> str:
    """Return a scalar value's description for a fault."""
    if isinstance(value, Unusable):
        return value.problem
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return quoted(value) if isinstance(value, str) else f"{Decimal(value):f}"


def quoted(text: str) -> str:
    """Return a text in quotes, cut to 64 characters."""
    shown = text if len(text) <= 64 else text[:63] + "…"  # noqa: PLR2004 - a line of a report
    return '"' + "".join(c if c.isprintable() else "�" for c in shown) + '"'


def _mapping_key(node: Node) -> str | None:
    value = scalar_value(node) if isinstance(node, ScalarNode) else None
    return value if isinstance(value, str) else None
