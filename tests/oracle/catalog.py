"""An account as its catalog documents have made it: settings, definitions, editions, profiles, versions.

Owns what a document changes (semantics §3, §5 "Profiles"; contracts "The catalog document"), and the defaults
of what it leaves out. Takes documents to be valid; never judges an event.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Edition:
    """A dedup policy over some time.

    number: 1, 2, 3 … by definition. interval: for `cooldown` only.
    """

    number: int
    policy: str
    interval: timedelta | None
    per: str


@dataclass
class Definition:
    """One definition as it is now; its last edition is the one in force."""

    key: str
    group: str = ""
    points: int = 0
    xp: int = 0
    active: bool = True
    events: list[str] = field(default_factory=list)
    when: list[dict[str, Any]] = field(default_factory=list)
    editions: list[Edition] = field(default_factory=list)

    def change(self, document: dict[str, Any]) -> None:
        """Take over what the document names; a `dedup` is one value, what it leaves out takes the default."""
        self.group = document.get("group", self.group)
        self.points = document.get("default_points", self.points)
        self.xp = document.get("xp", self.xp)
        self.active = document.get("active", self.active)
        self.events = document.get("events", self.events)
        self.when = document.get("when", self.when)
        if "dedup" in document or not self.editions:
            self._open_edition(document.get("dedup", {}))

    def _open_edition(self, dedup: dict[str, Any]) -> None:
        policy = dedup.get("policy", "always")
        interval = duration(dedup["interval"]) if policy == "cooldown" else None
        edition = Edition(len(self.editions) + 1, policy, interval, dedup.get("per", "contact"))
        last = self.editions[-1] if self.editions else None
        if last is None or (last.policy, last.interval, last.per) != (policy, interval, edition.per):
            self.editions.append(edition)


@dataclass(frozen=True)
class Frame:
    """What becomes of the sum of a group, or of overall. bands: each with its `min`, the first without."""

    floor: float
    cap: float
    apart: bool
    bands: tuple[tuple[str, float], ...]

    @classmethod
    def of(cls, document: dict[str, Any]) -> Frame:
        """Read it from a document; what that leaves out does not bound."""
        bands = tuple((band["key"], band.get("min", -math.inf)) for band in document.get("bands", []))
        return cls(
            document.get("floor", -math.inf),
            document.get("cap", math.inf),
            document.get("apart", False),
            bands,
        )

    def shown(self, points: int) -> int:
        """Return the points within the bounds."""
        return int(max(self.floor, min(self.cap, points)))

    def band(self, shown: int) -> str | None:
        """Return the last band that shown points reach; None where there are no bands."""
        reached = [key for key, least in self.bands if least <= shown]
        return reached[-1] if reached else None


PLAIN = Frame.of({})


@dataclass
class Version:
    """A published version of a profile: the weights and groups of the definitions there were, frozen.

    weights: the profile's own, as published. A definition created since joins where `inherits`, and follows
    the catalog until `freeze`. frames: of groups, and of `overall` under None; others are plain. retired: none
    joins any more.
    """

    number: int
    inherits: bool
    weights: dict[str, int]
    frozen: dict[str, tuple[int, str]]
    frames: dict[str | None, Frame] = field(default_factory=dict)
    retired: bool = False

    def shown(self, sums: dict[str, int]) -> dict[str | None, int]:
        """Return the shown points of groups, and of overall under None, from the sums of groups."""
        shown: dict[str | None, int] = {
            group: self.frame(group).shown(points) for group, points in sums.items()
        }
        overall = sum(points for group, points in shown.items() if not self.frame(group).apart)
        return {None: self.frame(None).shown(overall), **shown}

    def bands(self, shown: dict[str | None, int]) -> dict[str | None, str]:
        """Return the bands of overall and groups that have some; of points that are not given, those of 0."""
        return {
            of: band
            for of, frame in self.frames.items()
            if (band := frame.band(shown.get(of, 0))) is not None
        }

    def frame(self, of: str | None) -> Frame:
        """Return the frame of a group, or of overall (None)."""
        return self.frames.get(of, PLAIN)

    def weight_and_group(self, definition: Definition) -> tuple[int, str]:
        """Return the points of one counted event of the definition under this version, and their group."""
        if definition.key in self.frozen:
            return self.frozen[definition.key]
        if self.inherits and not self.retired:
            return (self.weights.get(definition.key, definition.points), definition.group)
        return (0, definition.group)

    def freeze(self, definition: Definition) -> None:
        """Follow the catalog no longer, because the definition has counted."""
        self.frozen[definition.key] = self.weight_and_group(definition)

    def retire(self, definitions: list[Definition]) -> None:
        """Be replaced by another version, with these definitions."""
        for definition in definitions:
            self.freeze(definition)
        self.retired = True


@dataclass
class Profile:
    """One profile: its draft, the version that is published, if any, and those before it by number."""

    key: str
    primary: bool = False
    inherits: bool = True
    published: bool = False
    weights: dict[str, int] = field(default_factory=dict)
    frames: dict[str | None, Frame] = field(default_factory=dict)
    version: Version | None = None
    versions: dict[int, Version] = field(default_factory=dict)

    def change(self, document: dict[str, Any]) -> None:
        """Take over what the document names; `weights`, `overall` and `groups` are one value each."""
        self.primary = document.get("primary", self.primary)
        self.inherits = document.get("inherits", self.inherits)
        self.published = document.get("published", self.published)
        self.weights = document.get("weights", self.weights)
        if "overall" in document:
            self._set_frames(
                {None: document["overall"]}, {of: each for of, each in self.frames.items() if of}
            )
        if "groups" in document:
            self._set_frames(document["groups"], {of: each for of, each in self.frames.items() if not of})

    def _set_frames(self, documents: Mapping[Any, dict[str, Any]], others: dict[str | None, Frame]) -> None:
        new = {of: Frame.of(each) for of, each in documents.items()}
        self.frames = {of: each for of, each in {**others, **new}.items() if each != PLAIN}

    def publish(self, definitions: list[Definition]) -> bool:
        """Make the draft the next version if it differs from the current one; return whether it did."""
        frozen = {
            each.key: (self.weights.get(each.key, each.points if self.inherits else 0), each.group)
            for each in definitions
        }
        number = self.version.number + 1 if self.version else 1
        draft = Version(number, self.inherits, dict(self.weights), frozen, dict(self.frames))
        if self.version is not None and self._says_the_same(self.version, draft, definitions):
            return False
        if self.version is not None:
            self.version.retire(definitions)
        self.version = self.versions[number] = draft
        return True

    @staticmethod
    def _says_the_same(old: Version, new: Version, definitions: list[Definition]) -> bool:
        drafted = (new.inherits, new.weights, new.frames)
        return (old.inherits, old.weights, old.frames) == drafted and all(
            old.weight_and_group(each) == new.weight_and_group(each) for each in definitions
        )


@dataclass
class Account:
    """A tenant, its catalog and its profiles, all in the order in which documents named them first."""

    key: str
    engagement: bool = True
    sales: bool = False
    count_robots: bool = False
    groups: list[str] = field(default_factory=list)
    definitions: dict[str, Definition] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)

    def change(self, document: dict[str, Any]) -> list[Profile]:
        """Apply one document; returns the profiles of which it published a version."""
        self.engagement = document.get("engagement", self.engagement)
        self.sales = document.get("sales", self.sales)
        self.count_robots = document.get("count_robots", self.count_robots)
        self.groups += [
            group["key"] for group in document.get("groups", []) if group["key"] not in self.groups
        ]
        for named in document.get("definitions", []):
            self.definitions.setdefault(named["key"], Definition(named["key"])).change(named)
        return self._change_profiles(document.get("profiles", []))

    def _change_profiles(self, documents: list[dict[str, Any]]) -> list[Profile]:
        if not documents and not self.profiles:
            documents = [{"key": "lead_score", "primary": True, "inherits": True, "published": True}]
        published = []
        for named in documents:
            profile = self.profiles.setdefault(named["key"], Profile(named["key"]))
            profile.change(named)
            wanted = profile.published or (profile.primary and profile.version is None)
            if wanted and profile.publish(list(self.definitions.values())):
                published.append(profile)
        return published

    @property
    def primary(self) -> Profile:
        """The one primary profile."""
        (profile,) = (each for each in self.profiles.values() if each.primary)
        return profile


def duration(text: str) -> timedelta:
    """Read a duration of the catalog: digits and one of s, m, h, d."""
    found = re.fullmatch("([0-9]+)([smhd])", text)
    if found is None:
        raise ValueError(f"not a duration: {text}")
    return timedelta(**{UNITS[found[2]]: int(found[1])})
