"""Parses and checks the conditions of a definition: the list under `when`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.catalog.document.fields import Fields, describe_node, describe_value
from consumer.catalog.document.yaml_nodes import ScalarNode, SequenceNode, scalar_value
from consumer.catalog.model.conditions import (
    ORDERING,
    WITH_LIST,
    WITHOUT_VALUE,
    Attribute,
    Condition,
    Op,
    kind,
)

if TYPE_CHECKING:
    from consumer.catalog.document.faults import Fault
    from consumer.catalog.document.yaml_nodes import Node

_KINDS = {Op.CONTAINS: ("string", "number"), **dict.fromkeys(ORDERING, ("string", "number"))}
_ANY_KIND = ("string", "number", "boolean")
_LONGEST_VALUE = 10_000


def read_conditions(fields: Fields) -> tuple[Condition, ...] | None:
    """Return the conditions of a definition, None where `when` is absent or one of them is faulty."""
    items = fields.items("when")
    if items is None:
        return None
    conditions = [
        _condition(item, f"{fields.label}: condition {number}", fields.faults)
        for number, item in enumerate(items, start=1)
    ]
    return tuple(each for each in conditions if each) if all(conditions) else None


def _condition(node: Node, label: str, faults: list[Fault]) -> Condition | None:
    before = len(faults)
    fields = Fields(node, label, ("path", "attribute", "op", "value"), faults)
    if len(faults) > before and not fields.lines:
        return None
    path = fields.text("path", longest=1_000)
    attribute = fields.choice("attribute", list(Attribute))
    if len({"path", "attribute"} & fields.lines.keys()) != 1:
        fields.fault(fields.line, "needs either path or attribute")
    op = fields.choice("op", list(Op))
    if "op" not in fields.lines:
        fields.fault(fields.line, "op is missing")
    value = _value(fields, Op(op), of_attribute="attribute" in fields.lines) if op else None
    if len(faults) > before or op is None:
        return None
    return Condition(path, Attribute(attribute) if attribute else None, Op(op), value)


def _value(fields: Fields, op: Op, *, of_attribute: bool) -> Any:
    node = fields.node("value")
    if op in WITHOUT_VALUE:
        if node is not None:
            fields.fault(fields.lines["value"], f"{op} takes no value")
        return None
    if node is None:
        if "value" not in fields.lines:
            fields.fault(fields.line, f"{op} needs a value")
        return None
    kinds = ("string",) if of_attribute else _KINDS.get(op, _ANY_KIND)
    if op in WITH_LIST:
        return _values(fields, node, op, kinds)
    value = scalar_value(node) if isinstance(node, ScalarNode) else None
    if not _is_allowed(value, kinds):
        fields.fault(
            fields.lines["value"],
            f"the value of {op} must be {_kind_names(kinds)}, not {_describe(node, value)}",
        )
        return None
    return value


def _values(fields: Fields, node: Node, op: Op, kinds: tuple[str, ...]) -> tuple[Any, ...] | None:
    line = fields.lines["value"]
    if not isinstance(node, SequenceNode):
        fields.fault(line, f"the value of {op} must be a list, not {describe_node(node)}")
        return None
    values = [scalar_value(each) if isinstance(each, ScalarNode) else None for each in node.value]
    if not values:
        fields.fault(line, f"the list of {op} must not be empty")
        return None
    for each, value in zip(node.value, values, strict=True):
        if not _is_allowed(value, kinds):
            fields.fault(
                line, f"the list of {op} must hold {_kind_names(kinds)}, not {_describe(each, value)}"
            )
            return None
    if len({kind(value) for value in values}) > 1:
        fields.fault(line, f"the values of {op} must be of one type")
        return None
    return tuple(values)


def _is_allowed(value: Any, kinds: tuple[str, ...]) -> bool:
    return kind(value) in kinds and not (isinstance(value, str) and len(value) > _LONGEST_VALUE)


def _kind_names(kinds: tuple[str, ...]) -> str:
    words = {"string": "text", "number": "a number", "boolean": "true or false"}
    *first, last = (words[each] for each in kinds)
    return f"{', '.join(first)} or {last}" if first else last


def _describe(node: Node, value: Any) -> str:
    if isinstance(value, str):
        return (
            f"text of more than {_LONGEST_VALUE} characters"
            if len(value) > _LONGEST_VALUE
            else describe_value(value)
        )
    return describe_node(node)
