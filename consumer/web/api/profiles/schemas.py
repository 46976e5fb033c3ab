"""Request and response models of profiles: the draft, and what readers see.

What waits for a publish is decided in consumer/catalog/model/profile_versions.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field, StrictBool

from consumer.catalog.model import profile_versions
from consumer.web.http.etags import profile_revision
from consumer.web.http.request_types import Body, Key, Points, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.catalog.model import account
    from consumer.catalog.model.account import AccountCatalog, Profile

Description = Annotated[str, Field(max_length=2_000)]


class NewProfile(Body):
    """A profile to create, as a draft. weights: by definition key; the definition need not exist yet."""

    key: Key
    name: Text
    description: Description = ""
    inherits: StrictBool = True
    """Whether definitions without a weight in `weights` count the catalog's points (true) or nothing."""
    weights: dict[Key, Points] = Field(default_factory=dict)


class ProfileChange(Body):
    """Changes to a profile; omitted fields stay as they are. `weights` is replaced as a whole."""

    name: Text = Field(default_factory=str)
    description: Description = Field(default_factory=str)
    inherits: StrictBool = Field(default_factory=bool)
    weights: dict[Key, Points] = Field(default_factory=dict)
    archived: StrictBool = Field(default_factory=bool)
    """True: no more scores and messages of it, and it is not listed. False: a draft again, to be published."""


class Primary(Body):
    """The primary profile, by key."""

    profile: Key


class PrimaryAnswer(BaseModel):
    """The primary profile, by key."""

    profile: str


class Weight(BaseModel):
    """The points of a counted event of a definition, and its group."""

    points: int
    group: str


class Counts(BaseModel, use_attribute_docstrings=True):
    """The weight of a definition under a profile."""

    definition: str
    name: str
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
    name: str
    description: str
    primary: bool
    inherits: bool
    weights: dict[str, int]
    """The draft's own weights by definition key; some definitions may not exist yet."""
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


class ProfileAnswer(ProfileSummary):
    """A profile, with the weight of each definition in its draft and as readers see it, in the catalog's order."""

    definitions: list[Counts]


def profile_summary(profile: Profile, state: AccountCatalog) -> ProfileSummary:
    """Return a profile as an item of a list."""
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
        pending=profile.target_version is None
        or not profile_versions.same_content(profile.target_version, draft),
        archived=profile.archived,
        revision=profile_revision(profile),
    )


def profile_answer(profile: Profile, state: AccountCatalog) -> ProfileAnswer:
    """Return a profile with its definitions."""
    summary = profile_summary(profile, state)
    return ProfileAnswer(**summary.model_dump(), definitions=[*_counts(profile, state)])


def _counts(profile: Profile, state: AccountCatalog) -> Iterator[Counts]:
    live = profile.version.weights if profile.version else {}
    coming = profile.target_version
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
    """Return the response model of a weight."""
    return Weight(points=weight.points, group=weight.group)
