"""An account's configuration as plain values: what is stored, or what a document would make of it.

Owns the shape: settings, groups, definitions, profiles with their published versions, all by key and in display
order. Never holds a number of the database; those are found by key when it is written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.names import Per, Policy

if TYPE_CHECKING:
    from consumer.catalog.model.conditions import Condition


@dataclass(frozen=True)
class AccountSettings:
    """An account's own fields. retention_seconds: None keeps the timeline for ever."""

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
    """A catalog entry. edition: the number of the current one. counted: some event has counted under it."""

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
    """What a definition counts for under a version, and in which group.

    joined: the definition came after the version, which follows the catalog until it first counts.
    """

    points: int
    group: str
    joined: bool = False


@dataclass(frozen=True)
class ProfileVersion:
    """A version of a profile as published. own_weights: by definition key, those still to come included."""

    number: int
    inherits: bool
    own_weights: dict[str, int]
    weights: dict[str, DefinitionWeight]


@dataclass(frozen=True)
class Profile:
    """A score profile: its draft, and its versions.

    version: what readers see, None where it was never published. building: what they will see once the publish that
    is under way has gone over history. last_number: the highest that any version had, cancelled ones included.
    publish_runs: one has not ended yet, though readers may see it already, or it was cancelled.
    """

    key: str
    name: str
    description: str = ""
    primary: bool = False
    inherits: bool = True
    weights: dict[str, int] = field(default_factory=dict)
    version: ProfileVersion | None = None
    building: ProfileVersion | None = None
    last_number: int = 0
    publish_runs: bool = False

    @property
    def coming(self) -> ProfileVersion | None:
        """The version that readers see, or will without anybody's doing."""
        return self.building or self.version


@dataclass(frozen=True)
class AccountCatalog:
    """An account's whole configuration.

    settings: None where there is no such account. has_history: some score may differ from 0, so that publishing
    has to build scores anew.
    """

    account: str
    settings: AccountSettings | None = None
    groups: dict[str, Group] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)
    has_history: bool = False
