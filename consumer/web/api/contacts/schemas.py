"""Response models of contacts and their scores."""

from __future__ import annotations

from pydantic import BaseModel

from consumer.web.http.timestamps import Instant


class ContactScores(BaseModel):
    """A contact with its scores under one profile. groups: points by group key; they add up to overall."""

    id: str
    name: str | None
    owner: str | None
    overall: int
    groups: dict[str, int]


class ProfileScores(BaseModel):
    """A contact's scores under the published version of a profile; groups add up to overall."""

    profile: str
    name: str
    primary: bool
    version: int
    overall: int
    groups: dict[str, int]


class ContactAnswer(BaseModel):
    """A contact: its fields as of the last `contact.upserted`, null if never set, and its scores by profile.

    first_seen_at: when its first event was processed.
    """

    id: str
    first_seen_at: Instant
    name: str | None
    owner: str | None
    email: str | None
    phone: str | None
    url: str | None
    tags: list[str]
    profiles: list[ProfileScores]
