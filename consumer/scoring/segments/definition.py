"""The shapes of a segment's conditions, as they are sent and stored, and the keys they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, Field, StrictInt, StringConstraints, model_validator

from consumer.catalog.document.fields import KEY, MAX_TEXT
from consumer.catalog.document.parse_frames import BAND_KEY, MOST_BANDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_Key = Annotated[str, StringConstraints(pattern=rf"^{KEY.pattern}$")]
# Far beyond any score, and exact in every JSON parser.
_Points = Annotated[StrictInt, Field(ge=-(10**15), le=10**15)]
_Times = Annotated[StrictInt, Field(ge=0, le=10**9)]
_Days = Annotated[StrictInt, Field(ge=1, le=3660)]
_BandKey = Annotated[str, StringConstraints(pattern=rf"^{BAND_KEY.pattern}$")]
_Definitions = Annotated[list[_Key], Field(min_length=1, max_length=50)]


def _storable(text: str) -> str:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("must not contain NUL characters or lone surrogates")
    return text


_Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT), AfterValidator(_storable)]
_Texts = Annotated[list[_Text], Field(min_length=1, max_length=50)]

# A path into a match: field names and list indices.
Path: TypeAlias = "tuple[str | int, ...]"


class _Part(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """A part of a match; null means left out."""

    def _present(self, *names: str) -> list[str]:
        return [name for name in names if getattr(self, name) is not None]

    def _one_of(self, *names: str) -> None:
        if len(self._present(*names)) != 1:
            raise ValueError(f"needs exactly one of {', '.join(name.rstrip('_') for name in names)}")

    def _check_range(self) -> None:
        least, most = (getattr(self, name) for name in ("min", "max"))
        if least is None and most is None:
            raise ValueError("needs min, max or both")
        if least is not None and most is not None and least > most:
            raise ValueError(f"min must not be more than max: {least} > {most}")


class Scored(_Part):
    """Points from `min` to `max`, both inclusive; a contact without points in a group has 0."""

    group: _Key | None = None
    """Left out: overall."""
    min: _Points | None = None
    """Least points; null: no bound."""
    max: _Points | None = None
    """Most points; null: no bound."""

    @model_validator(mode="after")
    def _check(self) -> Scored:
        self._check_range()
        return self


class Banded(_Part):
    """The band is one of these; a contact without points in a group is in the band of 0."""

    in_: Annotated[list[_BandKey], Field(alias="in", min_length=1, max_length=MOST_BANDS)]
    """Keys of bands of the profile."""
    group: _Key | None = None
    """Left out: overall."""


class Counted(_Part):
    """How often the definitions have counted, together: `min` to `max` times, both inclusive; `max: 0` is never."""

    definitions: _Definitions
    """Keys of definitions."""
    min: _Times | None = None
    """Least times; null: no bound."""
    max: _Times | None = None
    """Most times; null: no bound."""
    within_days: _Days | None = None
    """Only by events of so many last days of 24 hours; left out: in total."""

    @model_validator(mode="after")
    def _check(self) -> Counted:
        self._check_range()
        return self


class LastEvent(_Part):
    """How long ago the last event was, whether it counted or not; excluded robot events are ignored."""

    definitions: _Definitions | None = None
    """Left out: of any definition."""
    within_days: _Days | None = None
    """The last event is at most so many days of 24 hours ago."""
    not_within_days: _Days | None = None
    """The last event is more than so many days ago, or there was none."""

    @model_validator(mode="after")
    def _check(self) -> LastEvent:
        self._one_of("within_days", "not_within_days")
        return self


class Owned(_Part):
    """The owner, as in the last `contact.upserted`."""

    any_of: _Texts | None = None
    """One of these."""
    unassigned: Literal[True] | None = None
    """No owner, or an empty one."""

    @model_validator(mode="after")
    def _check(self) -> Owned:
        self._one_of("any_of", "unassigned")
        return self


class Tagged(_Part):
    """The tags, as in the last `contact.upserted` that had any field `tags`."""

    any_of: _Texts | None = None
    """At least one of these."""
    all_of: _Texts | None = None
    """Every one of these."""

    @model_validator(mode="after")
    def _check(self) -> Tagged:
        self._one_of("any_of", "all_of")
        return self


class FirstSeen(_Part):
    """How long ago the contact's first event was processed."""

    within_days: _Days | None = None
    """At most so many days of 24 hours ago."""
    not_within_days: _Days | None = None
    """Longer ago than that."""

    @model_validator(mode="after")
    def _check(self) -> FirstSeen:
        self._one_of("within_days", "not_within_days")
        return self


class SingleCondition(_Part):
    """A single condition: one of its fields."""

    score: Scored | None = None
    """A condition on points."""
    band: Banded | None = None
    """A condition on the band of points."""
    count: Counted | None = None
    """A condition on how often definitions have counted."""
    last_event: LastEvent | None = None
    """A condition on the time since the last event."""
    owner: Owned | None = None
    """A condition on the owner."""
    tags: Tagged | None = None
    """A condition on the tags."""
    first_seen: FirstSeen | None = None
    """A condition on when the contact was first seen."""

    @model_validator(mode="after")
    def _check(self) -> SingleCondition:
        self._one_of(*type(self).model_fields)
        return self


class SegmentCondition(SingleCondition):
    """A single condition, or one that must not hold."""

    not_: Annotated[SingleCondition | None, Field(alias="not")] = None
    """Holds where this does not."""


_MOST_CONDITIONS = 10
_Conditions = Annotated[list[SegmentCondition], Field(min_length=1, max_length=_MOST_CONDITIONS)]


class Nested(SegmentCondition):
    """A single condition, one that must not hold, or several of which `all` or `any` must hold."""

    all: _Conditions | None = None
    """Conditions that must all hold."""
    any: _Conditions | None = None
    """Conditions of which one must hold."""


class Match(_Part):
    """The rule of membership: `all` or `any` of the conditions hold."""

    all: Annotated[list[Nested], Field(min_length=1, max_length=_MOST_CONDITIONS)] | None = None
    """Conditions that must all hold."""
    any: Annotated[list[Nested], Field(min_length=1, max_length=_MOST_CONDITIONS)] | None = None
    """Conditions of which one must hold."""

    @model_validator(mode="after")
    def _check(self) -> Match:
        self._one_of("all", "any")
        return self

    def documented(self) -> dict[str, Any]:
        """Return it as JSON values, without nulls."""
        return self.model_dump(exclude_none=True, by_alias=True)


def parts(of: Match | SingleCondition) -> tuple[str, Sequence[SingleCondition]] | None:
    """Return `all`, `any` or `not`, and the conditions that it joins; None for a single condition."""
    for how in ("all", "any"):
        inside: Sequence[SingleCondition] | None = getattr(of, how, None)
        if inside is not None:
            return how, inside
    if isinstance(of, SegmentCondition) and of.not_ is not None:
        return "not", [of.not_]
    return None


def named_keys(match: Match) -> Iterator[tuple[Path, str, str]]:
    """Yield each key that a match names: its path, `definition` or `group`, and the key."""
    for path, condition in _leaves(match, ()):
        for name in ("score", "band"):
            of: Scored | Banded | None = getattr(condition, name)
            if of and of.group:
                yield (*path, name, "group"), "group", of.group
        for name in ("count", "last_event"):
            part: Counted | LastEvent | None = getattr(condition, name)
            for place, key in enumerate((part and part.definitions) or ()):
                yield (*path, name, "definitions", place), "definition", key


def named_bands(match: Match) -> Iterator[tuple[Path, str | None, str]]:
    """Yield each band that a match names: its path, the key of its group (None: overall), and its key."""
    for path, condition in _leaves(match, ()):
        if condition.band:
            for place, key in enumerate(condition.band.in_):
                yield (*path, "band", "in", place), condition.band.group, key


def _leaves(of: Match | SingleCondition, path: Path) -> Iterator[tuple[Path, SingleCondition]]:
    inside = parts(of)
    if inside is None:
        if isinstance(of, SingleCondition):
            yield path, of
        return
    how, conditions = inside
    for place, each in enumerate(conditions):
        yield from _leaves(each, (*path, how) if how == "not" else (*path, how, place))
