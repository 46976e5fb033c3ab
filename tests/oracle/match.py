"""Which definitions take an event (semantics §3).

Owns the conditions. Never an error, whatever `data` holds; never an effect.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.oracle.catalog import Account, Definition
    from tests.oracle.decode import Event


def definitions_that_take(event: Event, account: Account) -> list[Definition]:
    """List the active definitions whose `events` name the type and whose every condition holds."""
    return [
        definition
        for definition in account.definitions.values()
        if definition.active
        and event.type in definition.events
        and all(_holds(condition, _found(condition, event)) for condition in definition.when)
    ]


def _found(condition: dict[str, Any], event: Event) -> Any:
    """Find what the condition looks at; None where it is missing."""
    if "attribute" in condition:
        attributes = {"source": event.source, "actortype": event.actor_type, "objectid": event.object}
        return attributes[condition["attribute"]]
    found: Any = event.data
    for name in condition["path"].split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _holds(condition: dict[str, Any], found: Any) -> bool:  # noqa: PLR0911 - one for each clause of the rule
    op: str = condition["op"]
    value: Any = condition.get("value")
    if op == "absent":
        return found is None
    if found is None:
        return False
    if op == "exists":
        return True
    if op == "contains":
        return _contains(found, value)
    if op in ("in", "not_in"):
        comparable = any(_kind(each) == _kind(found) for each in value)
        return comparable and any(_equal(found, each) for each in value) == (op == "in")
    if _kind(found) is None or _kind(found) != _kind(value):
        return False
    if op in ("eq", "ne"):
        return _equal(found, value) == (op == "eq")
    if _kind(found) == "boolean":
        return False
    left, right = _comparable(found), _comparable(value)
    return bool({"gt": left > right, "gte": left >= right, "lt": left < right, "lte": left <= right}[op])


def _contains(found: Any, value: Any) -> bool:
    if isinstance(found, str):
        return isinstance(value, str) and value in found
    if isinstance(found, list):
        return any(_kind(element) != "boolean" and _equal(element, value) for element in found)
    return False


def _equal(left: Any, right: Any) -> bool:
    return _kind(left) is not None and _kind(left) == _kind(right) and _comparable(left) == _comparable(right)


def _kind(value: Any) -> str | None:
    """Which values compare with one another; None: it compares with nothing."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float | Decimal):
        return "number"
    return "string" if isinstance(value, str) else None


def _comparable(value: Any) -> Any:
    # A float of a catalog document means the digits that were written, not the binary fraction near them.
    return Decimal(repr(value)) if isinstance(value, float) else value
