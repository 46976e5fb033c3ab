"""What answers show of sums: points within the bounds of a version, and their bands (semantics 5.24 to 5.33)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from consumer.contact_state.frames import bands_of, shown
from consumer.domain.frame import PLAIN, Band, Frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from consumer.contact_state.frames import VersionFrames

# The group id of the overall score in the database.
OVERALL = 0


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group. deleted: no longer in the catalog, though scores may still have points in it."""

    id: int
    key: str
    name: str
    deleted: bool


def frames_in(stored: str | list[Any] | None) -> VersionFrames:
    """Return the frames in the column `frames` of the queries `view`, `looked_up` and `by_profile`."""
    rows = msgspec.json.decode(stored) if isinstance(stored, str) else stored or []
    return {group: _frame(*values) for group, *values in rows}


def _frame(
    floor: int | None, cap: int | None, apart: bool, keys: list[str] | None, leasts: list[int] | None
) -> Frame:
    bands = zip(keys or (), leasts or (), strict=True)
    return Frame(
        floor,
        cap,
        apart,
        tuple(Band(key, least if place else None) for place, (key, least) in enumerate(bands)),
    )


def overall_sum(frames: VersionFrames, sums: Mapping[int, int]) -> int:
    """Return the sum of overall from the sums of groups: what is shown of those that are not apart (5.27)."""
    if not frames:
        return sum(sums.values())
    of_groups = (frames.get(group, PLAIN) for group in sums)
    return sum(
        frame.shown(points) for frame, points in zip(of_groups, sums.values(), strict=True) if not frame.apart
    )


def shown_sums(frames: VersionFrames, sums: Mapping[int, int]) -> dict[int, int]:
    """Return shown points by group, and of overall, from the sums of groups."""
    return shown(frames, {**sums, OVERALL: overall_sum(frames, sums)})


def shown_scores(
    groups: Iterable[GroupView],
    frames: VersionFrames,
    sums: Mapping[int, int],
    *,
    all_groups: bool = False,
) -> dict[str, Any]:
    """Return the fields of a score: `overall`, `band`, `groups`, `group_bands`. sums: by group, and of overall.

    Has every group of the catalog, and deleted ones with points (all_groups: without, too). They add up to overall
    where nothing is bounded and no group apart.
    """
    points = shown(frames, sums) if frames else sums
    bands = bands_of(frames, points)
    listed = [group for group in groups if all_groups or not group.deleted or points.get(group.id)]
    return {
        "overall": points.get(OVERALL, 0),
        "band": bands.get(OVERALL),
        "groups": {group.key: points.get(group.id, 0) for group in listed},
        "group_bands": {group.key: bands[group.id] for group in listed if group.id in bands},
    }


def groups_apart(groups: Iterable[GroupView], frames: VersionFrames) -> list[str]:
    """Return the keys of the groups that are no part of overall, in display order."""
    return [group.key for group in groups if frames.get(group.id, PLAIN).apart]


def no_band(band: str, group: str | None, profile: str, known: Iterable[str]) -> str:
    """Return the detail of a fault that names a band which there is not. group: by key, None: overall."""
    what = "overall" if group is None else f"group {group}"
    return f"there is no band {band} of {what}: profile {profile} has {', '.join(known) or 'none'}"
