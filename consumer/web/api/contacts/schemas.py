"""Response models of contacts and their scores."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel

from consumer.web.http.outward_ids import ADJUSTMENT
from consumer.web.http.timestamps import Instant

AdjustmentId = Annotated[int, ADJUSTMENT]


class ScoreChange(BaseModel, use_attribute_docstrings=True):
    """Shown points gained or lost over some days."""

    overall: int
    """The change of the overall score."""
    groups: dict[str, int]
    """The groups that have changed; they add up to overall, where nothing is bounded and no group apart."""


class RecentChanges(BaseModel, use_attribute_docstrings=True):
    """How scores have changed over the last days of 24 hours, by today's verdicts and weights."""

    days_7: ScoreChange
    """Over the last 7 days."""
    days_30: ScoreChange
    """Over the last 30 days."""


class ScoreTrend(BaseModel, use_attribute_docstrings=True):
    """Shown points 7, 6, … 1 times 24 hours ago and now, by today's verdicts and weights."""

    overall: list[int]
    """The overall score, eight values."""
    groups: dict[str, list[int]]
    """The groups that have changed, each with eight values."""


class ListedEvent(BaseModel, use_attribute_docstrings=True):
    """The definition under which an event is on the timeline; of several one of them."""

    definition: str
    """The definition's key."""
    name: str
    """Its name."""
    icon: str
    """Its icon."""


class ContactScores(BaseModel, use_attribute_docstrings=True):
    """A contact with its scores under one profile. Fields that no `contact.upserted` has set are null."""

    id: str
    """The contact's id in the upstream system."""
    name: str | None
    """The name of the last `contact.upserted`; null: none."""
    owner: str | None
    """The owner of the last `contact.upserted`; null: none."""
    overall: int
    """The overall score."""
    band: str | None
    """The band of the overall score; null: overall has no bands."""
    groups: dict[str, int]
    """Points by group key; those that are not apart add up to `overall`, where that has no bounds."""
    group_bands: dict[str, str]
    """The bands of the groups that have bands, by group key."""
    change: RecentChanges | None
    """How the scores have changed lately; null where it was not asked for."""


class ListedContact(ContactScores, use_attribute_docstrings=True):
    """A contact in a list, with its scores under one profile."""

    email: str | None
    """The e-mail address; null: none."""
    tags: list[str]
    """The tags; empty: none."""
    first_seen_at: Instant
    """When its first event was processed."""
    last_event_at: Instant | None
    """When its last event on the timeline happened, whether it counted or not; robots' events are ignored."""
    last_event: ListedEvent | None
    """What that was; null without one."""
    trend: ScoreTrend | None
    """What the scores were on the last days; null where it was not asked for."""
    place: str | None
    """Where it is in this list, for its neighbours; null where it was not asked for."""


class ProfileScores(BaseModel, use_attribute_docstrings=True):
    """A contact's scores under the published version of a profile."""

    profile: str
    """The profile's key."""
    name: str
    """The profile's name."""
    primary: bool
    """Whether it is the primary profile."""
    version: int
    """The version that readers see."""
    overall: int
    """The overall score."""
    band: str | None
    """The band of the overall score; null: overall has no bands."""
    groups: dict[str, int]
    """Points by group key; those that are not apart add up to `overall`, where that has no bounds."""
    group_bands: dict[str, str]
    """The bands of the groups that have bands, by group key."""
    apart: list[str]
    """The keys of the groups that are no part of overall."""
    change: RecentChanges
    """How the scores have changed lately."""


class ContactAnswer(BaseModel, use_attribute_docstrings=True):
    """A contact: its fields as of the last `contact.upserted`, null if never set, and its scores by profile."""

    id: str
    """The contact's id in the upstream system."""
    first_seen_at: Instant
    """When its first event was processed."""
    last_event_at: Instant | None
    """When its last event on the timeline happened, whether it counted or not; robots' events are ignored."""
    name: str | None
    """The name; null: never set."""
    owner: str | None
    """The owner; null: never set."""
    email: str | None
    """The e-mail address; null: never set."""
    phone: str | None
    """The phone number; null: never set."""
    url: str | None
    """The address of its page upstream; null: never set."""
    tags: list[str]
    """The tags; empty: none."""
    profiles: list[ProfileScores]
    """Its scores by published profile, in display order."""
