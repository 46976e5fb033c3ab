"""Messages made from their facts: members and values, with any characters in them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from consumer.relay.message_json import MessageEncoder
from schemas.published import BandChanged, ScoreChanged, XpCredited

_AT = datetime(2026, 3, 5, 10, 0, 0, 5, tzinfo=UTC)
_GROUPS = '{"acme": [[3, "deals", true], [5, "gone", false], [7, "support", true]]}'
# What an attribute may hold: anything but control characters.
_AWKWARD = 'Zoë "the" \\ ☃ \u2028 👋 \ue000'
_EVENT = "e 1\x1d/crm\x1ddeal.won\x1d1772704800000001\x1dwon\x1dcounted\x1d10"


def _message(kind: str, *facts: str) -> tuple[str, dict[str, Any]]:
    key, value = MessageEncoder(2, _GROUPS, _AT).encode(kind, "\x1f".join(facts))
    return key.decode(), json.loads(value)


def _scores(
    *numbers: str, contact: str = "ann", causes: str = "events", events: str = _EVENT
) -> dict[str, Any]:
    """numbers: groups and points of the previous, rebased and added scores."""
    facts = ("acme", contact, "lead_score", "4", "9", causes, *numbers, "1", events)
    key, message = _message("score_changed", *facts)
    assert key == f"acme:lead_score:{contact}"
    ScoreChanged.model_validate_json(json.dumps(message))
    return message


def test_added_points_are_added_to_the_previous_ones() -> None:
    """Under the version last published current is previous plus added; a group without points has 0."""
    message = _scores("{0,3}", "{5,5}", "", "", "{0,7}", "{-2,-2}")
    assert message["id"] == "2:acme:lead_score:ann:9"
    assert message["time"] == "2026-03-05T10:00:00.000005Z"
    data = message["data"]
    assert data["overall"] == {"previous": 5, "current": 3}
    assert list(data["groups"].items()) == [
        ("deals", {"previous": 5, "current": 5}),
        ("support", {"previous": 0, "current": -2}),
    ]
    [event] = data["events"]
    assert event["occurred_at"] == "2026-03-05T10:00:00.000001Z"
    assert (event["id"], event["points"]) == ("e 1", 10)


def test_a_version_not_announced_yet() -> None:
    """Current is the rebased score plus added; a group that is gone appears once more."""
    data = _scores("{0,3,5}", "{9,5,4}", "{0,7}", "{2,2}", "{0,7}", "{1,1}", causes="publish,events")["data"]
    assert data["causes"] == ["publish", "events"]
    assert data["overall"] == {"previous": 9, "current": 3}
    assert data["groups"] == {
        "deals": {"previous": 5, "current": 0},
        "gone": {"previous": 4, "current": 0},
        "support": {"previous": 0, "current": 3},
    }
    assert _scores("{0}", "{1}", "{}", "{}", "", "")["data"]["overall"] == {"previous": 1, "current": 0}


def test_any_characters_arrive() -> None:
    """Names are quoted for JSON; they contain no separator of ours."""
    event = f"{_AWKWARD}\x1d{_AWKWARD}\x1d{_AWKWARD}\x1d0\x1dwon\x1dcounted\x1d1"
    message = _scores("", "", "", "", "{0}", "{1}", contact=_AWKWARD, events=f"{event}\x1e{_EVENT}")
    assert message["subject"] == _AWKWARD
    assert message["data"]["overall"] == {"previous": 0, "current": 1}
    assert [one["source"] for one in message["data"]["events"]] == [_AWKWARD, "/crm"]


def test_a_reversal_names_the_credit_before() -> None:
    """Odd messages of an entry are credits, even ones take them back."""
    facts = ("acme", _AWKWARD, "rep", "00ff", "won")
    rest = ("1772704800000000", "e 1", "/crm", "deal.won")
    key, credit = _message("xp_credited", *facts, "3", "20", *rest)
    _, reversal = _message("xp_credited", *facts, "4", "-20", *rest)
    for message in (credit, reversal):
        XpCredited.model_validate_json(json.dumps(message))
    assert key == "acme:rep"
    assert (credit["id"], credit["data"]["reverses"]) == ("2:acme:00ff:won:3", None)
    assert (reversal["id"], reversal["data"]["reverses"]) == ("2:acme:00ff:won:4", "2:acme:00ff:won:3")
    assert credit["data"]["contact"] == _AWKWARD


def test_shown_points_and_bands() -> None:
    """Facts of format 2 have points as they are shown, and bands of some groups; a first band comes from null."""
    facts = (
        "acme",
        "ann",
        "lead_score",
        "4",
        "9",
        "publish",
        "{0,3,5}",
        "{9,5,4}",
        "{7,5,0}",
        "0:hot:warm,3::B",
    )
    _, message = _message("score_changed", "\x1c2", *facts, "0", "")
    ScoreChanged.model_validate_json(json.dumps(message))
    data = message["data"]
    assert data["overall"] == {"previous": 9, "current": 7, "band": {"previous": "hot", "current": "warm"}}
    assert data["groups"] == {
        "deals": {"previous": 5, "current": 5, "band": {"previous": None, "current": "B"}},
        "gone": {"previous": 4, "current": 0},
        "support": {"previous": 0, "current": 0},
    }
    assert (data["events"], data["event_count"]) == ([], 0)


def test_a_crossing() -> None:
    """It is named after its score-changed message and its group; names may hold any characters."""
    name = json.dumps(f"{_AWKWARD}\x1f\x1e")
    facts = ("acme", _AWKWARD, "lead_score", "4", "9", "events")
    key, of_group = _message("band_changed", *facts, "3", "5", "25", "", "B", name, "null", _EVENT)
    _, overall = _message("band_changed", *facts, "0", "25", "5", "hot", "cold", "null", '"mia"', "")
    for message in (of_group, overall):
        BandChanged.model_validate_json(json.dumps(message))
    assert key == f"acme:lead_score:{_AWKWARD}"
    assert [of_group["id"], overall["id"]] == [f"2:{key}:9:band:deals", f"2:{key}:9:band"]
    assert (of_group["data"]["group"], overall["data"]["group"]) == ("deals", None)
    assert of_group["data"]["contact"] == {"name": f"{_AWKWARD}\x1f\x1e", "owner": None}
    assert of_group["data"]["event"]["definition"] == "won"
    assert overall["data"]["band"] == {"previous": "hot", "current": "cold"}
    assert overall["data"]["event"] is None
