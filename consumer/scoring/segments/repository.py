"""Reads and writes segments, and finds the numbers that their conditions are compiled with.

Writes are plain statements: validation, audit and the transaction are the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from consumer.contact_state.frames import read_published_frames
from consumer.scoring.segments.definition import Match, named_keys
from consumer.scoring.segments.member_sql import MatchContext
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    import asyncpg

    from consumer.domain.frame import Frame
    from consumer.infra.postgres.connection import Connection

_SQL = queries("segments")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A segment. profile: by key; None: the primary one at the time of reading."""

    key: str
    name: str
    description: str = ""
    profile: str | None = None
    match: Match

    def documented(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "key": self.key,
            "name": self.name,
            "description": self.description,
            "profile": self.profile,
            "match": self.match.documented(),
        }


@dataclass(frozen=True, slots=True)
class StoredSegment:
    """A segment as stored, its number, and its last member count.

    contacts, counted_at, age_seconds: None if members were not counted since the segment was changed.
    """

    id: int
    segment: Segment
    contacts: int | None
    counted_at: datetime | None
    age_seconds: float | None


@dataclass(frozen=True, slots=True)
class AccountIds:
    """An account's definitions, groups and profiles: numbers by key. deleted: groups no longer in the catalog.

    frames: of the published versions of profiles, by their numbers.
    """

    definitions: dict[str, int]
    groups: dict[str, int]
    deleted: frozenset[str]
    profiles: dict[str, int]
    primary: int | None
    frames: Mapping[int, Mapping[int, Frame]]

    def match_context(self, account: int, profile: str | None, now: datetime) -> MatchContext:
        """Return the context for compiling a segment on this profile."""
        number = self.primary if profile is None else self.profiles.get(profile)
        frames = {} if number is None else self.frames.get(number, {})
        return MatchContext(account, number, self.definitions, self.groups, now, frames)


async def segment_keys(connection: Connection, account: int) -> list[str]:
    """Return the keys of an account's segments in display order."""
    return [row["key"] for row in await connection.fetch(_SQL["keys"], account)]


async def read_segments(
    connection: Connection, account: int, keys: Sequence[str] | None = None
) -> list[StoredSegment]:
    """Return segments of an account in display order: those with these keys, or all."""
    return [_stored(row) for row in await connection.fetch(_SQL["read"], account, keys)]


async def segments_naming(connection: Connection, account: int, what: str, key: str) -> list[str]:
    """Return the keys of the segments that name a `definition` or `group` by its key."""
    return [
        each.segment.key
        for each in await read_segments(connection, account)
        if any((named, by) == (what, key) for _, named, by in named_keys(each.segment.match))
    ]


async def read_segment(connection: Connection, account: int, key: str) -> StoredSegment | None:
    """Return a segment, or None."""
    row = await connection.fetchrow(_SQL["read"], account, [key])
    return None if row is None else _stored(row)


async def read_bands(connection: Connection, profile: int) -> dict[str, dict[int, list[str]]]:
    """Return the bands of a profile by number of the group (0: overall).

    Of the version that readers see, by `published`, and of one that a publish builds, by `building`.
    """
    found: dict[str, dict[int, list[str]]] = {}
    for row in await connection.fetch(_SQL["bands"], profile):
        bands = found.setdefault(row["state"], {})
        if row["band_keys"]:
            bands[row["group_id"]] = row["band_keys"]
    return found


async def read_account_ids(connection: Connection, account: int) -> AccountIds:
    """Return the numbers of an account by key."""
    rows = await connection.fetch(_SQL["ids"], account)
    by_kind: dict[str, dict[str, int]] = {"definition": {}, "group": {}, "profile": {}}
    for row in rows:
        by_kind[row["what"]][row["key"]] = row["id"]
    return AccountIds(
        definitions=by_kind["definition"],
        groups=by_kind["group"],
        deleted=frozenset(row["key"] for row in rows if row["deleted"]),
        primary=by_kind["profile"].pop("", None),
        profiles=by_kind["profile"],
        frames=await read_published_frames(connection, account),
    )


@dataclass(frozen=True, slots=True)
class ResolvedMatch:
    """A match and the context it is compiled with."""

    match: Match
    context: MatchContext


async def resolve_match(
    connection: Connection, account: int, segment: Segment, now: datetime
) -> ResolvedMatch:
    """Return the match of a segment with its context."""
    ids = await read_account_ids(connection, account)
    return ResolvedMatch(segment.match, ids.match_context(account, segment.profile, now))


async def lock_segments(connection: Connection, account: int) -> None:
    """Lock the segments of an account until the transaction ends: their number, contents and order."""
    await connection.execute(_SQL["lock"], account)


async def count_segments(connection: Connection, account: int) -> int:
    """Return how many segments an account has; in a transaction that holds their lock, the number stays."""
    number: int = await connection.fetchval(_SQL["count"], account)
    return number


async def add_segment(connection: Connection, account: int, segment: Segment) -> bool:
    """Store a new segment; return false if there is one with its key."""
    return await connection.fetchval(_SQL["add"], *_columns(account, segment)) is not None


async def update_segment(connection: Connection, account: int, segment: Segment) -> None:
    """Replace the segment with this key."""
    await connection.execute(_SQL["update"], *_columns(account, segment))


async def delete_segment(connection: Connection, account: int, key: str) -> None:
    """Delete a segment."""
    await connection.execute(_SQL["delete"], account, key)


async def reorder_segments(connection: Connection, account: int, keys: Sequence[str]) -> None:
    """Put the segments into the order of `keys`."""
    await connection.execute(_SQL["reorder"], account, keys)


def _stored(row: asyncpg.Record) -> StoredSegment:
    values = dict(row)
    segment = Segment(
        match=Match.model_validate_json(values.pop("match")),
        **{name: values.pop(name) for name in ("key", "name", "description", "profile")},
    )
    return StoredSegment(segment=segment, **values)


def _columns(account: int, segment: Segment) -> Iterable[Any]:
    match = msgspec.json.encode(segment.match.documented()).decode()
    return account, segment.key, segment.name, segment.description, segment.profile, match
