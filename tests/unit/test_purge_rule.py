"""What a purge leaves of the entries of one contact and definition (docs/semantics.md, 8.29)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from consumer.domain.dedup_key import KeyState
from consumer.domain.purge_rule import keys_after, purge
from consumer.domain.verdict_rule import Edition, TimelineEntry
from schemas.vocabulary import Per, Policy, Verdict

HORIZON = datetime(2026, 3, 5, tzinfo=UTC)
DAY = timedelta(days=1)
ALWAYS = Edition(Policy.ALWAYS, timedelta(0), Per.CONTACT)
ONCE = Edition(Policy.ONCE, timedelta(0), Per.CONTACT)
EACH = Edition(Policy.ONCE, timedelta(0), Per.OBJECT)
DAILY = Edition(Policy.COOLDOWN, DAY, Per.CONTACT)


def _entry(
    before: timedelta, *, edition: int = 1, object_id: str | None = None, came_by: int | None = None
) -> TimelineEntry:
    """Return a counted entry so long before the horizon."""
    at = HORIZON - before
    return TimelineEntry(
        at,
        f"{before}{came_by}".encode(),
        edition,
        object_id,
        settled=False,
        verdict=Verdict.COUNTED,
        came_by=came_by,
    )


def test_exactly_an_interval_before_is_not_needed() -> None:
    """An event at the horizon counts an interval after one that lies exactly an interval before it."""
    near, far = _entry(DAY - timedelta(microseconds=1)), _entry(DAY)
    assert purge([near, far], {1: DAILY}, HORIZON).left == [near]


def test_each_edition_keeps_what_it_needs() -> None:
    """What an older edition needs for its own events stays, and so do its counts for newer editions (3.17)."""
    old, newer = _entry(3 * DAY, edition=1), _entry(2 * DAY, edition=2)
    editions = {1: Edition(Policy.COOLDOWN, 7 * DAY, Per.CONTACT), 2: DAILY}
    assert purge([newer, old], editions, HORIZON).left == [old]
    assert purge([newer, old], {1: ALWAYS, 2: ONCE}, HORIZON).left == [old]
    assert purge([newer, old], {1: ONCE, 2: ALWAYS}, HORIZON).left == [old]


def test_each_object_keeps_its_own() -> None:
    """Of a rule per object the first of each object stays, and of those without an object the first."""
    first, again, other, none = (
        _entry(9 * DAY, object_id="o1"),
        _entry(8 * DAY, object_id="o1"),
        _entry(7 * DAY, object_id="o2"),
        _entry(6 * DAY),
    )
    purged = purge([again, first, other, none], {1: EACH}, HORIZON)
    assert purged.left == [first, other, none]
    assert purged.carried == {None: (1, again.occurred_at)}


def test_each_id_keeps_its_own() -> None:
    """What came by ids that were joined is kept as if they had not been: a join may be undone."""
    own, joined, later = _entry(9 * DAY), _entry(8 * DAY, came_by=7), _entry(7 * DAY, came_by=7)
    purged = purge([own, joined, later], {1: ONCE}, HORIZON)
    assert purged.left == [own, joined]
    assert purged.carried == {7: (1, later.occurred_at)}


def test_keys_forget_what_went() -> None:
    """A key counts its stored entries, and its last counted event is a fixed point once it has been left."""
    entries = [_entry(5 * DAY), _entry(DAY / 2)]
    state = KeyState(3, entries[1].order)
    after = keys_after({(1, ""): state}, entries, [entries[1]], {1: DAILY}, HORIZON)
    assert after == {(1, ""): KeyState(2, None, entries[1].occurred_at)}
    state = KeyState(1, entries[0].order)
    assert keys_after({(1, ""): state}, entries[:1], [], {1: DAILY}, HORIZON) == {(1, ""): None}
