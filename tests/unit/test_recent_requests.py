"""The last requests of tokens: bounded in number and size, with addresses cut."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from consumer.web.tracker.recent_requests import (
    UNKNOWN,
    RecentEvent,
    RecentRequest,
    RecentRequests,
    coarse_network_of,
)

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def _request(**values: Any) -> RecentRequest:
    return RecentRequest(**{"at": AT, "call": "track", "status": 200, **values})


def test_requests_are_given_back_newest_first() -> None:
    """What was noted of a request is what is answered; another token's are not."""
    recent = RecentRequests()
    refused = _request(
        status=400,
        refused=1,
        events=(RecentEvent("Signed Up", "malformed", "timestamp", "must be a date"),),
        origin="https://shop.example.com",
        user_agent="Mozilla/5.0",
    )
    recent.note("one", refused)
    recent.note("one", _request(accepted=1))
    recent.note("other", _request(status=429, reason="rate_limited"))
    assert recent.of("one") == [_request(accepted=1), refused]
    assert [request.reason for request in recent.of("other")] == ["rate_limited"]
    assert recent.of("third") == []


def test_requests_of_a_token_are_bounded() -> None:
    """Of each token the newest stay, of requests with an unknown key too."""
    recent = RecentRequests(most_requests=3)
    for token in ("one", UNKNOWN):
        for number in range(10):
            recent.note(token, _request(accepted=number))
        assert [request.accepted for request in recent.of(token)] == [9, 8, 7]


def test_tokens_are_bounded() -> None:
    """The token that was used longest ago goes first."""
    recent = RecentRequests(most_tokens=2)
    for token in ("one", "two", "one", "three"):
        recent.note(token, _request())
    assert [len(recent.of(token)) for token in ("one", "two", "three")] == [2, 0, 1]


def test_bytes_are_bounded() -> None:
    """Where the requests of all tokens are too large, those of the token go that was used longest ago."""
    recent = RecentRequests(most_requests=3, most_bytes=1700)
    for _ in range(5):
        recent.note("one", _request(origin="x" * 200))
    for number in range(2):
        recent.note("two", _request(origin="x" * 200, accepted=number))
    assert [len(recent.of(token)) for token in ("one", "two")] == [3, 2]
    recent.note("two", _request(origin="x" * 200))
    recent.note("three", _request(origin="x" * 200))
    assert [len(recent.of(token)) for token in ("one", "two", "three")] == [0, 3, 1]


def test_a_hostile_request_is_cut() -> None:
    """Long texts lose their end, and a batch keeps ten events, refused ones first; odd characters do no harm."""
    recent = RecentRequests()
    long = "x\ud800\n" * 100_000
    events = [RecentEvent(long) for _ in range(500)] + [RecentEvent("bad", "malformed", long, long)]
    recent.note("one", _request(call=long, events=tuple(events), origin=long, user_agent=long, address=long))
    [kept] = recent.of("one")
    assert (len(kept.events), kept.events[0].name, kept.events[0].reason) == (10, "bad", "malformed")
    assert len(repr(kept)) < 12_000
    assert kept.address is None


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("unix:", None),
    ],
)
def test_addresses_are_cut_to_their_network(address: str, network: str | None) -> None:
    """No whole address of a person is kept."""
    recent = RecentRequests()
    recent.note("one", _request(address=address))
    assert recent.of("one")[0].address == network
    assert coarse_network_of(address) == network
