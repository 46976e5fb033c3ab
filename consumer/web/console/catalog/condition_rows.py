"""Conditions as rows of a form: what each is about, how it compares, and with what."""

from __future__ import annotations

import csv
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.catalog.words import ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from consumer.web.console.visit import Form

WITHOUT_VALUE: Final = frozenset({"exists", "absent"})
WITH_LIST: Final = frozenset({"in", "not_in"})
# What a value is read as. auto: as the field was seen; otherwise by its look.
KINDS: Final = ("auto", "string", "number", "boolean")
_MOST_ROWS: Final = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One row, as it was typed. of: `data`, or the name of an attribute. kind: one of KINDS."""

    of: str = "data"
    path: str = ""
    op: str = "eq"
    value: str = ""
    kind: str = "auto"

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed."""
        return self.of == "data" and not self.path and not self.value


def typed_rows(form: Form) -> list[Row]:
    """Return the rows of a form that was sent, empty ones included."""
    count = form.number("conditions")
    return [
        Row(**{name: form.text(f"when-{number}-{name}") or default for name, default in _DEFAULTS.items()})
        for number in range(min(count, _MOST_ROWS) if isinstance(count, int) else 0)
    ]


_DEFAULTS: Final = {"of": "data", "path": "", "op": "eq", "value": "", "kind": "auto"}


def rows_of(conditions: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return the rows of stored conditions."""
    return [
        Row(
            of=each.get("attribute") or "data",
            path=each.get("path") or "",
            op=each["op"],
            value=_shown(each.get("value")),
            kind=_kind(each.get("value")),
        )
        for each in conditions
    ]


def conditions_of(rows: Iterable[Row], kinds: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the conditions of rows as the API takes them. kinds: of paths, as they were seen."""
    return [_condition(row, kinds) for row in rows]


def _condition(row: Row, kinds: Mapping[str, str]) -> dict[str, Any]:
    about = {"attribute": row.of} if row.of in ATTRIBUTES else {"path": row.path}
    # A text that is empty on purpose is one that says to be text.
    if row.op in WITHOUT_VALUE or (not row.value and row.kind != "string"):
        return {**about, "op": row.op}
    kind = (
        "string" if row.of in ATTRIBUTES else kinds.get(row.path, "auto") if row.kind == "auto" else row.kind
    )
    if row.op in WITH_LIST:
        return {**about, "op": row.op, "value": [_read(each.strip(), kind) for each in _listed(row.value)]}
    return {**about, "op": row.op, "value": _read(row.value, kind)}


def _listed(text: str) -> list[str]:
    """Return the texts between commas; those in quotes may have some."""
    try:
        return next(csv.reader([text], skipinitialspace=True), [])
    except csv.Error:
        return text.split(",")


def _read(text: str, kind: str) -> Any:
    """Return a value of a kind. What is none of it stays text, for the API to say so."""
    if kind == "string":
        return text
    if kind != "number" and text in {"true", "false"}:
        return text == "true"
    if kind != "boolean":
        with suppress(ValueError):
            return int(text)
        with suppress(ValueError):
            number = float(text)
            if abs(number) != float("inf") and number == number:  # noqa: PLR0124 - NaN is no number of JSON
                return number
    return text


def _kind(value: Any) -> str:
    first = value[0] if isinstance(value, list) and value else value
    if isinstance(first, bool):
        return "boolean"
    if isinstance(first, int | float):
        return "number"
    return "string" if isinstance(first, str) else "auto"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_quoted(_shown(each)) for each in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _quoted(text: str) -> str:
    if not set(text) & {",", '"'} and text == text.strip():
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
