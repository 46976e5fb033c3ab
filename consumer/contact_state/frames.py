"""The frames of profile versions: what of a stored sum is shown, and in which band (docs/decisions/0045)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from consumer.domain.frame import PLAIN, Band, Frame
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import asyncpg

    from consumer.infra.postgres.connection import Connection

    # Of a version: by number of the group (0: overall), without those that are plain.
    VersionFrames: TypeAlias = Mapping[int, Frame]
    # By profile and version, without versions of which all are plain.
    Frames: TypeAlias = Mapping[tuple[int, int], VersionFrames]

_SQL = queries("weights")


async def read_frames(
    connection: Connection, profiles: Iterable[int]
) -> dict[tuple[int, int], dict[int, Frame]]:
    """Return the frames of profiles: of their published and building versions, and of the last one before those."""
    return _by_version(await connection.fetch(_SQL["frames"], sorted(set(profiles))))


async def read_published_frames(connection: Connection, account: int) -> dict[int, dict[int, Frame]]:
    """Return the frames of an account's published versions, by profile."""
    found = _by_version(await connection.fetch(_SQL["published_frames"], account))
    return {profile: frames for (profile, _), frames in found.items()}


def _by_version(rows: Iterable[asyncpg.Record]) -> dict[tuple[int, int], dict[int, Frame]]:
    found: dict[tuple[int, int], dict[int, Frame]] = {}
    for row in rows:
        keys, leasts = row["band_keys"] or (), row["band_least"] or ()
        bands = tuple(
            Band(key, least if place else None)
            for place, (key, least) in enumerate(zip(keys, leasts, strict=True))
        )
        of_version = found.setdefault((row["profile_id"], row["version"]), {})
        of_version[row["group_id"]] = Frame(row["floor"], row["cap"], row["apart"], bands)
    return found


def shown(frames: VersionFrames, sums: Mapping[int, int]) -> dict[int, int]:
    """Return shown points by group, from sums by group."""
    return {group: frames.get(group, PLAIN).shown(points) for group, points in sums.items()}


def bands_of(frames: VersionFrames, shown_points: Mapping[int, int]) -> dict[int, str]:
    """Return the bands of all groups that have some; of points that are not given, those of 0."""
    return {
        group: band
        for group, frame in frames.items()
        if (band := frame.band(shown_points.get(group, 0))) is not None
    }
