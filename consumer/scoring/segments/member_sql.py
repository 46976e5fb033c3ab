"""Makes SQL of what a segment asks: a condition on one contact, or a selection of all members.

Owns putting the fragments of sql/queries/members.sql together, and that whatever a user gave is a parameter. The
two forms say the same: the one is for going through contacts in some order until a page is full, the other for
few members among many contacts. Never reads the database; pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from consumer.scoring.segments.definition import parts
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from consumer.scoring.segments.definition import Counted, Match, Scored, SegmentCondition

_UNBOUNDED = 2**62
_PLACE = re.compile(r"(?<!:):([a-z_]+)")
# No definition or group has it: what is named and not there has never counted and has no points.
_NOBODY = -1


@dataclass(frozen=True, slots=True)
class MatchContext:
    """What a match is read with: numbers by key of its account, and the time that days are counted back from.

    profile: whose scores are meant; None, of one that is not there: nobody has any points.
    """

    account: int
    profile: int | None
    definitions: Mapping[str, int]
    groups: Mapping[str, int]
    now: datetime


class Parameters:
    """The parameters of a statement, numbered on from `first`."""

    def __init__(self, first: int = 1) -> None:
        self._first = first
        self._numbers: dict[tuple[str, str], int] = {}
        self.values: list[Any] = []

    def fill(self, name: str, values: Mapping[str, Any], **texts: str) -> str:
        """Return a fragment with each `:name` replaced: by SQL of ours, or by the number of a parameter."""

        def filled(place: re.Match[str]) -> str:
            what = place[1]
            return texts[what] if what in texts else f"${self._number(what, values[what])}"

        return _PLACE.sub(filled, _FRAGMENTS[name])

    def _number(self, name: str, value: Any) -> int:
        # By name too, since each name has a type of its own.
        known = (name, repr(value))
        if known not in self._numbers:
            self._numbers[known] = self._first + len(self.values)
            self.values.append(value)
        return self._numbers[known]


def member_condition(
    match: Match, given: MatchContext, parameters: Parameters, *, contact: str, moved: str | None = None
) -> str:
    """Return the condition under which a contact is a member; looks up nothing of anybody else.

    contact: SQL of its number. moved: SQL of an object, points by the number of a group, to be added to its
    scores.
    """
    return _one(match, given, parameters, {"contact": contact, **({"moved": moved} if moved else {})})


def _one(
    of: Match | SegmentCondition, given: MatchContext, parameters: Parameters, texts: Mapping[str, str]
) -> str:
    inside = parts(of)
    if inside is not None:
        how, conditions = inside
        word = " and " if how == "all" else " or "
        return f"({word.join(_one(each, given, parameters, texts) for each in conditions)})"
    leaf = _leaf(cast("SegmentCondition", of), given)
    if leaf.name == "scored" and "moved" in texts:
        return f"({parameters.fill('one_scored_after', leaf.values, **texts)})"
    return f"{'' if leaf.holds else 'not '}{parameters.fill(f'one_{leaf.name}', leaf.values, **texts)}"


def score_bounds(match: Match, given: MatchContext, *, profile: int, group: int) -> tuple[int, int]:
    """Return between which points every member is in a group of a profile, as far as the match says it plainly."""
    ranges = [
        (leaf.values["least"], leaf.values["most"])
        for leaf in (_leaf(each, given) for each in match.all or () if each.score is not None)
        if (leaf.values["profile"], leaf.values["group"]) == (profile, group)
    ]
    return max((least for least, _ in ranges), default=-_UNBOUNDED), min(
        (most for _, most in ranges), default=_UNBOUNDED
    )


def member_selection(match: Match, given: MatchContext, parameters: Parameters) -> str:
    """Return the selection of all members, as `contact_id`; nobody twice. To be run under `plan_for_many`."""
    inside = parts(match)
    if inside is None:
        raise ValueError("a match without conditions")
    return _selected(inside, given, parameters)


def _selected(
    joined: tuple[str, Sequence[SegmentCondition]], given: MatchContext, parameters: Parameters
) -> str:
    how, conditions = joined
    if how == "any" and len(conditions) > 1:
        # Each by itself: `or` would be asked of every contact.
        return " union ".join(f"({_selected(('all', [each]), given, parameters)})" for each in conditions)
    holds = " and ".join(_holds(each, given, parameters) for each in conditions)
    return parameters.fill("among", {"account": given.account}, holds=holds)


def _holds(of: SegmentCondition, given: MatchContext, parameters: Parameters) -> str:
    inside = parts(of)
    if inside is not None:
        return f"of_account.id in ({_selected(inside, given, parameters)})"
    leaf = _leaf(of, given)
    selected = parameters.fill(f"all_{leaf.name}", leaf.values)
    if leaf.holds:
        return f"of_account.id in ({selected})"
    return f"not exists (select from ({selected}) other where other.contact_id = of_account.id)"


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A single condition: it holds, or it does not where `holds` is false, for whom a fragment selects."""

    name: str
    holds: bool
    values: dict[str, Any]


def _leaf(of: SegmentCondition, given: MatchContext) -> _Leaf:
    if of.score is not None:
        group = 0 if of.score.group is None else given.groups.get(of.score.group, _NOBODY)
        profile = _NOBODY if given.profile is None else given.profile
        return _within("scored", of.score, {"profile": profile, "group": group})
    if of.count is not None:
        definitions = _numbers(of.count.definitions, given)
        return _within("counted", of.count, {"definitions": definitions})
    if of.last_event is None:
        raise ValueError("a condition without anything asked")
    days = of.last_event.within_days or of.last_event.not_within_days or 0
    values = {
        "account": given.account,
        "since": given.now - timedelta(days=days),
        "definitions": of.last_event.definitions and _numbers(of.last_event.definitions, given),
    }
    return _Leaf("had_event", of.last_event.within_days is not None, values)


def _within(name: str, asked: Scored | Counted, values: dict[str, Any]) -> _Leaf:
    """Return the condition of bounds; where they hold 0, which has no row, that it does not lie outside them."""
    least = -_UNBOUNDED if asked.min is None else asked.min
    most = _UNBOUNDED if asked.max is None else asked.max
    holds = not least <= 0 <= most
    return _Leaf(name, holds, {**values, "least": least, "most": most, "inside": holds})


def _numbers(keys: Sequence[str], given: MatchContext) -> list[int]:
    return [given.definitions.get(key, _NOBODY) for key in keys]


# Without their comments, which would be taken for SQL on one line with the rest.
_FRAGMENTS = {
    name: "\n".join(line for line in text.strip().splitlines() if not line.startswith("--"))
    for name, text in queries("members").items()
}
