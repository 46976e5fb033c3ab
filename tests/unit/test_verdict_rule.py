"""The rule of verdicts in plain Python: its docstring's worked example, and wrong settled verdicts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from consumer.domain import verdict_rule
from consumer.domain.verdict_rule import Edition, TimelineEntry
from schemas.vocabulary import Per, Policy, Verdict

DAILY = Edition(Policy.COOLDOWN, timedelta(days=1), Per.CONTACT)
ONCE = Edition(Policy.ONCE, timedelta(0), Per.CONTACT)
FIXED_POINT = "5 March 12:00"


def entry(at: str, *, settled: bool = False, edition: int = 1) -> TimelineEntry:
    occurred_at = datetime.strptime(f"2026 {at}", "%Y %d %B %H:%M").replace(tzinfo=UTC)
    return TimelineEntry(occurred_at, at.encode(), edition, None, settled, Verdict.COUNTED)


def example() -> dict[str, Verdict]:
    """Read the verdicts of the docstring's example by the time of the event."""
    lines = [line.split() for line in (verdict_rule.__doc__ or "").splitlines() if line.startswith("    ")]
    return {" ".join(words[:3]): Verdict(words[3]) for words in lines}


def test_the_example_in_the_docstring_is_what_the_rule_says():
    times = [entry(at).occurred_at for at in example()]
    assert FIXED_POINT in (verdict_rule.__doc__ or "")
    assert len(times) == 5
    counts = verdict_rule.judge(times, DAILY, fixed_points=[entry(FIXED_POINT).occurred_at])
    verdicts = [verdict_rule.verdict_of(counts=each, policy=DAILY.policy) for each in counts]
    assert verdicts == list(example().values())


def test_a_counted_settled_entry_too_near_to_another_is_wrong():
    events = [
        entry("5 March 12:00", settled=True),
        entry("6 March 11:00", settled=True),
        entry("7 March 12:00"),
    ]
    wrong = verdict_rule.wrong_verdicts(events, {1: DAILY})
    assert wrong == [(events[1], Verdict.COOLING_DOWN)]


def test_what_counted_under_an_older_edition_is_not_held_to_the_newest_one():
    """Nearer to each other than a longer interval, or several under `once`, entries keep their verdicts (3.16)."""
    events = [
        entry("5 March 12:00", settled=True),
        entry("7 March 12:00", settled=True),
        entry("20 March 12:00", edition=2),
    ]
    longer = Edition(Policy.COOLDOWN, timedelta(days=7), Per.CONTACT)
    assert verdict_rule.wrong_verdicts(events, {1: DAILY, 2: longer}) == []
    assert verdict_rule.wrong_verdicts(events, {1: DAILY, 2: ONCE}) == [(events[2], Verdict.ALREADY_COUNTED)]


def test_a_counted_settled_entry_too_near_to_one_of_an_older_edition_is_wrong():
    events = [entry("5 March 12:00", settled=True, edition=2), entry("6 March 11:00")]
    for policy, verdict in ((DAILY, Verdict.COOLING_DOWN), (ONCE, Verdict.ALREADY_COUNTED)):
        assert verdict_rule.wrong_verdicts(events, {1: DAILY, 2: policy}) == [(events[0], verdict)]
