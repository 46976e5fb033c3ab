"""The demo's final checks, the limits of its backlog, the timeline excerpt and the screen."""

from __future__ import annotations

import dataclasses
import io
import json
from typing import Any

import pytest
from rich.console import Console

from consumer.demo.checks import ENOUGH_EVENTS, NOT_IN_THE_DEMO, Findings, checks
from consumer.demo.crossings import DECODER, BandChanged, Crossings
from consumer.demo.live_counts import DemoCounts, record_size
from consumer.demo.sample_timeline import best_excerpt, explain, overtaken_pairs
from consumer.demo.screen import HotContact, Snapshot, live_display
from consumer.domain.model import Record
from consumer.ingest.batch import RecordOutcome
from schemas.vocabulary import Outcome, Verdict

_GOOD = Findings(
    fed=ENOUGH_EVENTS,
    seconds=4.0,
    outcomes={
        outcome: ENOUGH_EVENTS - 800 if outcome is Outcome.APPLIED else 100
        for outcome in Outcome
        if outcome not in NOT_IN_THE_DEMO
    },
    entries=21_010,
    taken=10,
    verified=21_000,
    verdicts=dict.fromkeys(Verdict, 5),
    differences=[],
    enqueued=900,
    published=900,
    net_xp=60,
    overall={"acme:lead_score:c-1": 15, "acme:lead_score:c-2": 0},
    bands={"acme:lead_score:c-1": "hot", "acme:lead_score:c-2": "cold"},
    read=900,
    repeats=0,
    flips=3,
    reversals=1,
    became_hot=1,
    net_xp_read=60,
    overall_read={"acme:lead_score:c-1": 15},
    bands_read={"acme:lead_score:c-1": "hot"},
)


def _failed(**changes: Any) -> list[str]:
    return [check.text for check in checks(dataclasses.replace(_GOOD, **changes)) if check.failed]


def test_a_run_without_faults_passes() -> None:
    """If all counts agree no check fails; a contact with score 0 and no message is no difference."""
    assert _failed() == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"fed": ENOUGH_EVENTS + 1}, "20,001 events fed, 20,000 got exactly one outcome"),
        (
            {"outcomes": {**_GOOD.outcomes, Outcome.EXPIRED: 0, Outcome.APPLIED: ENOUGH_EVENTS - 700}},
            "outcome that did not occur: expired",
        ),
        ({"verdicts": {Verdict.COUNTED: 5}}, "already_counted, cooling_down, excluded"),
        ({"flips": 0}, "0 late flips"),
        ({"reversals": 0}, "0 XP reversals"),
        ({"became_hot": 0}, "0 crossings into hot"),
        ({"verified": 20_999}, "21,010 entries applied, 10 deleted with their contacts, 20,999 verified"),
        ({"differences": ["verdict: contact 7"]}, "1 differences\n  verdict: contact 7"),
        ({"published": 899}, "900 messages enqueued, 899 published"),
        ({"read": 899, "repeats": 2}, "899 of 900 messages read from the topics by distinct id (2 repeats)"),
        (
            {"overall_read": {"acme:lead_score:c-1": 14}},
            "1 differ: acme:lead_score:c-1 15 stored, 14 in messages",
        ),
        (
            {"bands_read": {"acme:lead_score:c-1": "warm", "acme:lead_score:c-2": "cold"}},
            "1 differ: acme:lead_score:c-1 hot stored, warm in messages",
        ),
        ({"net_xp_read": 40}, "net XP is 60 by the entries, 40 in messages"),
    ],
)
def test_each_fault_fails_the_one_check_that_is_about_it(changes: dict[str, Any], text: str) -> None:
    """Each fault fails exactly one check, whose text has the figures."""
    [failed] = _failed(**changes)
    assert text in failed


def test_what_chance_decides_is_excused_in_a_short_run() -> None:
    """With few events a rare outcome may be missing, but counts that must agree still fail the run."""
    few = {Outcome.APPLIED: 50}
    assert _failed(fed=50, outcomes=few, verdicts={}, flips=0, reversals=0, became_hot=0) == []
    assert len(_failed(fed=50, outcomes=few, verified=1)) == 1


def test_the_backlog_stays_below_what_the_embedded_broker_keeps() -> None:
    """Feeding pauses while three mebibytes wait for the worker, and continues after a commit."""
    counts = DemoCounts(total=10)
    record = Record("tracked", 0, 0, 0, b"key", b"x" * (3 << 20), (("name", b"value"),))
    assert counts.has_room
    counts.fed, counts.fed_bytes = 1, record_size(record.key, record.value, record.headers)
    assert not counts.has_room
    counts.handle([RecordOutcome(record, Outcome.DEAD)])
    assert counts.has_room
    assert counts.lag == 0


def test_feeding_waits_for_the_reader_of_the_messages() -> None:
    """Feeding pauses while 5,000 messages are unread."""
    counts = DemoCounts(total=10, enqueued=5000)
    assert not counts.has_room
    counts.read["engagement.score-changed"] = 1
    assert counts.has_room


def _entry(verdict: Verdict, **changes: Any) -> dict[str, Any]:
    entry = {
        "verdict": verdict.value,
        "credit_number": 0,
        "xp_worth": 0,
        "actor_id": "rep-1",
        "definition": "Deal opened",
        "object_id": "deal-1",
        "per": "object",
        "policy": "once",
        "interval_seconds": None,
        "settled": False,
    }
    return entry | changes


def test_an_overtaken_entry_is_shown_with_the_one_that_overtook_it() -> None:
    """The pair is the entry that lost its XP and the next older one that counts for the same object."""
    entries = [
        _entry(Verdict.COUNTED),
        _entry(Verdict.ALREADY_COUNTED, credit_number=2, xp_worth=5),
        _entry(Verdict.COUNTED, object_id="deal-2"),
        _entry(Verdict.COUNTED, definition="Deal won"),
        _entry(Verdict.COUNTED),
    ]
    assert overtaken_pairs(entries) == [(1, 4)]


def test_the_excerpt_has_an_overtaken_pair_and_the_most_kinds_of_verdicts() -> None:
    """Of a long timeline the excerpt holds a whole pair, and of those excerpts it is the most varied."""
    verdicts = ["counted"] * 30 + ["cooling_down"] + ["counted"] * 30
    assert best_excerpt(verdicts, [(50, 55)]) == ((True, True, 1), 40)
    assert best_excerpt(verdicts, [(20, 25)]) == ((True, True, 2), 15)
    assert best_excerpt(verdicts, [(20, 45)]) == ((False, True, 2), 15)
    assert best_excerpt(["counted"] * 3, []) == ((False, False, 1), 0)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (_entry(Verdict.COUNTED), ""),
        (_entry(Verdict.COUNTED, xp_worth=5, credit_number=1), "+5 XP rep-1"),
        (_entry(Verdict.ALREADY_COUNTED, xp_worth=5, credit_number=2), "overtaken: -5 XP rep-1"),
        (_entry(Verdict.ALREADY_COUNTED, per="contact"), "once"),
        (_entry(Verdict.COOLING_DOWN, policy="cooldown", interval_seconds=5400), "once in 90m per object"),
        (_entry(Verdict.EXCLUDED), "robot event"),
        (_entry(Verdict.COUNTED, settled=True), "more than 7 days late"),
    ],
)
def test_each_verdict_is_explained(entry: dict[str, Any], words: str) -> None:
    """Each entry has the reason of its verdict and its effect on the actor's XP."""
    assert explain(entry) == words


def _snapshot(seconds: float) -> Snapshot:
    counts = DemoCounts(total=100, fed=60)
    counts.outcomes[Outcome.APPLIED] = 50
    counts.read["engagement.score-changed"] = 7
    hottest = [HotContact("Ada Willow", "Acme Inc.", 90, "hot", {"Support": 30, "Purchase": 60})]
    crossings = Crossings()
    crossings.take("acme:lead_score:ann", _crossing())
    return Snapshot(counts, {"counted": 55}, hottest, crossings, seconds, 1234.0)


def _crossing(version: int = 1, current: str = "hot", **data: Any) -> BandChanged:
    message = {
        "id": f"1:acme:lead_score:ann:{version}:band",
        "subject": "ann",
        "accountid": "acme",
        "data": {
            "version": version,
            "causes": ["events"],
            "group": None,
            "band": {"previous": "warm", "current": current},
            "points": {"current": 55},
            "contact": {"name": "Ada Willow"},
            "event": {"definition": "deal_won"},
            **data,
        },
    }
    return DECODER.decode(json.dumps(message))


def test_who_became_hot_and_who_still_is() -> None:
    """The newest crossing of overall is a contact's band, whatever comes after it; a tombstone ends it."""
    crossings = Crossings()
    hot = crossings.take("ann", _crossing(2))
    assert str(hot) == "Ada Willow (acme), 55 points by deal_won"
    assert crossings.take("ann", _crossing(3, group="fit")) is None
    assert crossings.take("ann", _crossing(1, "warm")) is None
    assert crossings.bands == {"ann": "hot"}
    crossings.end("ann", 2)
    assert crossings.bands == {}
    merged = crossings.take("ann", _crossing(3, causes=["merge"], event=None, contact={"name": None}))
    assert str(merged) == "ann (acme), 55 points by merge"
    assert (crossings.bands, crossings.became_hot) == ({"ann": "hot"}, 2)


def test_without_a_terminal_there_is_a_plain_line_now_and_then() -> None:
    """Elsewhere than on a terminal a moment is one line, and the next comes two seconds later."""
    written = io.StringIO()
    with live_display(Console(file=written, width=80)) as display:
        for seconds in (2.0, 2.5, 3.9, 4.0):
            display(_snapshot(seconds))
    first, second = written.getvalue().splitlines()
    assert first == (
        "   2 s: 50 of 100 events, 1234/s, lag 10: applied 50; messages out 7; "
        "1 became hot, last Ada Willow (acme), 55 points by deal_won"
    )
    assert second.startswith("   4 s: ")


def test_a_terminal_of_eighty_by_twenty_four_shows_everything() -> None:
    """On a small terminal rate, lag, outcomes, verdicts, messages and the hottest contact's points all fit."""
    written = io.StringIO()
    on = Console(file=written, force_terminal=True, width=80, height=24, color_system=None)
    with live_display(on) as display:
        display(_snapshot(3.0))
    for words in ("1,234 events/s", "lag 10", "unknown_account", "excluded", "dead-letters", "1 became hot"):
        assert words in written.getvalue()
    assert "Ada Willow  Acme Inc.       30        60       90" in written.getvalue()
