"""The conditions of a segment as a form has them: rows, one of which may be a block of further rows.

A row's fields are called after its place: `c.0.min`, within a block `c.0.1.min`. They may be incomplete; what is
wrong with them is for the API to say.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from consumer.web.console.visit import Faults, Form

KINDS: Final = ("score", "band", "count", "last_event", "owner", "tags", "first_seen")
BLOCK: Final = "block"
# Of the API (consumer/scoring/segments/definition.py).
MOST: Final = 10
# `drop:9.9:` and a place.
_LONGEST_BUTTON: Final = 20
# The fields of each kind, and which of them have several values. Where a kind has a choice of one of two fields of
# the API, `which` is the chosen one.
_SINGLE: Final[dict[str, tuple[str, ...]]] = {
    "score": ("group", "min", "max"),
    "band": ("group",),
    "count": ("min", "max", "within_days"),
    "last_event": ("which", "days"),
    "owner": ("which",),
    "tags": ("which",),
    "first_seen": ("which", "days"),
}
_SEVERAL: Final[dict[str, str]] = {
    "band": "in",
    "count": "definitions",
    "last_event": "definitions",
    "owner": "texts",
    "tags": "texts",
}
_CHOSEN: Final = {
    "last_event": ("within_days", "not_within_days"),
    "first_seen": ("within_days", "not_within_days"),
    "owner": ("any_of", "unassigned"),
    "tags": ("any_of", "all_of"),
}
_NUMBERS: Final = frozenset({"min", "max", "within_days"})


@dataclass
class Row:
    """A condition. values: of its single fields. several: the values of the field that may have more than one."""

    kind: str = "score"
    negated: bool = False
    values: dict[str, str] = field(default_factory=dict)
    several: list[str] = field(default_factory=list)

    def value(self, name: str) -> str:
        """Return a field; empty if it is not set."""
        return self.values.get(name, "")

    @property
    def choices(self) -> tuple[str, ...]:
        """The fields of the API of which the row has one."""
        return _CHOSEN.get(self.kind, ())

    @property
    def which(self) -> str:
        """The one of these that is chosen."""
        return self.value("which") if self.value("which") in self.choices else next(iter(self.choices), "")

    def condition(self) -> dict[str, Any]:
        """Return the condition as the API takes it."""
        inside: dict[str, Any] = {
            name: _number(value) if name in _NUMBERS else value
            for name in _SINGLE[self.kind]
            if name not in {"which", "days"} and (value := self.value(name))
        }
        if self.kind in {"last_event", "first_seen"}:
            inside[self.which] = _number(self.value("days")) if self.value("days") else None
        if self.which == "unassigned":
            inside["unassigned"] = True
        elif self.kind in {"owner", "tags"}:
            inside[self.which] = self.several
        elif self.kind in _SEVERAL and (self.several or self.kind != "last_event"):
            inside[_SEVERAL[self.kind]] = self.several
        return {"not": {self.kind: inside}} if self.negated else {self.kind: inside}

    @classmethod
    def of(cls, condition: Mapping[str, Any]) -> Row:
        """Return the row of a condition of the API."""
        negated = "not" in condition
        [(kind, inside)] = (condition["not"] if negated else condition).items()
        row = cls(kind, negated)
        for name, value in inside.items():
            if name in _CHOSEN.get(kind, ()):
                row.values["which"] = name
                if isinstance(value, list):
                    row.several = value
                elif name != "unassigned":
                    row.values["days"] = str(value)
            elif isinstance(value, list):
                row.several = value
            else:
                row.values[name] = str(value)
        return row


@dataclass
class Block:
    """Rows of which `all` or `any` are to hold."""

    how: str = "any"
    rows: list[Row] = field(default_factory=list)


@dataclass
class Draft:
    """What the form has. how: whether `all` or `any` of the items are to hold."""

    how: str = "all"
    items: list[Row | Block] = field(default_factory=list)

    def match(self) -> dict[str, Any]:
        """Return the rule as the API takes it."""
        return {self.how: [_condition(each) for each in self.items]}

    @classmethod
    def of(cls, match: Mapping[str, Any]) -> Draft:
        """Return the form of a rule of the API."""
        [(how, conditions)] = match.items()
        items: list[Row | Block] = []
        for each in conditions:
            joined = next((name for name in ("all", "any") if name in each), None)
            items.append(Block(joined, [Row.of(inner) for inner in each[joined]]) if joined else Row.of(each))
        return cls(how, items)

    @classmethod
    def typed(cls, form: Form) -> Draft:
        """Return what was sent."""
        draft = cls(_how(form.text("how"), "all"))
        for place in _places(form, "c"):
            name = f"c.{place}"
            if form.text(f"{name}.kind") != BLOCK:
                draft.items.append(_row(form, name))
                continue
            rows = [_row(form, f"{name}.{inner}") for inner in _places(form, name)]
            draft.items.append(Block(_how(form.text(f"{name}.how"), "any"), rows))
        return draft

    def changed(self, do: str) -> None:
        """Do what a button asks: `add`, `add-block`, `add:0`, `remove:0`, `remove:0.1`, `drop:0.1:2` (a value)."""
        what, _, at = do.partition(":")
        at, _, value = at.partition(":")
        outer, _, inner = at.partition(".")
        if do == "add":
            self.items.append(Row())
        elif do == "add-block":
            self.items.append(Block("any" if self.how == "all" else "all", [Row(), Row()]))
        elif len(do) > _LONGEST_BUTTON or not outer.isdecimal() or int(outer) >= len(self.items):
            return
        elif what == "add" and isinstance(block := self.items[int(outer)], Block):
            block.rows.append(Row())
        elif what == "remove":
            self._remove(int(outer), inner)
        elif what == "drop" and value.isdecimal() and (row := self._row(int(outer), inner)):
            del row.several[int(value) : int(value) + 1]

    def _row(self, outer: int, inner: str) -> Row | None:
        found = self.items[outer]
        if isinstance(found, Row):
            return found
        return found.rows[int(inner)] if inner.isdecimal() and int(inner) < len(found.rows) else None

    def _remove(self, outer: int, inner: str) -> None:
        found = self.items[outer]
        if isinstance(found, Block) and inner.isdecimal():
            del found.rows[int(inner) : int(inner) + 1]
            if found.rows:
                return
        del self.items[outer]

    def faults(self, faults: Faults) -> dict[str, list[str]]:
        """Return what is wrong by the name of a row (`c.0`) or of a field of one (`c.0.min`)."""
        found: dict[str, list[str]] = {}
        for path, detail in faults.by_field.items():
            name = self._name(path.split("."))
            if name:
                found.setdefault(name, []).append(detail)
        return found

    def _name(self, path: list[str]) -> str:
        """Return the name of the field of a path such as `match.all.0.any.1.not.score.min`."""
        names = [step for step in path[1:] if step not in {"all", "any", "not"}]
        places = [step for step in names if step.isdecimal()][:2]
        if path[:1] != ["match"] or not places:
            return ""
        outer = self.items[int(places[0])] if int(places[0]) < len(self.items) else None
        depth = 2 if isinstance(outer, Block) and len(places) == 2 else 1  # noqa: PLR2004 - of a block's row
        row = ".".join(("c", *places[:depth]))
        last = names[-1] if names else ""
        return f"{row}.{last}" if last in _NUMBERS else row


def _condition(item: Row | Block) -> dict[str, Any]:
    return item.condition() if isinstance(item, Row) else {item.how: [each.condition() for each in item.rows]}


def _places(form: Form, name: str) -> Iterator[int]:
    place = 0
    while form.text(f"{name}.{place}.kind") and place < MOST:
        yield place
        place += 1


def _row(form: Form, name: str) -> Row:
    kind = form.text(f"{name}.kind")
    row = Row(kind if kind in KINDS else "score", form.is_set(f"{name}.not"))
    row.values = {each: form.text(f"{name}.{each}") for each in _SINGLE[row.kind]}
    if row.kind in {"owner", "tags"}:
        row.several = [line.strip() for line in form.text(f"{name}.texts").splitlines() if line.strip()]
    elif row.kind in _SEVERAL:
        field_name = _SEVERAL[row.kind]
        added = form.text(f"{name}.add")
        row.several = [
            *dict.fromkeys([*filter(None, form.texts(f"{name}.{field_name}")), *filter(None, [added])])
        ]
    return row


def _how(text: str, usual: str) -> str:
    return text if text in {"all", "any"} else usual


def _number(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:
        return text
