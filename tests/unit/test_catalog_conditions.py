"""Conditions: held against the oracle's plain reading, over whatever JSON holds."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumer.catalog import AccountSnapshot, ActiveDefinition, match
from consumer.catalog.model.conditions import (
    Attribute,
    Condition,
    Op,
    condition_mapping,
    conditions_from_json,
)
from consumer.domain.model import Event
from consumer.domain.verdict_rule import Edition
from schemas.exact_json import exact_json
from schemas.vocabulary import Per, Policy
from tests.oracle import match as oracle

ALWAYS = Edition(Policy.ALWAYS, timedelta(0), Per.CONTACT)


def event(data: str = "{}", **attributes: Any) -> Event:
    given_attributes = {
        "source": "/crm",
        "actor_id": None,
        "actor_type": None,
        "object_id": None,
        "type": "deal.won",
        **attributes,
    }
    return Event(
        account="acme",
        key=b"k" * 16,
        id="a",
        subject="ann",
        occurred_us=0,
        settled=False,
        robot=False,
        data=data,
        digest=0,
        **given_attributes,
    )


def takes(condition: Condition, of: Event) -> bool:
    definition = ActiveDefinition(1, "won", 1, ALWAYS, 0, (condition,))
    account = AccountSnapshot(
        1,
        "acme",
        engagement=True,
        sales=True,
        count_robots=False,
        definitions_by_type={"deal.won": (definition,)},
    )
    return match(account, of) == (definition,)


# From a small pool, so that what is compared is often equal, or of another kind but alike.
STRINGS = st.sampled_from(["", "a", "ab", "b", "1", "true", "é", "\U0001f600", "\uffff"])
NUMBERS = st.sampled_from(
    ["0", "1", "1.0", "10e-1", "-1", "0.1", "1e400", "1e-400", "9007199254740993", "1" + "0" * 40]
)
VALUES = STRINGS.map(json.dumps) | NUMBERS | st.sampled_from(["true", "false", "null", "{}", "[]"])
LISTS = st.lists(VALUES, max_size=3).map(lambda items: "[" + ",".join(items) + "]")
FOUND = VALUES | LISTS
OPERANDS = STRINGS | st.sampled_from([0, 1, -1, Decimal("0.1"), 9007199254740993]) | st.booleans()


def comparable(value: Any) -> str:
    return "boolean" if isinstance(value, bool) else "string" if isinstance(value, str) else "number"


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    op = draw(st.sampled_from(list(Op)))
    value: Any = None
    if op in (Op.IN, Op.NOT_IN):
        first = draw(OPERANDS)
        alike = OPERANDS.filter(lambda value: comparable(value) == comparable(first))
        value = (first, *draw(st.lists(alike, max_size=2)))
    elif op not in (Op.EXISTS, Op.ABSENT):
        only = ("string", "number") if op not in (Op.EQ, Op.NE) else ("string", "number", "boolean")
        value = draw(OPERANDS.filter(lambda value: comparable(value) in only))
    return Condition(draw(st.sampled_from(["a", "a.b", "a.", "b"])), None, op, value)


@given(
    conditions(),
    FOUND,
    st.sampled_from(['{"a": %s}', '{"a": {"b": %s, "": 1}}', '{"a": [%s], "a.b": 1}', "{}"]),
)
@example(Condition("a", None, Op.EQ, 1), "true", '{"a": %s}')
@example(Condition("a", None, Op.CONTAINS, 1), "[true]", '{"a": %s}')
@example(Condition("a", None, Op.NE, "x"), "null", '{"a": %s}')
def test_a_condition_holds_where_the_oracle_says_so(condition: Condition, found: str, around: str) -> None:
    """For every operator, operand and data, a condition holds exactly where the plain reading of §3 does."""
    data = around.replace("%s", found)
    of = event(data)
    plain = json.loads(data, parse_float=Decimal, parse_int=Decimal)
    mapping = condition_mapping(condition)

    class Plain:
        source, actor_type, object = of.source, of.actor_type, of.object_id
        data = plain

    assert takes(condition, of) == oracle._holds(mapping, oracle._found(mapping, Plain))  # type: ignore[arg-type] # what _found reads


@given(st.lists(conditions(), max_size=4))
def test_conditions_survive_being_stored(given_conditions: list[Condition]) -> None:
    """What is stored of conditions reads back as the same values, numbers exact and of the same type."""
    back = conditions_from_json(exact_json([condition_mapping(each) for each in given_conditions]))
    assert back == tuple(given_conditions)
    assert [type(each.value) for each in back] == [type(each.value) for each in given_conditions]


@pytest.mark.parametrize(
    ("op", "value", "number", "holds"),
    [
        (Op.GT, 5, "1e999999999999999999999", True),
        (Op.GT, 5, "-1e999999999999999999999", False),
        (Op.EQ, 5, "1e999999999999999999999", False),
        (Op.LT, Decimal("0.1"), "1e-999999999999999999999", True),
        (Op.EQ, 0, "1e-999999999999999999999", False),
        (Op.GT, 5, "9" * 200_000, True),
        (Op.NE, 5, "0." + "9" * 200_000, True),
        (Op.IN, (5, 6), "1e999999999999999999", False),
    ],
)
def test_numbers_of_any_size_are_compared_at_once(op: Op, value: Any, number: str, *, holds: bool) -> None:
    """A number of any size in the data is compared exactly and quickly, and is never an error."""
    condition = Condition("a", None, op, value)
    assert takes(condition, event(f'{{"a": {number}}}')) is holds


@pytest.mark.parametrize(
    ("attribute", "op", "value", "holds"),
    [
        (Attribute.SOURCE, Op.CONTAINS, "cr", True),
        (Attribute.SOURCE, Op.EXISTS, None, True),
        (Attribute.ACTORTYPE, Op.EQ, "rep", True),
        (Attribute.ACTORTYPE, Op.IN, ("system", "rep"), True),
        (Attribute.OBJECTID, Op.ABSENT, None, True),
        (Attribute.OBJECTID, Op.NE, "o1", False),
    ],
)
def test_a_condition_may_look_at_an_attribute(
    attribute: Attribute, op: Op, value: Any, *, holds: bool
) -> None:
    """Conditions over source, actortype and objectid need no data: it is not even parsed."""
    condition = Condition(None, attribute, op, value)
    assert takes(condition, event(data="not JSON", actor_type="rep")) is holds


def test_every_condition_has_to_hold_and_each_definition_stands_alone() -> None:
    """A definition takes an event if all its conditions hold; several may take one, in display order."""
    big = Condition("amount", None, Op.GTE, 100)
    by_rep = Condition(None, Attribute.ACTORTYPE, Op.EQ, "rep")
    both, one, none = (
        ActiveDefinition(number, f"d{number}", 1, ALWAYS, 0, each)
        for number, each in enumerate([(big, by_rep), (big,), ()])
    )
    account = AccountSnapshot(
        1,
        "acme",
        engagement=True,
        sales=True,
        count_robots=False,
        definitions_by_type={"deal.won": (both, one, none), "deal.created": (none,)},
    )
    assert match(account, event('{"amount": 100.0}')) == (one, none)
    assert match(account, event('{"amount": 1e2}', actor_type="rep")) == (both, one, none)
    assert match(account, event('{"amount": 99.99}', actor_type="rep")) == (none,)
    assert match(account, event("not JSON", type="deal.created")) == (none,)
    assert match(account, event(type="deal.lost")) == ()
