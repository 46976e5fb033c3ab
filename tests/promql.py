"""Reads out of an expression of PromQL what it asks for: series, labels, and inside which functions.

Owns as much of the grammar as our rules and panels use, and refuses the rest. Never evaluates anything; promtool
does, in tests/unit/test_alert_rules.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""\s+ | \#[^\n]* | (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*') | (?P<range>\[[^\]]*\])
    | (?P<name>[A-Za-z_:][\w:]*) | (?P<number>\d[\w.]*) | (?P<sign>=~|!~|!=|==|<=|>=|[-+*/%^<>=(){},])""",
    re.VERBOSE,
)
_BETWEEN = {"and", "or", "unless", "offset", "bool"}
_JOINING = {"on", "ignoring", "group_left", "group_right"}


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an aggregation; by: the labels that it keeps."""

    name: str
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Use:
    """A series that an expression asks for. matchers: (label, operator, value). calls: from the outermost in."""

    series: str
    matchers: tuple[tuple[str, str, str], ...]
    calls: tuple[Call, ...]


@dataclass(slots=True)
class Reading:
    """What an expression asks for. joined: the labels by which its sides are brought together."""

    uses: list[Use] = field(default_factory=list)
    joined: set[str] = field(default_factory=set)


def read(expression: str) -> Reading:
    """Return what an expression asks for; raises ValueError where it is not of the grammar known here."""
    reader = _Reader(expression)
    reader.expression(())
    if reader.ahead():
        raise ValueError(f"{expression!r}: not understood from {reader.ahead()!r} on")
    return reader.reading


class _Reader:
    def __init__(self, expression: str) -> None:
        self.reading = Reading()
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(expression):
            found = _TOKEN.match(expression, at)
            if found is None:
                raise ValueError(f"{expression!r}: not understood at {at}")
            at = found.end()
            if found.lastgroup:
                self._tokens.append((found.lastgroup, found.group()))
        self._tokens.reverse()

    def ahead(self) -> str:
        """Return the token to come, nothing at the end."""
        return self._tokens[-1][1] if self._tokens else ""

    def expression(self, calls: tuple[Call, ...]) -> None:
        """Read up to the end or a closing parenthesis, inside these calls."""
        while self._tokens and self.ahead() != ")":
            kind, token = self._tokens.pop()
            if kind == "sign" and token == "(":
                self.expression(calls)
                self._expect(")")
            elif kind == "name":
                self._name(token, calls)

    def _name(self, name: str, calls: tuple[Call, ...]) -> None:
        if name in _BETWEEN:
            return
        if name in _JOINING:
            self.reading.joined.update(self._labels())
        elif name in {"by", "without"}:
            raise ValueError(f"{name!r} is read only between a function and its parentheses")
        elif self.ahead() in {"(", "by"}:
            by: tuple[str, ...] = ()
            if self.ahead() == "by":
                self._tokens.pop()
                by = self._labels()
            self._expect("(")
            self.expression((*calls, Call(name, by)))
            self._expect(")")
        else:
            self.reading.uses.append(Use(name, self._matchers(), calls))

    def _labels(self) -> tuple[str, ...]:
        self._expect("(")
        labels = []
        while self.ahead() != ")":
            kind, token = self._tokens.pop()
            if kind == "name":
                labels.append(token)
        self._expect(")")
        return tuple(labels)

    def _matchers(self) -> tuple[tuple[str, str, str], ...]:
        if self.ahead() != "{":
            return ()
        self._tokens.pop()
        matchers = []
        while self.ahead() != "}":
            label, operator, value = (self._tokens.pop()[1] for _ in range(3))
            matchers.append((label, operator, value[1:-1]))
            if self.ahead() == ",":
                self._tokens.pop()
        self._expect("}")
        return tuple(matchers)

    def _expect(self, sign: str) -> None:
        if self.ahead() != sign:
            raise ValueError(f"{sign!r} expected, not {self.ahead()!r}")
        self._tokens.pop()
