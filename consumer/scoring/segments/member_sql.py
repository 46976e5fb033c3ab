"""Compiles a segment's match to SQL: a condition on one contact, or a selection of all members. Pure.

Both forms mean the same. The condition suits a scan through contacts that stops when a page is full; the
selection suits few members among many contacts. Every value that a user gave becomes a parameter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from consumer.domain.frame import PLAIN
from consumer.scoring.segments.definition import parts
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from consumer.domain.frame import Frame
    from consumer.scoring.segments.definition import (
        Banded,
        Counted,
        FirstSeen,
        LastEvent,
        Match,
        Scored,
        SingleCondition,
    )

_UNBOUNDED = 2**62
_PLACEHOLDER = re.compile(r"(?<!:):([a-z_]+)")
# The number of an unknown definition, group or profile: it has never counted and has no points.
_UNKNOWN_ID = -1
# Of an owner's name, as in contact_fields_by_owner.
_INDEXED_CHARACTERS = 256
_WORDS = {"all": " and ", "any": " or "}


@dataclass(frozen=True, slots=True)
class MatchContext:
    """What a match is compiled with: the account's numbers by key, and the time that days are counted back from.

    profile: whose scores are meant; None: an unknown one, under which no contact has points. frames: of its version
    by group (0: overall), since scores are given as they are shown, and stored as sums.
    """

    account: int
    profile: int | None
    definitions: Mapping[str, int]
    groups: Mapping[str, int]
    now: datetime
    frames: Mapping[int, Frame] = field(default_factory=dict)


class Parameters:
    """The parameters of a statement, numbered from `first` on."""

    def __init__(self, first: int = 1) -> None:
        self._first = first
        self._numbers: dict[tuple[str, str], int] = {}
        self.values: list[Any] = []

    def fill(self, name: str, values: Mapping[str, Any], **sql: str) -> str:
        """Return a fragment with each `:name` replaced by SQL from `sql`, or by the number of a parameter."""

        def replacement(placeholder: re.Match[str]) -> str:
            key = placeholder[1]
            return sql[key] if key in sql else f"${self._number(key, values[key])}"

        return _PLACEHOLDER.sub(replacement, _FRAGMENTS[name])

    def _number(self, name: str, value: Any) -> int:
        # By name too, since each name has its own type.
        known = (name, repr(value))
        if known not in self._numbers:
            self._numbers[known] = self._first + len(self.values)
            self.values.append(value)
        return self._numbers[known]


def member_condition(
    match: Match, context: MatchContext, parameters: Parameters, *, contact: str, moved: str | None = None
) -> str:
    """Return the condition under which a contact is a member; it reads rows of this contact only.

    contact: SQL of its number. moved: SQL of a JSON object, points by group number, to be added to its scores.
    """
    return _condition(match, context, parameters, {"contact": contact, **({"moved": moved} if moved else {})})


def _condition(
    of: Match | SingleCondition, context: MatchContext, parameters: Parameters, sql: Mapping[str, str]
) -> str:
    inside = parts(of)
    if inside is not None:
        how, conditions = inside
        joined = [_condition(each, context, parameters, sql) for each in conditions]
        return f"(not {joined[0]})" if how == "not" else f"({_WORDS[how].join(joined)})"
    leaf = _leaf(cast("SingleCondition", of), context)
    if leaf.name == "scored" and "moved" in sql:
        return _filled("one_scored_after", leaf, parameters, sql)
    return f"{'' if leaf.holds else 'not '}{_filled(f'one_{leaf.name}', leaf, parameters, sql)}"


def _filled(name: str, leaf: _Leaf, parameters: Parameters, sql: Mapping[str, str]) -> str:
    within = " or ".join(
        parameters.fill("within", {"least": least, "most": most}) for least, most in leaf.ranges
    )
    return parameters.fill(name, leaf.values, **{**sql, "within": within or "false"})


def score_bounds(match: Match, context: MatchContext, *, profile: int, group: int) -> tuple[int, int]:
    """Return bounds of every member's points in a group, from what a top-level `all` asks of them."""
    ranges = [
        leaf.ranges
        for leaf in (_leaf(each, context) for each in match.all or () if each.score or each.band)
        if (leaf.values["profile"], leaf.values["group"]) == (profile, group)
    ]
    # Of no range at all, there is no member.
    return max((min((least for least, _ in each), default=1) for each in ranges), default=-_UNBOUNDED), min(
        (max((most for _, most in each), default=0) for each in ranges), default=_UNBOUNDED
    )


def member_selection(match: Match, context: MatchContext, parameters: Parameters) -> str:
    """Return the selection of all members as `contact_id`, each once. Run it under the settings `plan_for_many`."""
    inside = parts(match)
    if inside is None:
        raise ValueError("a match without conditions")
    return _selected(inside, context, parameters)


def _selected(
    joined: tuple[str, Sequence[SingleCondition]], context: MatchContext, parameters: Parameters
) -> str:
    how, conditions = joined
    if how == "any" and len(conditions) > 1:
        # A union, since `or` would be evaluated for every contact.
        return " union ".join(f"({_selected(('all', [each]), context, parameters)})" for each in conditions)
    holds = " and ".join(_in_selection(each, context, parameters) for each in conditions)
    return parameters.fill("among", {"account": context.account}, holds=holds)


def _in_selection(of: SingleCondition, context: MatchContext, parameters: Parameters) -> str:
    inside = parts(of)
    if inside is not None and inside[0] != "not":
        return f"of_account.id in ({_selected(inside, context, parameters)})"
    leaf = _leaf(of if inside is None else inside[1][0], context)
    selected = _filled(f"all_{leaf.name}", leaf, parameters, {})
    if leaf.holds == (inside is None):
        return f"of_account.id in ({selected})"
    # Not `not in`, which is no join: it would look through the whole selection for each contact.
    return f"not exists (select from ({selected}) other where other.contact_id = of_account.id)"


def owner_values(account: int, owners: Sequence[str] | None) -> dict[str, Any]:
    """Return the values of the fragments about owners; None: any owner."""
    beginnings = owners and [owner[:_INDEXED_CHARACTERS] for owner in owners]
    return {"account": account, "owners": owners, "beginnings": beginnings}


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A single condition: the fragment `name`, negated if `holds` is false. ranges: the sums that it asks for."""

    name: str
    holds: bool
    values: dict[str, Any]
    ranges: Sequence[tuple[int, int]] = ()


def _leaf(of: SingleCondition, context: MatchContext) -> _Leaf:
    if of.score is not None or of.band is not None:
        return _scored(of.score, of.band, context)
    if of.count is not None:
        return _counted(of.count, context)
    account = {"account": context.account}
    if of.owner is not None:
        return _Leaf("owned", of.owner.unassigned is None, owner_values(context.account, of.owner.any_of))
    if of.tags is not None:
        tags = of.tags.all_of or of.tags.any_of
        return _Leaf("tagged", True, {**account, "tags": tags, "every": of.tags.all_of is not None})
    if of.first_seen is not None:
        return _since("seen", of.first_seen, context, account)
    if of.last_event is None:
        raise ValueError("a condition without any field")
    definitions = of.last_event.definitions and _definition_ids(of.last_event.definitions, context)
    return _since("had_event", of.last_event, context, {**account, "definitions": definitions})


def _scored(score: Scored | None, band: Banded | None, context: MatchContext) -> _Leaf:
    """Return a condition on sums. If they include 0, which has no row: that the sum is not outside of them."""
    part = score or band
    group = 0 if part is None or part.group is None else context.groups.get(part.group, _UNKNOWN_ID)
    frame = context.frames.get(group, PLAIN)
    if score:
        shown = [_ends(score)]
    else:
        shown = [span for each in (band.in_ if band else ()) if (span := frame.band_range(each))]
    ranges = [frame.sums(*span) for span in shown]
    holds = not any(least <= 0 <= most for least, most in ranges)
    profile = _UNKNOWN_ID if context.profile is None else context.profile
    return _Leaf("scored", holds, {"profile": profile, "group": group, "inside": holds}, ranges)


def _since(name: str, part: LastEvent | FirstSeen, context: MatchContext, values: dict[str, Any]) -> _Leaf:
    days = part.within_days or part.not_within_days or 0
    return _Leaf(name, part.within_days is not None, {**values, "since": context.now - timedelta(days=days)})


def _counted(part: Counted, context: MatchContext) -> _Leaf:
    values: dict[str, Any] = {"definitions": _definition_ids(part.definitions, context)}
    if part.within_days is None:
        return _within("counted", part, values)
    since = context.now - timedelta(days=part.within_days)
    return _within("counted_since", part, {**values, "account": context.account, "since": since})


def _within(name: str, part: Counted, values: dict[str, Any]) -> _Leaf:
    """Return a condition on a count. If its bounds include 0, which has no row: that it is not outside of them."""
    least, most = _ends(part)
    holds = not least <= 0 <= most
    return _Leaf(name, holds, {**values, "least": least, "most": most, "inside": holds})


def _ends(part: Scored | Counted) -> tuple[int, int]:
    return -_UNBOUNDED if part.min is None else part.min, _UNBOUNDED if part.max is None else part.max


def _definition_ids(keys: Sequence[str], context: MatchContext) -> list[int]:
    return [context.definitions.get(key, _UNKNOWN_ID) for key in keys]


# Without their comments, since fragments are joined on one line.
_FRAGMENTS = {
    name: "\n".join(line for line in text.strip().splitlines() if not line.startswith("--"))
    for name, text in queries("members").items()
}
