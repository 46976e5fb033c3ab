"""Response models of contacts and their scores."""

from __future__ import annotations

from pydantic import BaseModel

from consumer.web.http.timestamps import Instant


class ScoreChange(BaseModel, use_attribute_docstrings=True):
    """Points gained or lost over some days."""

    overall: int
    groups: dict[str, int]
    """The groups that have changed; they add up to overall."""


class RecentChanges(BaseModel, use_attribute_docstrings=True):
    """How scores have changed over the last days of 24 hours, by today's verdicts and weights."""

    days_7: ScoreChange
    days_30: ScoreChange


class ContactScores(BaseModel, use_attribute_docstrings=True):
    """A contact with its scores under one profile. Fields that no `contact.upserted` has set are null."""

    id: str
    name: str | None
    owner: str | None
    overall: int
    groups: dict[str, int]
    """Points by group; they add up to overall."""
    change: RecentChanges | None
    """Null where it was not asked for."""


class ListedContact(ContactScores, use_attribute_docstrings=True):
    """A contact in a list, with its scores under one profile."""

    email: str | None
    tags: list[str]
    first_seen_at: Instant
    """When its first event was processed."""
    last_event_at: Instant | None
    """When its last event on the timeline happened, whether it counted or not; robots' events are ignored."""


class ProfileScores(BaseModel):
    """A contact's scores under the published version of a profile; groups add up to overall."""

    profile: str
    name: str
    primary: bool
    version: int
    overall: int
    groups: dict[str, int]
    change: RecentChanges


class ContactAnswer(BaseModel, use_attribute_docstrings=True):
    """A contact: its fields as of the last `contact.upserted`, null if never set, and its scores by profile."""

    id: str
    first_seen_at: Instant
    """When its first event was processed."""
    last_event_at: Instant | None
    """When its last event on the timeline happened, whether it counted or not; robots' events are ignored."""
    name: str | None
    owner: str | None
    email: str | None
    phone: str | None
    url: str | None
    tags: list[str]
    profiles: list[ProfileScores]
