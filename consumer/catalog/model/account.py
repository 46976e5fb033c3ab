"""An account's configuration as plain values: settings, groups, definitions, and profiles with their versions.

Objects are known by key and in display order; numbers of the database do not occur here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from consumer.domain.frame import PLAIN, Frame
from schemas.vocabulary import Per, Policy

if TYPE_CHECKING:
    from consumer.catalog.model.conditions import Condition


@dataclass(frozen=True)
class AccountSettings:
    """An account's own fields. retention_seconds: how long entries are kept; None: for ever."""

    name: str
    engagement: bool = True
    sales: bool = False
    retention_seconds: int | None = None
    time_zone: str = "UTC"
    count_robots: bool = False


@dataclass(frozen=True)
class Group:
    """A named counter."""

    key: str
    name: str
    icon: str


@dataclass(frozen=True)
class DedupPolicy:
    """A dedup policy. interval_seconds: of a cooldown, else None."""

    policy: Policy = Policy.ALWAYS
    interval_seconds: int | None = None
    per: Per = Per.CONTACT


@dataclass(frozen=True)
class Definition:
    """A catalog entry. edition: the number of the current one. counted: an event has counted under it."""

    key: str
    name: str
    group: str
    icon: str
    default_points: int
    events: tuple[str, ...]
    active: bool = True
    when: tuple[Condition, ...] = ()
    dedup: DedupPolicy = field(default_factory=DedupPolicy)
    xp: int = 0
    edition: int = 1
    counted: bool = False


@dataclass(frozen=True)
class DefinitionWeight:
    """The points of a definition in a profile version, and its group there.

    joined: the definition is newer than the version; it follows the catalog until it first counts.
    """

    points: int
    group: str
    joined: bool = False


@dataclass(frozen=True)
class ProfileVersion:
    """A published version of a profile. own_weights: by definition key, also of future definitions.

    overall, groups: frames; of groups by key, without plain ones.
    """

    number: int
    inherits: bool
    own_weights: dict[str, int]
    weights: dict[str, DefinitionWeight]
    overall: Frame = PLAIN
    groups: dict[str, Frame] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """A score profile: its draft, and its versions.

    overall, groups: frames of the draft; of groups by key, without plain ones.
    version: what readers see, None if never published. building: what they will see once the running publish has
    built all scores. last_number: the highest version number so far, of cancelled publishes too. publish_runs: a
    publish has not ended, although readers may see its version already, or it was cancelled. archived: it has no
    version until it is published again. was_published: it has or had one.
    """

    key: str
    name: str
    description: str = ""
    primary: bool = False
    inherits: bool = True
    weights: dict[str, int] = field(default_factory=dict)
    overall: Frame = PLAIN
    groups: dict[str, Frame] = field(default_factory=dict)
    version: ProfileVersion | None = None
    building: ProfileVersion | None = None
    last_number: int = 0
    publish_runs: bool = False
    archived: bool = False
    was_published: bool = False

    @property
    def target_version(self) -> ProfileVersion | None:
        """The version that readers see, or will see when the running publish ends."""
        return self.building or self.version


@dataclass(frozen=True)
class Rest:
    """What of an account was not read, if that was counted: the number of its other definitions and profiles.

    types: by event type, how many of these definitions are active and name it; empty if none was to be read.
    primary: the primary profile, by key, if it is among the others.
    """

    definitions: int = 0
    types: dict[str, int] = field(default_factory=dict)
    profiles: int = 0
    primary: str | None = None


@dataclass(frozen=True)
class NamedBand:
    """A band that a segment names. profile, group: by key; None: the primary one, and overall."""

    segment: str
    profile: str | None
    group: str | None
    band: str


@dataclass(frozen=True)
class AccountCatalog:
    """The configuration of one account: the whole of it, or what a change is about (rest: the others).

    settings: None where there is no such account. has_history: a score may differ from 0, so that a publish has to
    build all scores again. named_bands: of all segments. If some definitions were not read, profiles have the
    weights of the others only, and has_history and named_bands are not known.
    """

    account: str
    settings: AccountSettings | None = None
    groups: dict[str, Group] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)
    has_history: bool = False
    named_bands: tuple[NamedBand, ...] = ()
    rest: Rest = field(default_factory=Rest)
