"""Fields of a document's mappings, read one by one: each value checked, each fault noted with its line.

Owns what a single value must look like (text, bounds, keys, durations). Never knows which fields there are;
document.py does.
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
    scalar,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.catalog.document.yaml_nodes import Node

KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
ACCOUNT = re.compile(r"[A-Za-z0-9_-]{1,64}")
MAX_TEXT = 256

_DURATION = re.compile(r"([0-9]{1,12})([smhd])")
_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def duration_text(seconds: int) -> str:
    """Return a duration as documents write it, in the largest unit that divides it."""
    unit = next(unit for unit, length in _UNITS.items() if seconds % length == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


def duration_seconds(text: str) -> int | None:
    """Return the seconds of a duration, None where the text is none."""
    found = _DURATION.fullmatch(text)
    return int(found[1]) * _UNITS[found[2]] if found else None


class Fields:
    """A mapping of a document under its known fields, in which unknown and repeated ones are noted at once.

    Each reader of a field returns its value, or None where it is absent or faulty; the fault is noted then.
    `lines` has the line of every field that is present, faulty ones too.
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
            self.fault(self.line, f"must be a mapping, not {describe(node)}")

    def _take(self, node: MappingNode, known: frozenset[str]) -> None:
        for key_node, value_node in node.value:
            line, key = line_of(key_node), _mapping_key(key_node)
            if key is None:
                self.fault(line, f"a field's name must be text, not {describe(key_node)}")
            elif key in self.lines:
                self.fault(line, f"{key} is repeated, first on line {self.lines[key]}")
            elif known and key not in known:
                guess = difflib.get_close_matches(key, known, n=1)
                self.fault(line, f'unknown key "{key}"' + (f", did you mean {guess[0]}?" if guess else ""))
            else:
                self.lines[key] = line
                self._nodes[key] = value_node

    def fault(self, line: int, message: str) -> None:
        """Note a fault of this mapping."""
        self.faults.append(Fault(line, f"{self.label}: {message}" if self.label else message))

    def _wrong(self, field: str, wanted: str, found: str) -> None:
        self.fault(self.lines[field], f"{field} must be {wanted}, not {found}")

    def scalar(self, field: str, wanted: str) -> Any:
        """Return the value of a field that must be a scalar other than null; `wanted` is told if it is not."""
        node = self._nodes.get(field)
        value = scalar(node) if isinstance(node, ScalarNode) else None
        if node is not None and (value is None or isinstance(value, Unusable)):
            self._wrong(field, wanted, describe(node))
            return None
        return value

    def is_null(self, field: str) -> bool:
        """Tell whether a field is present and null."""
        node = self._nodes.get(field)
        return isinstance(node, ScalarNode) and scalar(node) is None

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

    def matching(self, field: str, pattern: re.Pattern[str]) -> str | None:
        """Return a text that matches a pattern as a whole."""
        value = self.text(field)
        if value is not None and not pattern.fullmatch(value):
            self._wrong(field, f"written like {pattern.pattern}", quoted(value))
            return None
        return value

    def choice(self, field: str, choices: Iterable[str], what: str = "") -> str | None:
        """Return a text that is one of a closed list; `what` describes a long list instead of naming it."""
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
        wanted = f"a whole number from {least} to {most}" if least < most else str(least)
        value = self.scalar(field, wanted)
        if value is not None and (type(value) is not int or not least <= value <= most):
            self._wrong(field, wanted, describe_value(value))
            return None
        return value

    def duration(self, field: str, longest_days: int) -> int | None:
        """Return the seconds of a duration from one second to so many days."""
        value = self.scalar(field, wanted := "a duration like 30m, 24h or 7d")
        if value is None:
            return None
        seconds = duration_seconds(value) if isinstance(value, str) else None
        if seconds is None:
            self._wrong(field, wanted, describe_value(value))
        elif not 1 <= seconds <= longest_days * 86_400:
            self._wrong(field, f"from 1s to {longest_days}d", value)
        else:
            return seconds
        return None

    def items(self, field: str) -> list[Node] | None:
        """Return the nodes of a list."""
        node = self._nodes.get(field)
        if node is not None and not isinstance(node, SequenceNode):
            self._wrong(field, "a list", describe(node))
            return None
        return None if node is None else list(node.value)

    def mapping(self, field: str, known: Iterable[str]) -> Fields | None:
        """Return a nested mapping; without known fields every field is one."""
        node = self._nodes.get(field)
        if node is None:
            return None
        if not isinstance(node, MappingNode):
            self._wrong(field, "a mapping", describe(node))
            return None
        return Fields(node, f"{self.label}: {field}" if self.label else field, known, self.faults)

    def node(self, field: str) -> Node | None:
        """Return the node of a field as it stands, None where it is absent."""
        return self._nodes.get(field)


def text_problem(text: str, *, empty: bool = False, longest: int = MAX_TEXT) -> str | None:
    """Return what keeps a text from being a name, None if nothing does."""
    if not text and not empty:
        return "must not be empty"
    if len(text) > longest:
        return f"must have at most {longest} characters, not {len(text)}"
    if any(unicodedata.category(character) == "Cc" for character in text):
        return "must not have control characters"
    return None


def describe(node: Node) -> str:
    """Return what a node is, for a fault."""
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    return describe_value(scalar(node)) if isinstance(node, ScalarNode) else "something else"


def describe_value(value: Any) -> str:
    """Return what a scalar's value is, for a fault."""
    if isinstance(value, Unusable):
        return value.problem
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return quoted(value) if isinstance(value, str) else f"{Decimal(value):f}"


def quoted(text: str) -> str:
    """Return a text in quotes, cut where it is long."""
    shown = text if len(text) <= 64 else text[:63] + "…"  # noqa: PLR2004 - a line of a report
    return '"' + "".join(c if c.isprintable() else "�" for c in shown) + '"'


def _mapping_key(node: Node) -> str | None:
    value = scalar(node) if isinstance(node, ScalarNode) else None
    return value if isinstance(value, str) else None
