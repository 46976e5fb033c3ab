"""What Hypothesis draws for frames of profiles: bounds and bands near the points of a few events, groups apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BAND_KEYS = ("low", "middle", "high")


@st.composite
def frames(draw: st.DrawFn, groups: Sequence[str]) -> dict[str, Any]:
    """Draw `overall` and `groups`; of a third of the profiles both are plain."""
    if draw(st.sampled_from([False, False, True])):
        return {"overall": {}, "groups": {}}
    framed = draw(st.lists(st.sampled_from(groups), max_size=2, unique=True))
    apart = {group: {"apart": True} if draw(st.booleans()) else {} for group in framed}
    return {
        "overall": draw(_frame()),
        "groups": {group: {**draw(_frame()), **apart[group]} for group in framed},
    }


@st.composite
def moved_thresholds(draw: st.DrawFn, before: Mapping[str, Any]) -> dict[str, Any]:
    """Draw `overall` and `groups` with the bounds of those before, and bands anew."""
    return {
        "overall": draw(_with_bands(before["overall"])),
        "groups": {group: draw(_with_bands(frame)) for group, frame in before["groups"].items()},
    }


@st.composite
def _frame(draw: st.DrawFn) -> dict[str, Any]:
    floor, cap = draw(st.sampled_from([None, 0, -5])), draw(st.sampled_from([None, None, 20, 35]))
    bounds = {"floor": floor, "cap": cap}
    return draw(_with_bands({name: bound for name, bound in bounds.items() if bound is not None}))


@st.composite
def _with_bands(draw: st.DrawFn, frame: Mapping[str, Any]) -> dict[str, Any]:
    """Draw two bands or three that can be reached, or none, for a frame that keeps everything else."""
    lowest, highest = frame.get("floor", -10), frame.get("cap", 60)
    fewest = draw(st.sampled_from([0, 1, 1]))
    thresholds = st.lists(st.sampled_from([-5, 5, 10, 20, 25, 50]), min_size=fewest, max_size=2, unique=True)
    leasts = sorted(draw(thresholds))
    reached = [least for least in leasts if lowest < least <= highest]
    bands = [{"key": key, "min": least} for key, least in zip(_BAND_KEYS[1:], reached, strict=False)]
    bare = {name: value for name, value in frame.items() if name != "bands"}
    return bare | ({"bands": [{"key": _BAND_KEYS[0]}, *bands]} if bands else {})
