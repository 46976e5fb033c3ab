"""What profiles look like over HTTP: the draft that is edited, beside what readers see.

Owns the shapes. Never decides what waits for a publish; consumer/catalog/model/profile_versions.py does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field, StrictBool

from consumer.catalog.model import profile_versions
from consumer.web.http.etags import profile_revision
from consumer.web.http.request_body import Body, Key, Points, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.catalog.model import account
    from consumer.catalog.model.account import AccountCatalog, Profile

Description = Annotated[str, Field(max_length=2_000)]


class NewProfile(Body):
    """A profile to be created, as a draft. weights: its own, by definition key, those still to come too."""

    key: Key
    name: Text
    description: Description = ""
    inherits: StrictBool = True
    """Whether definitions without a weight of its own count the catalog's points, or nothing."""
    weights: dict[Key, Points] = Field(default_factory=dict)


class ProfileChange(Body):
    """What is to change of a profile's draft; what is left out stays. `weights` is one value."""

    name: Text = Field(default_factory=str)
    description: Description = Field(default_factory=str)
    inherits: StrictBool = Field(default_factory=bool)
    weights: dict[Key, Points] = Field(default_factory=dict)


class Primary(Body):
    """Which profile is the primary one."""

    profile: Key


class PrimaryAnswer(BaseModel):
    """Which profile is the primary one."""

    profile: str


class Weight(BaseModel):
    """What a counted event of a definition is worth, and in which group."""

    points: int
    group: str


class Counts(BaseModel, use_attribute_docstrings=True):
    """What a definition counts for under a profile."""

    definition: str
    name: str
    own: int | None
    """The profile's own weight in the draft, null: it has none."""
    draft: Weight
    """What it would count for if the draft were published now."""
    live: Weight | None
    """What it counts for to readers; null: nothing yet."""
    pending: bool
    """It waits for a publish, though one that is under way counts as published."""


class ProfileSummary(BaseModel, use_attribute_docstrings=True):
    """A profile in a list: its draft, and how that stands to what readers see."""

    key: str
    name: str
    description: str
    primary: bool
    inherits: bool
    weights: dict[str, int]
    """The draft's own weights by definition key, those of definitions still to come included."""
    version: int | None
    """The number of what readers see; null: it was never published."""
    building: int | None
    """The number of the version that a publish is building, null: none."""
    publish_runs: bool
    """A publish has not ended yet: the newest of its publishes."""
    pending: bool
    """Publishing it would change something. What a publish under way builds counts as published."""
    revision: str


class ProfileAnswer(ProfileSummary):
    """A profile, and what each definition counts for in its draft and to readers, in the catalog's order."""

    definitions: list[Counts]


def profile_summary(profile: Profile, state: AccountCatalog) -> ProfileSummary:
    """Return a profile as it stands in a list."""
    draft = profile_versions.draft_version(profile, state.definitions)
    return ProfileSummary(
        key=profile.key,
        name=profile.name,
        description=profile.description,
        primary=profile.primary,
        inherits=profile.inherits,
        weights=profile.weights,
        version=profile.version.number if profile.version else None,
        building=profile.building.number if profile.building else None,
        publish_runs=profile.publish_runs,
        pending=profile.coming is None or not profile_versions.same_content(profile.coming, draft),
        revision=profile_revision(profile),
    )


def profile_answer(profile: Profile, state: AccountCatalog) -> ProfileAnswer:
    """Return a profile as it is read by itself."""
    summary = profile_summary(profile, state)
    return ProfileAnswer(**summary.model_dump(), definitions=[*_counts(profile, state)])


def _counts(profile: Profile, state: AccountCatalog) -> Iterator[Counts]:
    live = profile.version.weights if profile.version else {}
    coming = profile.coming
    for key, weight in profile_versions.draft_version(profile, state.definitions).weights.items():
        yield Counts(
            definition=key,
            name=state.definitions[key].name,
            own=profile.weights.get(key),
            draft=weight_answer(weight),
            live=weight_answer(live[key]) if key in live else None,
            pending=coming is None or profile_versions.published_weight(coming, key, weight) != weight,
        )


def weight_answer(weight: account.DefinitionWeight) -> Weight:
    """Return a weight as answers have it."""
    return Weight(points=weight.points, group=weight.group)
