"""Request and response models of profiles: the draft, and what readers see.

What waits for a publish is decided in consumer/catalog/model/profile_versions.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import BaseModel, Field, StrictBool

from consumer.catalog.model import profile_versions
from consumer.catalog.model.frames import frame_mapping, frames_mapping
from consumer.web.api.profiles.frames import (
    GroupFrame,
    NewGroupFrame,
    NewOverallFrame,
    OverallFrame,
    group_answer,
    overall_answer,
)
from consumer.web.http import etags
from consumer.web.http.request_types import Body, Key, Points, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.catalog.model.account import AccountCatalog, DefinitionWeight, Profile, ProfileVersion

Description = Annotated[str, Field(max_length=2_000)]


class NewProfile(Body):
    """A profile to create, as a draft."""

    key: Key
    """The key; it cannot be changed."""
    name: Text
    """The name for display."""
    description: Description = ""
    """What the profile is for."""
    inherits: StrictBool = True
    """Whether definitions without a weight in `weights` count the catalog's points (true) or nothing."""
    weights: dict[Key, Points] = Field(default_factory=dict)
    """Points of a counted event by definition key; the definition need not exist yet."""
    overall: NewOverallFrame = Field(default_factory=NewOverallFrame)
    """What bounds overall, and its bands."""
    groups: dict[Key, NewGroupFrame] = Field(default_factory=dict)
    """Bounds and bands of groups by key, and which of them are apart."""


class ProfileChange(Body):
    """Changes to a profile; omitted fields stay. `weights`, `overall` and `groups` are each replaced as a whole."""

    name: Text = Field(default_factory=str)
    """The name for display."""
    description: Description = Field(default_factory=str)
    """What the profile is for."""
    inherits: StrictBool = Field(default_factory=bool)
    """Whether definitions without a weight in `weights` count the catalog's points (true) or nothing."""
    weights: dict[Key, Points] = Field(default_factory=dict)
    """Points of a counted event by definition key."""
    overall: NewOverallFrame = Field(default_factory=NewOverallFrame)
    """What bounds overall, and its bands."""
    groups: dict[Key, NewGroupFrame] = Field(default_factory=dict)
    """Bounds and bands of groups by key, and which of them are apart."""
    archived: StrictBool = Field(default_factory=bool)
    """True: no more scores and messages of it, and it is not listed. False: a draft again, to be published."""


class Primary(Body):
    """The primary profile, by key."""

    profile: Key
    """The profile's key."""


class PrimaryAnswer(BaseModel, use_attribute_docstrings=True):
    """The primary profile, by key."""

    profile: str
    """The profile's key."""


class Weight(BaseModel, use_attribute_docstrings=True):
    """The points of a counted event of a definition, and its group."""

    points: int
    """Points of a counted event."""
    group: str
    """The key of the group that they go to."""


class Counts(BaseModel, use_attribute_docstrings=True):
    """The weight of a definition under a profile."""

    definition: str
    """The definition's key."""
    name: str
    """The definition's name."""
    own: int | None
    """The draft's own weight for this definition; null: none."""
    draft: Weight
    """The weight if the draft were published now."""
    live: Weight | None
    """The weight that readers see; null: none yet."""
    pending: bool
    """Whether it waits for a publish. What a running publish builds counts as published."""


class ProfileSummary(BaseModel, use_attribute_docstrings=True):
    """A profile in a list: its draft, and how it compares with what readers see."""

    key: str
    """The key."""
    name: str
    """The name for display."""
    description: str
    """What the profile is for."""
    primary: bool
    """Whether it is the primary profile, which is read where no other is named."""
    inherits: bool
    """Whether definitions without a weight in `weights` count the catalog's points (true) or nothing."""
    weights: dict[str, int]
    """The draft's own weights by definition key; some definitions may not exist yet."""
    overall: OverallFrame
    """Bounds and bands of overall points in the draft."""
    groups: dict[str, GroupFrame]
    """Bounds and bands of groups in the draft, by key: of those that have any, or are apart."""
    version: int | None
    """The version that readers see; null: it was never published."""
    building: int | None
    """The version that a publish is building; null: none."""
    publish_runs: bool
    """Whether a publish is running, the newest one of the profile."""
    pending: bool
    """Whether publishing would change anything. What a running publish builds counts as published."""
    archived: bool
    """Whether it is archived: then it has no scores, and nothing else of it can be changed."""
    revision: str
    """The value of `ETag`, without quotes."""


class ProfileAnswer(ProfileSummary):
    """A profile, with the weight of each definition in its draft and as readers see it, in the catalog's order."""

    definitions: list[Counts]
    """Each definition with its weights, in display order."""


def profile_summary(profile: Profile, state: AccountCatalog) -> ProfileSummary:
    """Return a profile as an item of a list. state: with this profile, and all definitions."""
    fields, counts = _content(profile, state)
    return ProfileSummary(**fields, revision=_revision(profile, fields, counts))


def profile_answer(profile: Profile, state: AccountCatalog) -> ProfileAnswer:
    """Return a profile with its definitions. state: as for profile_summary."""
    fields, counts = _content(profile, state)
    definitions = [
        Counts(
            definition=each.definition,
            name=each.name,
            own=each.own,
            draft=weight_answer(each.draft),
            live=weight_answer(each.live) if each.live else None,
            pending=each.pending,
        )
        for each in counts
    ]
    return ProfileAnswer(**fields, revision=_revision(profile, fields, counts), definitions=definitions)


def profile_revision(profile: Profile, state: AccountCatalog) -> str:
    """Return the revision of a profile: of all that its answer shows, the weights and groups of its draft included.

    So it is out of date once a definition has other points, or readers see another version. state: as for
    profile_summary.
    """
    return _revision(profile, *_content(profile, state))


def _revision(profile: Profile, fields: dict[str, Any], counts: list[_Count]) -> str:
    frames = {"overall": frame_mapping(profile.overall), "groups": frames_mapping(profile.groups)}
    return etags.revision((fields | frames, counts))


class _Count(NamedTuple):
    """A definition under a profile, as in Counts."""

    definition: str
    name: str
    own: int | None
    draft: DefinitionWeight
    live: DefinitionWeight | None
    pending: bool


def _content(profile: Profile, state: AccountCatalog) -> tuple[dict[str, Any], list[_Count]]:
    """Return the fields of a summary, and the definitions."""
    draft = profile_versions.draft_version(profile, state.definitions)
    coming = profile.target_version
    fields = {
        "key": profile.key,
        "name": profile.name,
        "description": profile.description,
        "primary": profile.primary,
        "inherits": profile.inherits,
        "weights": dict(sorted(profile.weights.items())),
        "overall": overall_answer(profile.overall),
        "groups": {key: group_answer(profile.groups[key]) for key in sorted(profile.groups)},
        "version": profile.version.number if profile.version else None,
        "building": profile.building.number if profile.building else None,
        "publish_runs": profile.publish_runs,
        "pending": coming is None or not profile_versions.same_content(coming, draft),
        "archived": profile.archived,
    }
    return fields, [*_counts(profile, draft, state)]


def _counts(profile: Profile, draft: ProfileVersion, state: AccountCatalog) -> Iterator[_Count]:
    live = profile.version.weights if profile.version else {}
    coming = profile.target_version
    for key, weight in draft.weights.items():
        pending = coming is None or profile_versions.published_weight(coming, key, weight) != weight
        yield _Count(
            key, state.definitions[key].name, profile.weights.get(key), weight, live.get(key), pending
        )


def weight_answer(weight: DefinitionWeight) -> Weight:
    """Return the response model of a weight."""
    return Weight(points=weight.points, group=weight.group)
