"""That the oracle reads catalogs as semantics §3 and §5 mean them, beyond what the vectors show.

Owns the proof of the oracle's conditions, editions and profiles. Never touches the product.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.builders.events import event
from tests.oracle import Oracle, OracleRecord

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def catalog(**changes: Any) -> dict[str, Any]:
    """Make an account with one definition `won`, which takes `deal.won` always."""
    definition = {"key": "won", "group": "deals", "default_points": 10, "events": ["deal.won"]}
    return {
        "account": "acme",
        "sales": True,
        "groups": [{"key": "deals"}],
        "definitions": [definition],
        **changes,
    }


def record(id_: str = "a", **attributes: Any) -> OracleRecord:
    """Make a record that is a good event unless its attributes say otherwise."""
    return event(id_, **{"timestamp": NOON, **attributes})


@pytest.mark.parametrize(
    ("op", "value", "found", "holds"),
    [
        ("eq", True, "true", True),
        ("eq", True, "1", False),
        ("eq", 1, "true", False),
        ("ne", True, "false", True),
        ("gt", False, "true", False),
        ("eq", "B", '"b"', False),
        ("lt", "b", '"B"', True),
        ("gt", "\uffff", '"\U00010000"', True),
        ("gte", 1, "1.0", True),
        ("lte", 0.1, "0.1000000000000000055", False),
        ("gt", 0, "1e999999999999999999999", True),
        ("in", ["a", "b"], '"b"', True),
        ("in", [1, 2], '"1"', False),
        ("not_in", [1, 2], "3.0", True),
        ("not_in", [1, 2], "2.0", False),
        ("not_in", [1, 2], '"3"', False),
        ("not_in", [1, 2], "true", False),
        ("ne", "x", "[]", False),
        ("ne", "x", "null", False),
        ("contains", "b", '"abc"', True),
        ("contains", "B", '"abc"', False),
        ("contains", 1, '"1"', False),
        ("contains", 1, "[0, 1.0]", True),
        ("contains", "1", "[1]", False),
        ("contains", "a", '[["a"]]', False),
        ("contains", True, "[true]", False),
        ("contains", "a", '{"a": 1}', False),
        ("exists", None, "[]", True),
        ("exists", None, "null", False),
        ("absent", None, "null", True),
        ("absent", None, "false", False),
    ],
)
def test_a_condition(op: str, value: Any, found: str, *, holds: bool) -> None:
    """A condition compares like with like, and is false of all else without ever being an error."""
    definition = {"key": "d", "group": "deals", "events": ["x"], "when": [{"path": "a.b", "op": op}]}
    if value is not None:
        definition["when"][0]["value"] = value  # type: ignore[index] # a literal of mixed values
    oracle = Oracle()
    oracle.apply(catalog(definitions=[definition]))

    (result,) = oracle.batch([record(type="x", data=f'{{"a": {{"b": {found}}}}}')])

    assert result == ("applied" if holds else "unmatched")


def test_no_list_indices() -> None:
    """A path leads through objects only: through a list, a string or a number it finds nothing."""
    for data in ('{"a": [{"b": 1}]}', '{"a": "b"}', '{"a": 5}'):
        oracle = Oracle()
        when = [{"path": "a.b", "op": "exists"}, {"path": "a.0", "op": "exists"}]
        oracle.apply(
            catalog(
                definitions=[
                    {"key": f"d{index}", "group": "deals", "events": ["x"], "when": [condition]}
                    for index, condition in enumerate(when)
                ]
            )
        )
        assert oracle.batch([record(type="x", data=data)]) == ["unmatched"]


def test_only_active_definitions_take_events() -> None:
    """A definition that is off takes nothing, and what it has counted stays."""
    oracle = Oracle()
    oracle.apply(catalog())
    oracle.batch([record("a")])
    oracle.apply({"account": "acme", "definitions": [{"key": "won", "active": False}]})

    assert oracle.batch([record("a"), record("b")]) == ["unmatched", "unmatched"]
    assert oracle.scores["acme", "lead_score", "ann"]["overall"] == 10


def test_what_opens_an_edition() -> None:
    """A change of policy, interval or `per` opens the next edition; of spelling, points or name none."""
    oracle = Oracle()
    oracle.apply(catalog())
    numbers = []
    for change in (
        {"default_points": 3, "name": "New"},
        {"dedup": {"policy": "always", "per": "contact"}},
        {"dedup": {"policy": "cooldown", "interval": "24h"}},
        {"dedup": {"policy": "cooldown", "interval": "1d"}},
        {"active": True},
        {"dedup": {"policy": "cooldown", "interval": "1d", "per": "object"}},
        {"dedup": {"policy": "always"}},
    ):
        oracle.apply({"account": "acme", "definitions": [{"key": "won", **change}]})
        numbers.append(oracle.accounts["acme"].definitions["won"].editions[-1].number)

    assert numbers == [1, 1, 2, 2, 2, 3, 4]


def test_several_profiles() -> None:
    """Each published profile scores by its own weights; a draft scores nothing until it is published."""
    profiles = [
        {"key": "lead_score", "primary": True, "published": False},
        {"key": "own", "inherits": False, "published": True, "weights": {"later": 9}},
        {"key": "draft", "weights": {"won": 1}},
    ]
    later = {"key": "later", "group": "deals", "default_points": 2, "events": ["y"]}
    oracle = Oracle()
    oracle.apply(catalog(profiles=profiles))
    oracle.apply({"account": "acme", "definitions": [later]})
    oracle.batch([record("a"), record("b", type="y")])

    assert {profile: score["overall"] for (_, profile, _), score in oracle.scores.items()} == {
        "lead_score": 12,  # the primary is published on creation, and `later` joins it
        "own": 0,  # it does not inherit, so nothing joins it before it is published again
    }

    oracle.apply({"account": "acme", "profiles": [{"key": "draft", "published": True}, {"key": "own"}]})

    assert {profile: score["overall"] for (_, profile, _), score in oracle.scores.items()} == {
        "lead_score": 12,
        "own": 9,
        "draft": 3,
    }
    assert [(each.profile, each.version, each.causes, each.current) for each in oracle.messages] == [
        ("lead_score", 1, ("events",), 12),
        ("draft", 1, ("publish",), 3),
        ("own", 1, ("publish",), 9),
    ]


def test_a_publish_that_changes_nothing() -> None:
    """A document that says what is published already makes no version and sends nothing."""
    oracle = Oracle()
    oracle.apply(catalog())
    oracle.batch([record()])
    oracle.apply({"account": "acme", "profiles": [{"key": "lead_score", "published": True}]})

    version = oracle.accounts["acme"].primary.version
    assert version is not None
    assert (version.number, len(oracle.messages)) == (1, 1)


def test_settled_verdicts_are_worth_xp_like_others() -> None:
    """A settled entry that counts is credited once and keeps its verdict, whatever comes before it later."""
    definition = {
        "key": "won",
        "group": "deals",
        "events": ["deal.won"],
        "xp": 5,
        "dedup": {"policy": "once"},
    }
    oracle = Oracle()
    oracle.apply(catalog(definitions=[definition]))
    rep = {"actorid": "r1", "actortype": "rep"}
    oracle.batch([record("a", time="2026-02-20T10:00:00Z", **rep)])
    oracle.batch([record("b", time="2026-02-25T10:00:00Z", **rep)])
    old = NOON - timedelta(days=30)
    oracle.batch([record("c", time="2026-01-30T10:00:00Z", timestamp=old, **rep)])

    verdicts = {entry.event.id: (entry.verdict, entry.event.settled) for entry in oracle.timeline}
    assert verdicts == {
        "a": ("counted", True),
        "b": ("already_counted", False),
        "c": ("already_counted", False),
    }
    assert oracle.net_xp == {("acme", "r1"): 5}


def test_a_profile_weighs_what_joins() -> None:
    """A definition that joins takes the profile's own weight of it as published, whatever a draft says."""
    profile = {"key": "lead_score", "primary": True, "published": True, "weights": {"later": 9}}
    later = {"key": "later", "group": "deals", "default_points": 2, "events": ["y"]}
    oracle = Oracle()
    oracle.apply(catalog(profiles=[profile]))
    oracle.apply({"account": "acme", "profiles": [{**profile, "published": False, "weights": {"later": 5}}]})
    oracle.apply({"account": "acme", "definitions": [later]})
    oracle.batch([record(type="y")])

    assert oracle.scores["acme", "lead_score", "ann"]["overall"] == 9


def test_a_change_of_groups_is_a_change() -> None:
    """Groups that change where overall stays send a message; what weighs 0 is no cause of it."""
    definitions = [
        {"key": key, "group": group, "default_points": points, "events": ["x"]}
        for key, group, points in (("up", "one", 5), ("down", "two", -5), ("seen", "one", 0))
    ]
    oracle = Oracle()
    oracle.apply(catalog(groups=[{"key": "one"}, {"key": "two"}], definitions=definitions))
    oracle.batch([record(type="x")])

    (message,) = oracle.messages
    assert (message.previous, message.current) == (0, 0)
    assert message.groups == {"one": (0, 5), "two": (0, -5)}
    assert [(cause.definition, cause.points) for cause in message.events] == [("down", -5), ("up", 5)]
