"""Conditions of a definition (semantics §3): operators, stored form, and whether they hold for an event.

No event raises, whatever its data. document/parse_conditions.py checks conditions; here they are valid.
"""

from __future__ import annotations

import json
import operator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from consumer.domain.model import Event

Value = str | bool | int | Decimal
# Takes the value found in an event; None if missing, and null counts as missing.
Test: TypeAlias = "Callable[[Any], bool]"
CompiledCondition: TypeAlias = "Callable[[Event, Mapping[str, Any]], bool]"


class Op(StrEnum):
    """The operator of a condition."""

    EQ = "eq"
    NE = "ne"
    IN = "in"
    NOT_IN = "not_in"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    CONTAINS = "contains"
    EXISTS = "exists"
    ABSENT = "absent"


class Attribute(StrEnum):
    """The attributes of an event that a condition may compare."""

    SOURCE = "source"
    ACTORTYPE = "actortype"
    OBJECTID = "objectid"


ORDERING = {Op.GT: operator.gt, Op.GTE: operator.ge, Op.LT: operator.lt, Op.LTE: operator.le}
WITHOUT_VALUE = frozenset({Op.EXISTS, Op.ABSENT})
WITH_LIST = frozenset({Op.IN, Op.NOT_IN})


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of `when`: over a path in `data`, or over an attribute where `path` is None.

    value: None for `exists` and `absent`, a tuple of one kind for `in` and `not_in`. Whole numbers are int, others
    Decimal, so that equal conditions are equal values.
    """

    path: str | None
    attribute: Attribute | None
    op: Op
    value: Value | tuple[Value, ...] | None = None


def kind(value: object) -> str | None:
    """Return the kind of a value: only equal kinds compare. None for lists, objects and missing values."""
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | Decimal) else None


def compile_condition(condition: Condition) -> CompiledCondition:
    """Return the function that checks the condition for an event and its parsed data.

    Only a condition with a path reads the data. Numbers in it are int or Decimal.
    """
    test, find_value = _test(condition), _finder(condition)
    return lambda event, data: test(find_value(event, data))


def value_found(condition: Condition, event: Event, data: Mapping[str, Any]) -> Any:
    """Return the value that a condition compares, None where it is missing or null; `data` is parsed."""
    return _finder(condition)(event, data)


def _finder(condition: Condition) -> Callable[[Event, Mapping[str, Any]], Any]:
    if condition.path is not None:
        names = condition.path.split(".")
        return lambda _event, data: _at_path(data, names)
    if condition.attribute is Attribute.SOURCE:
        return lambda event, _data: event.source
    if condition.attribute is Attribute.ACTORTYPE:
        return lambda event, _data: event.actor_type
    return lambda event, _data: event.object_id


def _at_path(data: Mapping[str, Any], names: Iterable[str]) -> Any:
    value: Any = data
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _test(condition: Condition) -> Test:
    op, value = condition.op, condition.value
    if op is Op.EXISTS:
        return lambda found: found is not None
    if op is Op.ABSENT:
        return lambda found: found is None
    if op is Op.CONTAINS:
        return _contains(value)
    if op in ORDERING:
        return _comparison(ORDERING[op], value)
    listed = value if isinstance(value, tuple) else (value,)
    return _membership(listed, is_member=op in (Op.EQ, Op.IN))


def _membership(listed: tuple[Any, ...], *, is_member: bool) -> Test:
    expected_kind = kind(listed[0])
    return lambda found: kind(found) == expected_kind and (found in listed) is is_member


def _comparison(compare: Callable[[Any, Any], bool], value: Any) -> Test:
    expected_kind = kind(value)
    return lambda found: kind(found) == expected_kind and compare(found, value)


def _contains(value: Any) -> Test:
    expected_kind = kind(value)

    def test(found: Any) -> bool:
        if isinstance(found, list):
            # In Python True == 1; here they are of different kinds.
            return any(kind(element) == expected_kind and element == value for element in found)
        return isinstance(found, str) and expected_kind == "string" and value in found

    return test


def conditions_from_json(text: str) -> tuple[Condition, ...]:
    """Return the conditions of a stored `when` list."""
    return tuple(
        Condition(
            path=each.get("path"),
            attribute=Attribute(each["attribute"]) if "attribute" in each else None,
            op=Op(each["op"]),
            value=_value(each.get("value")),
        )
        for each in json.loads(text, parse_float=Decimal)
    )


def condition_mapping(condition: Condition) -> dict[str, Any]:
    """Return a condition in the form that documents and the database have, fields in their usual order."""
    name = "path" if condition.attribute is None else "attribute"
    operand = condition.path if condition.attribute is None else condition.attribute.value
    mapping: dict[str, Any] = {name: operand, "op": condition.op.value}
    if condition.value is not None:
        mapping["value"] = list(condition.value) if isinstance(condition.value, tuple) else condition.value
    return mapping


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_value(each) for each in value)
    return canonical_number(value) if isinstance(value, Decimal) else value


def canonical_number(number: Decimal) -> int | Decimal:
    """Return the canonical form of a number: int where it is whole, else without trailing zeros."""
    if number == number.to_integral_value():
        return int(number)
    return Decimal(f"{number:f}".rstrip("0"))
