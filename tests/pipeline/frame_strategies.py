"""What Hypothesis draws for frames of profiles: bounds and bands near the points of a few events, groups apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

_BAND_KEYS = ("low", "middle", "high")


@st.composite
def frames(draw: st.DrawFn, groups: Sequence[str]) -> dict[str, Any]:
    """Draw `overall` and `groups`; of half the profiles both are plain."""
    if draw(st.booleans()):
        return {"overall": {}, "groups": {}}
    framed = draw(st.lists(st.sampled_from(groups), max_size=2, unique=True))
    apart = {group: {"apart": True} if draw(st.booleans()) else {} for group in framed}
    return {
        "overall": draw(_frame()),
        "groups": {group: {**draw(_frame()), **apart[group]} for group in framed},
    }


@st.composite
def _frame(draw: st.DrawFn) -> dict[str, Any]:
    floor, cap = draw(st.sampled_from([None, 0, -5])), draw(st.sampled_from([None, None, 20, 35]))
    lowest, highest = -10 if floor is None else floor, 60 if cap is None else cap
    leasts = sorted(draw(st.lists(st.sampled_from([-5, 5, 10, 20, 25, 50]), max_size=2, unique=True)))
    reached = [least for least in leasts if lowest < least <= highest]
    bands = [{"key": key, "min": least} for key, least in zip(_BAND_KEYS[1:], reached, strict=False)]
    return {
        **({} if floor is None else {"floor": floor}),
        **({} if cap is None else {"cap": cap}),
        **({"bands": [{"key": _BAND_KEYS[0]}, *bands]} if bands else {}),
    }
