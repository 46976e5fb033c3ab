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

    groups: (previous, current) of every group of the catalog. events: all of them, uncut, in event order.
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
    events: tuple[Cause, ...]

    @property
    def event_count(self) -> int:
        """How many events did it."""
        return len(self.events)


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


def label(source: object, id_: object) -> str:
    """Name an event as vectors.yaml does."""
    return f"{id_}" if source == "/crm" else f"{source} {id_}"
