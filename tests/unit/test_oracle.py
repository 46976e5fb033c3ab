"""That the oracle can be trusted: every worked vector passes through it, and the law holds for it.

Owns the proof of tests/oracle as a whole; its reading of records and catalogs is proved in
test_oracle_reading.py and test_oracle_catalog.py. Never touches the product, a database or a broker.
"""

from __future__ import annotations

import ast
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.oracle
from tests.builders.events import event
from tests.oracle import Oracle, OracleRecord, as_expected
from tests.vectors import Apply, Purge, Vector, load

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "vector",
    [pytest.param(each, id=each.name) for each in load()],
)
def test_vector(vector: Vector) -> None:
    """Every number that a vector expects follows from the oracle's reading of its steps."""
    oracle = Oracle()
    for step in vector.steps:
        if isinstance(step, Apply):
            oracle.apply(step.document)
        elif isinstance(step, Purge):
            oracle.purge(vector.account, step.horizon)
        else:
            oracle.batch(step.records, backfilled=step.backfilled, with_xp=step.with_xp)
            oracle.carry_out()

    expect = {name: value for name, value in vector.expect.items() if name != "scores_at"}
    assert in_any_order(as_expected(oracle, vector.account)) == in_any_order(expect)
    for asked in vector.expect.get("scores_at", []):
        given = {"at": asked["at"] and datetime.fromisoformat(asked["at"]), "version": asked["version"]}
        found = oracle.score_at(vector.account, "lead_score", asked["contact"], **given)
        assert found == asked["score"], asked


def in_any_order(expected: dict[str, Any]) -> dict[str, Any]:
    """Within one commit messages of XP go out in any order."""
    return {**expected, "xp": sorted(expected["xp"], key=str)}


def test_the_oracle_imports_nothing_of_the_product() -> None:
    """Whatever the oracle is made of comes from the standard library or from itself."""
    files = list(Path(*tests.oracle.__path__).glob("**/*.py"))
    assert files
    for file in files:
        for module in imported_by(file):
            assert module.startswith("tests.oracle") or module.split(".")[0] in sys.stdlib_module_names, file


def imported_by(file: Path) -> list[str]:
    modules: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import would hide its module"
            modules.append(str(node.module))
    return modules


# --- the law ----------------------------------------------------------------------------------------------

CATALOG: dict[str, Any] = {
    "account": "acme",
    "sales": True,
    "groups": [{"key": "deals"}, {"key": "mail"}],
    "definitions": [
        {"key": "won", "group": "deals", "default_points": 10, "events": ["x"], "xp": 5},
        {"key": "first", "group": "mail", "default_points": -3, "events": ["x"], "dedup": {"policy": "once"}},
        {
            "key": "cooled",
            "group": "deals",
            "default_points": 7,
            "events": ["x", "y"],
            "dedup": {"policy": "cooldown", "interval": "3s"},
            "xp": 2,
        },
        {
            "key": "each",
            "group": "mail",
            "default_points": 1,
            "events": ["y"],
            "dedup": {"policy": "once", "per": "object"},
            "xp": 1,
        },
    ],
    "profiles": [
        {"key": "lead_score", "primary": True, "published": True},
        {"key": "mail_only", "inherits": False, "published": True, "weights": {"first": 4, "each": 2}},
    ],
}
# Another policy, a shorter interval, a wider key: every edition but the first begins from fixed points.
LATER = {
    "account": "acme",
    "definitions": [
        {"key": "won", "dedup": {"policy": "cooldown", "interval": "2s"}},
        {"key": "cooled", "dedup": {"policy": "cooldown", "interval": "1s", "per": "object"}},
        {"key": "each", "dedup": {"policy": "once"}},
    ],
}
RECORDS = st.builds(
    lambda number, second, type_, contact, object_, robot, actor: OracleRecord(
        id=str(number),
        source="/crm",
        accountid="acme",
        type=type_,
        subject=contact,
        objectid=object_,
        robot=robot,
        actorid=actor,
        actortype="rep",
        time=(NOON + timedelta(seconds=second)).isoformat(),
        timestamp=NOON + timedelta(minutes=1),
    ),
    number=st.integers(0, 1000),
    second=st.integers(0, 12),
    type_=st.sampled_from("xy"),
    contact=st.sampled_from(["ann", "bob"]),
    object_=st.sampled_from([None, "o1", "o2"]),
    robot=st.sampled_from([None, None, None, True]),
    actor=st.sampled_from([None, "r1", "r2"]),
)
EVENTS = st.lists(RECORDS, max_size=14, unique_by=lambda record: record.id)


@settings(max_examples=150, deadline=None)
@given(before=EVENTS, after=EVENTS, randomness=st.randoms(use_true_random=False))
def test_the_law(before: list[OracleRecord], after: list[OracleRecord], randomness: Any) -> None:
    """Same configuration and same events give the same state in any order, batching and redelivery."""
    oracles = [Oracle(), Oracle()]
    oracles[0].apply(CATALOG)
    feed_one_by_one(oracles[0], before)
    oracles[0].apply(LATER)
    feed_one_by_one(oracles[0], after)

    oracles[1].apply(CATALOG)
    feed_shuffled(oracles[1], before, randomness)
    oracles[1].apply(LATER)
    feed_shuffled(oracles[1], after, randomness)

    assert lasting(oracles[0]) == lasting(oracles[1])
    for oracle in oracles:
        assert_messages_agree_with_state(oracle)


def feed_one_by_one(oracle: Oracle, records: list[OracleRecord]) -> None:
    for record in records:
        oracle.batch([record])


def feed_shuffled(oracle: Oracle, records: list[OracleRecord], randomness: Any) -> None:
    rest = [*records, *records[::3]]
    randomness.shuffle(rest)
    while rest:
        size = randomness.randint(1, 5)
        oracle.batch(rest[:size])
        rest = rest[size:]


def lasting(oracle: Oracle) -> dict[str, Any]:
    """Collect what may not depend on the order; how many messages went out may, but for its parity."""
    net_xp = {actor: net for actor, net in oracle.net_xp.items() if net}
    entries = {key: (*entry[:4], entry[4] % 2) for key, entry in oracle.entries.items()}
    return {"entries": entries, "tallies": oracle.tallies, "scores": oracle.scores, "net_xp": net_xp}


def assert_messages_agree_with_state(oracle: Oracle) -> None:
    last: dict[tuple[str, str, str], tuple[int, dict[str, int]]] = {}
    for message in oracle.messages:
        key = (message.account, message.profile, message.contact)
        version, groups = last.get(key, (0, {"deals": 0, "mail": 0}))
        assert message.version == version + 1
        assert {group: previous for group, (previous, _) in message.groups.items()} == groups
        assert any(previous != current for previous, current in message.groups.values())
        assert sum(event.points for event in message.events) == message.current - message.previous
        last[key] = (message.version, {group: current for group, (_, current) in message.groups.items()})
    for key, score in oracle.scores.items():
        _, groups = last.get(key, (0, {"deals": 0, "mail": 0}))
        assert score == {"overall": sum(groups.values()), **groups}
    for actor, net in oracle.net_xp.items():
        assert sum(each.amount for each in oracle.xp if (each.account, each.actor) == actor) == net


def test_verdicts_by_hand() -> None:
    """A cooldown of three seconds over events a second apart counts each third one."""
    oracle = Oracle()
    oracle.apply(CATALOG)
    oracle.batch([record(str(second), seconds=second, type="y") for second in (5, 3, 1, 4, 2, 0)])

    verdicts = as_expected(oracle, "acme")["verdicts"]["cooled"]
    assert [verdicts[str(second)] for second in range(6)] == ["counted", "cooling_down", "cooling_down"] * 2


def test_a_message_names_what_did_it() -> None:
    """The message of late events names those that began to count and, negative, those that ceased to."""
    oracle = Oracle()
    oracle.apply(CATALOG)
    oracle.batch([record("a", seconds=4, type="y"), record("b", seconds=12, type="y")])
    oracle.batch([record("c", seconds=6, type="x")])

    oracle.batch([record("d", seconds=2, type="y"), record("e", seconds=3, type="y")])

    message = oracle.messages[-1]
    assert (message.profile, message.previous, message.current) == ("lead_score", 22, 29)
    assert [(cause.id, cause.definition, cause.verdict, cause.points) for cause in message.events] == [
        ("d", "cooled", "counted", 7),
        ("d", "each", "counted", 1),
        ("a", "cooled", "cooling_down", -7),
        ("a", "each", "already_counted", -1),
        ("c", "cooled", "counted", 7),
    ]


def test_several_accounts_know_nothing_of_each_other() -> None:
    """The same event key in another account is another event of another contact."""
    oracle = Oracle()
    oracle.apply(CATALOG)
    oracle.apply({**CATALOG, "account": "other"})

    assert oracle.batch([record("a"), record("a", accountid="other")]) == ["applied", "applied"]
    assert {account for account, *_ in oracle.scores} == {"acme", "other"}


def record(id_: str, *, seconds: float = 0, **attributes: Any) -> OracleRecord:
    """Make a record of ann's in acme, `seconds` after noon."""
    time = (NOON + timedelta(seconds=seconds)).isoformat()
    given = {"type": "x", "time": time, "timestamp": NOON + timedelta(minutes=1), **attributes}
    return event(id_, **given)
