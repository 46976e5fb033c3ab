"""Limits of the tracker: what a token, an address and a day may bring, and when the next try is worth it."""

from __future__ import annotations

import random

import pytest

from consumer.web.tracker.limits import (
    DAY,
    WINDOW,
    Counts,
    Exceeded,
    Limits,
    cost_of,
    largest_batch,
    network_of,
)
from tests.builders.tracker import write_key

# At the beginning of a window, and of a day.
MIDNIGHT = 1_772_409_600.0


def test_a_window_has_room_for_ten_seconds() -> None:
    """A token may bring what it may in ten seconds at once; then it waits, and the answer says for how long."""
    limits, key = Limits(), write_key(per_second=5, per_second_by_address=5)
    taken = [limits.take(key, "192.0.2.1", 1, MIDNIGHT) for _ in range(51)]
    assert taken[:50] == [None] * 50
    assert taken[50] == Exceeded(50, WINDOW, wait=11)
    assert limits.take(key, "192.0.2.1", 1, MIDNIGHT + 9) is not None
    # The earlier window still weighs: half of it after half of the next.
    assert limits.take(key, "192.0.2.1", 20, MIDNIGHT + 15) is None
    assert limits.take(key, "192.0.2.1", 10, MIDNIGHT + 15) is not None


def test_no_burst_at_the_edge_of_a_window() -> None:
    """Whenever it begins, no span of ten seconds has more than twice the limit, nor the long run more than it."""
    chance = random.Random(17)
    counts = Counts(WINDOW, sliding=True)
    accepted = []
    now = MIDNIGHT
    while now < MIDNIGHT + 300:
        now += chance.expovariate(40)
        if counts.hit("shop", 1, 100, now) is None:
            accepted.append(now)
    assert len(accepted) <= 100 * 31
    for begin in range(0, len(accepted), 7):
        within = [at for at in accepted[begin:] if at < accepted[begin] + WINDOW]
        assert len(within) <= 200


@pytest.mark.parametrize("after", [0.0, 3.3, 9.9, 12.0, 17.5])
def test_the_wait_is_long_enough(after: float) -> None:
    """Who waits as long as the answer says is let in, if nobody else comes."""
    counts = Counts(WINDOW, sliding=True)
    for _ in range(100):
        counts.hit("shop", 1, 100, MIDNIGHT)
    now = MIDNIGHT + after
    while (wait := counts.hit("shop", 1, 100, now)) is None:
        pass
    assert counts.hit("shop", 1, 100, now + wait) is None


def test_a_flood_does_not_keep_itself_out() -> None:
    """What is refused does not count: a token at twenty times its limit still gets its limit."""
    limits, key = Limits(), write_key(per_second=10, per_second_by_address=10)
    now, accepted = MIDNIGHT, 0
    while now < MIDNIGHT + 100:
        accepted += limits.take(key, "192.0.2.1", 1, now) is None
        now += 1 / 200
    assert 900 <= accepted <= 1100


def test_an_address_has_a_limit_of_its_own() -> None:
    """One address that floods leaves the token to the others, and its refused events do not count for the token."""
    limits, key = Limits(), write_key(per_second=10, per_second_by_address=2)
    taken = [limits.take(key, "192.0.2.1", 1, MIDNIGHT) for _ in range(1000)]
    assert taken.count(None) == 20
    assert [limits.take(key, f"192.0.2.{last}", 1, MIDNIGHT) for last in range(2, 82)] == [None] * 80


def test_tokens_do_not_share() -> None:
    """The limit of one token says nothing about another's."""
    limits = Limits()
    one, other = write_key(id="one", per_second=1), write_key(id="other", per_second=1)
    assert limits.take(one, "192.0.2.1", 10, MIDNIGHT) is None
    assert limits.take(one, "192.0.2.1", 1, MIDNIGHT) is not None
    assert limits.take(other, "192.0.2.1", 10, MIDNIGHT) is None


def test_a_day_has_a_quota() -> None:
    """Beyond the quota nothing is taken until midnight of UTC."""
    limits, key = Limits(), write_key(per_second=1000, per_second_by_address=1000, per_day=30)
    noon = MIDNIGHT + DAY / 2
    assert limits.take(key, "192.0.2.1", 30, noon) is None
    exceeded = limits.take(key, "192.0.2.1", 1, noon + 60)
    assert exceeded == Exceeded(30, DAY, wait=DAY // 2 - 60 + 1, daily=True)
    assert limits.take(key, "192.0.2.1", 1, MIDNIGHT + DAY) is None


def test_wrong_keys_cost_as_much() -> None:
    """An address that tries keys is slowed down, whatever the keys are."""
    limits = Limits()
    taken = [limits.take_unknown("192.0.2.1", MIDNIGHT) for _ in range(200)]
    assert taken.count(None) == 100
    assert limits.take_unknown("192.0.2.2", MIDNIGHT) is None


def test_a_batch_is_no_larger_than_a_window() -> None:
    """A batch that no window has room for is refused for its size: no wait would help it."""
    assert largest_batch(write_key(per_second=100, per_second_by_address=10)) == 100


@pytest.mark.parametrize(
    ("events", "size", "cost"), [(1, 900, 1), (1, 4096, 1), (1, 4097, 2), (1, 32_768, 8), (100, 90_000, 100)]
)
def test_large_calls_count_more(events: int, size: int, cost: int) -> None:
    """A call counts as an event for each 4 KiB, or as its events if these are more."""
    assert cost_of(write_key(), events, size) == cost


def test_the_largest_call_fits_the_least_limit() -> None:
    """A token with the least limits may send the largest batch in bytes: it waits for it, but not for ever."""
    key = write_key(per_second=1, per_second_by_address=1)
    assert Limits().take(key, "192.0.2.1", cost_of(key, 1, 500 * 1024), MIDNIGHT) is None


def test_ipv6_counts_by_network() -> None:
    """A client has all addresses of its /64; they count as one."""
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2:ffff::1") == "2001:db8:1:2::"
    assert network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("no address: at all") == "no address: at all"


def test_counters_go_with_their_windows() -> None:
    """A million addresses leave nothing behind but the last two windows."""
    counts = Counts(WINDOW, sliding=True)
    for number in range(100_000):
        counts.hit(f"address {number}", 1, 100, MIDNIGHT + number / 100)
    assert len(counts._now) + len(counts._before) <= 2000


@pytest.mark.parametrize("late", [0.1, 5.0, 25.0])
def test_an_earlier_instant_resets_nothing(late: float) -> None:
    """A clock that is set back, by less than a minute, lets nobody bring more than a window has room for."""
    counts = Counts(WINDOW, sliding=True)
    now = MIDNIGHT + 10 * WINDOW
    assert counts.hit("shop", 100, 100, now) is None
    assert counts.hit("other", 1, 100, now - late) is None
    assert counts.hit("shop", 1, 100, now - late) == WINDOW + 1
    assert counts.hit("shop", 1, 100, now + 1) is not None


def test_a_clock_that_was_far_ahead_stops_nobody() -> None:
    """Once a clock that was an hour ahead is set right, windows go on from there."""
    counts = Counts(WINDOW, sliding=True)
    assert counts.hit("shop", 100, 100, MIDNIGHT + 3600) is None
    assert counts.hit("shop", 100, 100, MIDNIGHT) is None


def test_counts_of_other_processes_count() -> None:
    """What others have taken of a window is taken, and weighs in the next one too."""
    counts = Counts(WINDOW, sliding=True)
    assert counts.hit("shop", 10, 100, MIDNIGHT) is None
    counts.note_elsewhere(counts.number, "shop", 85)
    assert counts.hit("shop", 10, 100, MIDNIGHT + 1) is not None
    assert counts.hit("shop", 5, 100, MIDNIGHT + 1) is None
    assert counts.hit("shop", 60, 100, MIDNIGHT + 15) is not None
    counts.note_elsewhere(counts.number - 1, "shop", 1000)
    assert counts.hit("shop", 50, 100, MIDNIGHT + 15) is None
