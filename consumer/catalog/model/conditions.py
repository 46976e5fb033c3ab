"""Conditions of a definition: what they look at in an event, and whether they hold (semantics §3).

Owns the operators, the kinds of values that compare with each other, and the stored form of conditions. Never
raises for an event, whatever its data holds; never checks a document, which document.py does.
"""

from __future__ import annotations

import json
import operator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from consumer.domain.model import Event

Value = str | bool | int | Decimal
# Of what a condition finds in an event; null counts as missing, so None is what is missing.
Test: TypeAlias = "Callable[[Any], bool]"
CompiledCondition: TypeAlias = "Callable[[Event, Mapping[str, Any]], bool]"


class Op(StrEnum):
    """What a condition asks of the value that it finds."""

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
    """The attributes of an event that a condition may look at."""

    SOURCE = "source"
    ACTORTYPE = "actortype"
    OBJECTID = "objectid"


ORDERING = {Op.GT: operator.gt, Op.GTE: operator.ge, Op.LT: operator.lt, Op.LTE: operator.le}
WITHOUT_VALUE = frozenset({Op.EXISTS, Op.ABSENT})
WITH_LIST = frozenset({Op.IN, Op.NOT_IN})


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of `when`: over a path in `data`, or over an attribute where `path` is None.

    value: None for `exists` and `absent`, a tuple of one kind for `in` and `not_in`; numbers are int where they
    are whole, else Decimal, so that equal conditions are equal values.
    """

    path: str | None
    attribute: Attribute | None
    op: Op
    value: Value | tuple[Value, ...] | None = None


def kind(value: object) -> str | None:
    """Return the kind of a value, by which it compares: None for lists, objects and what is missing."""
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | Decimal) else None


def compile_condition(condition: Condition) -> CompiledCondition:
    """Return the function that tells whether the condition holds for an event and its parsed data.

    The data is looked at only by a condition with a path. Numbers in it are int or Decimal.
    """
    test, looked = _test(condition), _looking(condition)
    return lambda event, data: test(looked(event, data))


def value_found(condition: Condition, event: Event, data: Mapping[str, Any]) -> Any:
    """Return what a condition looks at in an event, None where it is missing or null; `data` is parsed."""
    return _looking(condition)(event, data)


def _looking(condition: Condition) -> Callable[[Event, Mapping[str, Any]], Any]:
    if condition.path is not None:
        names = condition.path.split(".")
        return lambda _event, data: _found(data, names)
    if condition.attribute is Attribute.SOURCE:
        return lambda event, _data: event.source
    if condition.attribute is Attribute.ACTORTYPE:
        return lambda event, _data: event.actor_type
    return lambda event, _data: event.object_id


def _found(data: Mapping[str, Any], names: Iterable[str]) -> Any:
    found: Any = data
    for name in names:
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found


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
    wanted = value if isinstance(value, tuple) else (value,)
    return _membership(wanted, expected=op in (Op.EQ, Op.IN))


def _membership(wanted: tuple[Any, ...], *, expected: bool) -> Test:
    of_kind = kind(wanted[0])
    return lambda found: kind(found) == of_kind and (found in wanted) is expected


def _comparison(compare: Callable[[Any, Any], bool], value: Any) -> Test:
    of_kind = kind(value)
    return lambda found: kind(found) == of_kind and compare(found, value)


def _contains(value: Any) -> Test:
    of_kind = kind(value)

    def test(found: Any) -> bool:
        if isinstance(found, list):
            # Python holds that True == 1; here they are of different kinds.
            return any(kind(element) == of_kind and element == value for element in found)
        return isinstance(found, str) and of_kind == "string" and value in found

    return test


_ENCODER = msgspec.json.Encoder(decimal_format="number")


def to_json(conditions: Iterable[Condition]) -> str:
    """Return the stored form of a `when` list: JSON in which every number stands exactly."""
    return _ENCODER.encode([as_mapping(condition) for condition in conditions]).decode()


def from_json(text: str) -> tuple[Condition, ...]:
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


def as_mapping(condition: Condition) -> dict[str, Any]:
    """Return a condition as it stands in a document, the fields in their usual order."""
    name = "path" if condition.attribute is None else "attribute"
    looks_at = condition.path if condition.attribute is None else condition.attribute.value
    mapping: dict[str, Any] = {name: looks_at, "op": condition.op.value}
    if condition.value is not None:
        mapping["value"] = list(condition.value) if isinstance(condition.value, tuple) else condition.value
    return mapping


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_value(each) for each in value)
    return canonical(value) if isinstance(value, Decimal) else value


def canonical(number: Decimal) -> int | Decimal:
    """Return the one form of a number among its equals: int where it is whole, else without trailing zeros."""
    if number == number.to_integral_value():
        return int(number)
    return Decimal(f"{number:f}".rstrip("0"))
