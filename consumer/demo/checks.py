"""The demo's final checks: compares counts that different parts took independently. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from consumer.demo.crossings import COLD
from schemas.vocabulary import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# With this many events, chance is no excuse for something that did not occur.
ENOUGH_EVENTS = 20_000
_MAX_EXAMPLES = 5
# The demo's topics are not compacted, so have no tombstones.
NOT_IN_THE_DEMO = frozenset({Outcome.TOMBSTONE})
# Whether an event comes after the deletion that is dated after it is up to the order of the topics.
_BY_CHANCE = frozenset({Outcome.GONE})


@dataclass(frozen=True, slots=True)
class Findings:
    """What each part counted.

    Feed: fed. Worker's batches: outcomes, entries (new ones), seconds. `verify`: verified (entries), verdicts,
    differences. Database: enqueued and published (messages), net_xp, overall (points by message key),
    bands (by message key). Reader of the topics: read (distinct messages), repeats, flips, reversals, became_hot,
    net_xp_read, overall_read, bands_read (by message key, of contacts that crossed).
    """

    fed: int
    seconds: float
    outcomes: Mapping[str, int]
    entries: int
    taken: int
    verified: int
    verdicts: Mapping[str, int]
    differences: list[str]
    enqueued: int
    published: int
    net_xp: int
    overall: Mapping[str, int]
    bands: Mapping[str, str]
    read: int
    repeats: int
    flips: int
    reversals: int
    became_hot: int
    net_xp_read: int
    overall_read: Mapping[str, int]
    bands_read: Mapping[str, str]


class Check(NamedTuple):
    """One check; by_chance: it may fail by chance, because there were few events."""

    text: str
    holds: bool
    by_chance: bool = False

    @property
    def excused(self) -> bool:
        """Whether it fails, but by chance."""
        return self.by_chance and not self.holds

    @property
    def failed(self) -> bool:
        """Whether it makes the run a failure."""
        return not self.holds and not self.by_chance


def checks(findings: Findings) -> list[Check]:
    """Return all checks, in the order in which an event passes the parts."""
    handled = sum(findings.outcomes.values())
    expected_outcomes = [outcome for outcome in Outcome if outcome not in NOT_IN_THE_DEMO | _BY_CHANCE]
    return [
        Check(f"{findings.fed:,} events fed, {handled:,} got exactly one outcome", handled == findings.fed),
        _all_occurred("outcome", expected_outcomes, findings.outcomes, findings.fed),
        _all_occurred("verdict", list(Verdict), findings.verdicts, findings.fed),
        _occurred("late flips in messages", findings.flips, findings.fed),
        _occurred("XP reversals in messages", findings.reversals, findings.fed),
        _occurred("crossings into hot in messages", findings.became_hot, findings.fed),
        Check(
            f"{findings.entries:,} entries applied, {findings.taken:,} deleted with their contacts, "
            f"{findings.verified:,} verified",
            findings.entries - findings.taken == findings.verified,
        ),
        Check(_verify_text(findings.differences), not findings.differences),
        Check(
            f"{findings.enqueued:,} messages enqueued, {findings.published:,} published",
            findings.enqueued == findings.published,
        ),
        Check(
            f"{findings.read:,} of {findings.enqueued:,} messages read from the topics by distinct id"
            f" ({findings.repeats} repeats)",
            findings.read == findings.enqueued,
        ),
        Check(
            f"scores in the database and in messages: {_scores_text(findings)}",
            _without_zeros(findings.overall) == _without_zeros(findings.overall_read),
        ),
        Check(
            f"bands in the database and in messages: {_bands_text(findings)}",
            _without_cold(findings.bands) == _without_cold(findings.bands_read),
        ),
        Check(
            f"net XP is {findings.net_xp:,} by the entries, {findings.net_xp_read:,} in messages",
            findings.net_xp == findings.net_xp_read,
        ),
    ]


def _all_occurred(what: str, expected: Sequence[str], numbers: Mapping[str, int], fed: int) -> Check:
    missing = [str(name) for name in expected if not numbers.get(name)]
    if not missing:
        return Check(f"every {what} occurred", holds=True)
    return Check(f"{what} that did not occur: {', '.join(missing)}", holds=False, by_chance=_too_few(fed))


def _occurred(what: str, number: int, fed: int) -> Check:
    return Check(f"{number:,} {what}", number > 0, by_chance=_too_few(fed))


def _too_few(fed: int) -> bool:
    return fed < ENOUGH_EVENTS


def _verify_text(differences: list[str]) -> str:
    if not differences:
        return "verify: recomputed from the stored timeline, no differences"
    more = "" if len(differences) <= _MAX_EXAMPLES else f" (the first {_MAX_EXAMPLES})"
    examples = [f"  {difference}" for difference in differences[:_MAX_EXAMPLES]]
    return "\n".join([f"verify: {len(differences)} differences{more}", *examples])


def _scores_text(findings: Findings) -> str:
    stored, read = _without_zeros(findings.overall), _without_zeros(findings.overall_read)
    return _differing(stored, read, 0) or f"{len(findings.overall):,} contacts, all equal"


def _bands_text(findings: Findings) -> str:
    stored, read = _without_cold(findings.bands), _without_cold(findings.bands_read)
    numbers = Counter(findings.bands.values())
    equal = ", ".join(f"{number:,} {band}" for band, number in sorted(numbers.items()))
    return _differing(stored, read, COLD) or f"{equal}, all equal"


def _differing(stored: Mapping[str, object], read: Mapping[str, object], absent: object) -> str:
    """List keys that differ, "" if none does; absent: what a missing key means."""
    differing = sorted(key for key in stored.keys() | read.keys() if stored.get(key) != read.get(key))
    if not differing:
        return ""
    examples = ", ".join(
        f"{key} {stored.get(key, absent)} stored, {read.get(key, absent)} in messages"
        for key in differing[:_MAX_EXAMPLES]
    )
    return f"{len(differing)} differ: {examples}"


def _without_zeros(points: Mapping[str, int]) -> dict[str, int]:
    """Drop contacts with score 0: a score that never changed was never published."""
    return {key: number for key, number in points.items() if number}


def _without_cold(bands: Mapping[str, str]) -> dict[str, str]:
    """Drop contacts in the band of 0: a contact that never left it was in no message."""
    return {key: band for key, band in bands.items() if band != COLD}
