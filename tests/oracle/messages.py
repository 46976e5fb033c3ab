"""The content of the messages out (semantics §6).

Owns the shape of messages and what an entry adds to one. Never decides whether one is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from tests.oracle.catalog import Account, Version
    from tests.oracle.decode import Event
    from tests.oracle.judge import Entry


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One of the `events` of a score message: an entry that began to count or, points negated, ceased to."""

    id: str
    source: str
    type: str
    occurred_at: datetime
    definition: str
    verdict: str
    points: int


@dataclass(frozen=True, kw_only=True)
class ScoreChanged:
    """One `engagement.score-changed`.

    groups: (previous, current) of every group of the catalog. bands: the same of overall (None) and groups that
    have bands. events: all of them, uncut, in event order.
    """

    account: str
    profile: str
    profile_version: int
    contact: str
    version: int
    causes: tuple[str, ...]
    previous: int
    current: int
    groups: dict[str, tuple[int, int]]
    bands: dict[str | None, tuple[str | None, str]]
    events: tuple[Cause, ...]

    @property
    def event_count(self) -> int:
        """How many events did it."""
        return len(self.events)


@dataclass(frozen=True, kw_only=True)
class BandChanged:
    """One `engagement.band-changed`: a crossing of overall (group None) or of a group, in a score message.

    name, owner: of the contact, as of the commit. event: what did it, None where no event did.
    """

    message: ScoreChanged
    group: str | None
    previous: str | None
    current: str
    points: tuple[int, int]
    name: str | None
    owner: str | None
    event: Cause | None


@dataclass(frozen=True, kw_only=True)
class Tombstone:
    """The end of the `engagement.score-changed` of a contact and profile, until it begins anew."""


@dataclass(frozen=True, kw_only=True)
class XpCredited:
    """One `engagement.xp-credited`.

    number: K. reverses: the K of the credit that it takes back. after: the last record of its commit.
    """

    account: str
    actor: str
    definition: str
    contact: str
    event: Event
    number: int
    amount: int
    reverses: int | None
    after: str


def causes_of(changed: list[Entry], account: Account, version: Version) -> list[Cause]:
    """Name the entries that moved points; one of weight 0 moved none."""
    causes = []
    for entry in changed:
        weight, _ = version.weight_and_group(account.definitions[entry.definition])
        if weight != 0:
            causes.append(
                Cause(
                    id=entry.event.id,
                    source=entry.event.source,
                    type=entry.event.type,
                    occurred_at=entry.event.occurred_at,
                    definition=entry.definition,
                    verdict=entry.verdict,
                    points=weight if entry.counted else -weight,
                )
            )
    return causes


def crossings(
    message: ScoreChanged, name: str | None, owner: str | None, account: Account, version: Version
) -> list[BandChanged]:
    """Name the crossings of a message; name, owner: of its contact."""
    crossed = []
    for group, (previous, current) in message.bands.items():
        if previous == current:
            continue
        points = message.groups[group] if group else (message.previous, message.current)
        own = [cause for cause in message.events if _is_of(cause, group, account, version)]
        moving = [cause for cause in own if cause.points * (points[1] - points[0]) > 0]
        crossed.append(
            BandChanged(
                message=message,
                group=group,
                previous=previous,
                current=current,
                points=points,
                name=name,
                owner=owner,
                event=moving[-1] if moving else None,
            )
        )
    return crossed


def _is_of(cause: Cause, group: str | None, account: Account, version: Version) -> bool:
    """Return whether an event moved the axis: a group, or overall by a group that is not apart."""
    _, own = version.weight_and_group(account.definitions[cause.definition])
    return own == group if group else not version.frame(own).apart


def label(source: object, id_: object) -> str:
    """Name an event as vectors.yaml does."""
    return f"{id_}" if source == "/crm" else f"{source} {id_}"
