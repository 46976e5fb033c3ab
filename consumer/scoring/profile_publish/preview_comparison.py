"""Which comparison a preview makes: of sums, or with bounds or bands of what is shown; and its parameters. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from consumer.catalog.model.frames import frames_by_name
from consumer.domain.frame import PLAIN
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from consumer.catalog.model.account import ProfileVersion
    from consumer.domain.frame import Band, Frame
    from consumer.scoring.segments.repository import AccountIds

_SQL = queries("publish_preview")
# Lower bounds of the bins of overall scores.
_POSITIVE_EDGES = (1, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 100_000)
_BIN_EDGES = sorted([*(1 - edge for edge in _POSITIVE_EDGES), *_POSITIVE_EDGES])
# Numbers of the first parameter of the segments' part of the comparisons: of sums, and of what is shown.
_FIRST_SEGMENT_PARAMETER, _FIRST_SEGMENT_PARAMETER_SHOWN = 12, 18
# Where the segments' part belongs in the text of a comparison.
SEGMENTS = "/* and segments */"
_UNBOUNDED = 2**62
_NOWHERE = (1, 0)


@dataclass(frozen=True, slots=True)
class ScoreRange:
    """A range of scores, overall or of a group by key; both bounds inclusive, None: unbounded."""

    name: str
    group: str | None = None
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class BandRange:
    """A band of the draft: its range of shown points, and that of the band of the same key before.

    group: by key, None: overall. Both ends are included; a range that begins after its end holds nothing.
    """

    group: str | None
    key: str
    before: tuple[int, int]
    after: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A statement that compares contacts, its last parameters, and what it is about.

    columns: ranges, those of `bands` after those asked about. edges: lower bounds of bins. frames: before and
    after, by number of the group (0: overall).
    """

    text: str
    columns: list[list[Any]]
    edges: list[int]
    bands: list[BandRange]
    frames: tuple[dict[int, Frame], dict[int, Frame]]
    first_segment_parameter: int


def comparison_of(
    before: ProfileVersion | None, draft: ProfileVersion, ids: AccountIds, ranges: Sequence[ScoreRange]
) -> Comparison:
    """Compare sums where neither version has frames, which reads what changes alone; else what is shown of all."""
    groups = [_group_id(each, ids) for each in ranges]
    spans = [
        (-_UNBOUNDED if each.least is None else each.least, _UNBOUNDED if each.most is None else each.most)
        for each in ranges
    ]
    frames = (_by_number(before, ids.groups), _by_number(draft, ids.groups))
    if not (_has_frames(before) or _has_frames(draft)):
        text, columns = "compare", [groups, *_spans(spans)]
        bands, first, edges = [], _FIRST_SEGMENT_PARAMETER, _BIN_EDGES
    else:
        bands = [*_band_ranges(before, draft)]
        groups += [0 if band.group is None else ids.groups[band.group] for band in bands]
        after, was = (
            _spans([*spans, *(getattr(band, when) for band in bands)]) for when in ("after", "before")
        )
        text, columns = "compare_shown", [groups, *after, *_frame_columns(frames[1]), *was]
        thresholds = {band.least for band in draft.overall.bands if band.least is not None}
        first, edges = _FIRST_SEGMENT_PARAMETER_SHOWN, sorted({*_BIN_EDGES, *thresholds})
    return Comparison(_SQL[text], columns, edges, bands, frames, first)


def _spans(spans: Sequence[tuple[int, int]]) -> list[list[int]]:
    return [[span[place] for span in spans] for place in range(2)]


def _group_id(of: ScoreRange, ids: AccountIds) -> int:
    if of.group is None:
        return 0
    if of.group not in ids.groups:
        raise LookupError(f"range {of.name}: there is no group {of.group}")
    return ids.groups[of.group]


def _has_frames(version: ProfileVersion | None) -> bool:
    """Return whether a version shows anything else than its sums, or has bands."""
    return version is not None and bool(frames_by_name(version.overall, version.groups))


def _band_ranges(before: ProfileVersion | None, draft: ProfileVersion) -> Iterator[BandRange]:
    """Yield the bands of a draft, those of overall first."""
    frames = _frames(before)
    for group, frame in _frames(draft).items():
        was = dict(_ranges(frames.get(group, PLAIN).bands))
        for key, after in _ranges(frame.bands):
            yield BandRange(group, key, was.get(key, _NOWHERE), after)


def _by_number(version: ProfileVersion | None, groups: Mapping[str, int]) -> dict[int, Frame]:
    """Return the frames of a version by number of the group (0: overall). groups: numbers by key."""
    return {0 if key is None else groups[key]: frame for key, frame in _frames(version).items()}


def _frame_columns(frames: Mapping[int, Frame]) -> list[list[Any]]:
    """Return frames as columns: group, floor, cap, apart."""
    return [
        list(frames),
        [frame.floor for frame in frames.values()],
        [frame.cap for frame in frames.values()],
        [frame.apart for frame in frames.values()],
    ]


def _frames(version: ProfileVersion | None) -> dict[str | None, Frame]:
    if version is None:
        return {}
    return {None: version.overall, **{key: version.groups[key] for key in sorted(version.groups)}}


def _ranges(bands: tuple[Band, ...]) -> Iterator[tuple[str, tuple[int, int]]]:
    for band, following in zip_longest(bands, bands[1:]):
        least = -_UNBOUNDED if band.least is None else band.least
        most = _UNBOUNDED if following is None or following.least is None else following.least - 1
        yield band.key, (least, most)
