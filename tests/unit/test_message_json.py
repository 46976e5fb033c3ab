"""Messages made from their facts: members and values, with any characters in them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from consumer.relay.message_json import MessageEncoder
from schemas.published import ScoreChanged, XpCredited

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
