"""The closing report: what happened, and whether all of it is as it must be.

Owns the checks; pure, from findings to lines. Never finds anything out: each finding comes from whoever is
independent of what it is compared with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from schemas.names import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

# With so many events chance does not excuse that something did not occur.
ENOUGH_EVENTS = 20_000
_EXAMPLES = 5
# It comes with deletion, in a later version.
_NOT_YET = Outcome.GONE


@dataclass(frozen=True, slots=True)
class Findings:
    """What was counted, by whom.

    By the feed: fed. By the worker's batches: outcomes, entries (new ones), seconds. By `verify`: verified
    entries, verdicts, differences. By the database: positions given and published, net_xp, overall (points by
    message key). By the reader of the topics: read (distinct messages), repeats, flips, reversals, net_xp_told,
    overall_told.
    """

    fed: int
    seconds: float
    outcomes: Mapping[str, int]
    entries: int
    verified: int
    verdicts: Mapping[str, int]
    differences: list[str]
    given: int
    published: int
    net_xp: int
    overall: Mapping[str, int]
    read: int
    repeats: int
    flips: int
    reversals: int
    net_xp_told: int
    overall_told: Mapping[str, int]


class Check(NamedTuple):
    """One thing that must be so. by_chance: if it is not, chance explains it."""

    says: str
    holds: bool
    by_chance: bool = False

    @property
    def excused(self) -> bool:
        """Tell whether it is not so, but need not be."""
        return self.by_chance and not self.holds

    @property
    def failed(self) -> bool:
        """Tell whether the run is a failure because of it."""
        return not self.holds and not self.by_chance


def checks(found: Findings) -> list[Check]:
    """Return everything that must be so, in the order of the path."""
    handled = sum(found.outcomes.values())
    return [
        Check(f"{found.fed:,} events fed, {handled:,} got exactly one outcome", handled == found.fed),
        _all_occurred("outcome", [one for one in Outcome if one is not _NOT_YET], found.outcomes, found.fed),
        _all_occurred("verdict", list(Verdict), found.verdicts, found.fed),
        _occurred("late flips told by messages", found.flips, found.fed),
        _occurred("XP reversals told by messages", found.reversals, found.fed),
        Check(
            f"{found.entries:,} entries applied, {found.verified:,} verified", found.entries == found.verified
        ),
        Check(_verified(found.differences), not found.differences),
        Check(
            f"{found.given:,} positions of the outbox, {found.published:,} published",
            found.given == found.published,
        ),
        Check(
            f"{found.read:,} of {found.given:,} messages read from the topics by distinct id"
            f" ({found.repeats} repeats)",
            found.read == found.given,
        ),
        Check(
            f"scores as the messages told them: {_told(found)}",
            _without_zeros(found.overall) == _without_zeros(found.overall_told),
        ),
        Check(
            f"net XP is {found.net_xp:,} by the timeline, {found.net_xp_told:,} by the messages",
            found.net_xp == found.net_xp_told,
        ),
    ]


def _all_occurred(what: str, all_of_them: list[str], numbers: Mapping[str, int], fed: int) -> Check:
    missing = [str(one) for one in all_of_them if not numbers.get(one)]
    if not missing:
        return Check(f"every {what} occurred", holds=True)
    return Check(f"{what} that did not occur: {', '.join(missing)}", holds=False, by_chance=_too_few(fed))


def _occurred(what: str, number: int, fed: int) -> Check:
    return Check(f"{number:,} {what}", number > 0, by_chance=_too_few(fed))


def _too_few(fed: int) -> bool:
    return fed < ENOUGH_EVENTS


def _verified(differences: list[str]) -> str:
    if not differences:
        return "verify: judged again from scratch, nothing differs"
    more = "" if len(differences) <= _EXAMPLES else f" (the first {_EXAMPLES})"
    return "\n".join(
        [f"verify: {len(differences)} differences{more}", *(f"  {one}" for one in differences[:_EXAMPLES])]
    )


def _told(found: Findings) -> str:
    stored, told = _without_zeros(found.overall), _without_zeros(found.overall_told)
    differing = sorted(key for key in stored.keys() | told.keys() if stored.get(key) != told.get(key))
    if not differing:
        return f"{len(found.overall):,} contacts, all alike"
    examples = ", ".join(
        f"{key} stored {stored.get(key, 0)} told {told.get(key, 0)}" for key in differing[:_EXAMPLES]
    )
    return f"{len(differing)} differ, {examples}"


def _without_zeros(points: Mapping[str, int]) -> dict[str, int]:
    """Leave out the contacts that stand at 0: of whom nothing ever changed nothing was told."""
    return {key: number for key, number in points.items() if number}
