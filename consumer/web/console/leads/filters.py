"""The filters of the list of leads, as its address has them, and as the API takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.web.console.bands import Bands
    from consumer.web.console.visit import Visit

# In the order of an address. `mine`: those of the person who asks.
FILTERS: Final = ("q", "mine", "owner", "profile", "segment", "group", "band", "min", "max", "sort")


def filters_of(visit: Visit) -> dict[str, str]:
    """Return the filters in the address of a page, without empty ones."""
    sent = visit.request.query_params
    return {name: value for name in FILTERS if (value := sent.get(name, "").strip())}


def api_filters(visit: Visit, filters: Mapping[str, str]) -> dict[str, str]:
    """Return the API's parameters for these filters."""
    asked = {name: value for name, value in filters.items() if name != "mine"}
    if "mine" in filters:
        asked["owner"] = visit.session.claims.actor
    return asked


def order_of(filters: Mapping[str, str]) -> str:
    """Return the order of the list, as the API has it by default."""
    return filters.get("sort") or (f"-score.{filters['group']}" if "group" in filters else "-score")


def axis_of(filters: Mapping[str, str]) -> str | None:
    """Return the group that `min`, `max` and `band` are about; None: overall."""
    group = order_of(filters).removeprefix("-").removeprefix("score").removeprefix(".")
    return filters.get("group") or (group if group not in {"", "last_event_at"} else None)


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from, as the API lists it. bands: of the profile of the list."""

    profiles: Sequence[Mapping[str, Any]]
    groups: Sequence[Mapping[str, Any]]
    segments: Sequence[Mapping[str, Any]]
    bands: Bands

    def without_unknown(self, filters: Mapping[str, str]) -> tuple[dict[str, str], list[tuple[str, str]]]:
        """Return the filters without those on what is no longer there, and these: an old address still opens."""
        groups = {each["key"] for each in self.groups}
        known = {"segment": {each["key"] for each in self.segments}, "group": groups}
        kept = {name: value for name, value in filters.items() if value in known.get(name, {value})}
        if (axis := axis_of({"sort": kept.get("sort", "")})) and axis not in groups:
            del kept["sort"]
        if kept.get("band", "") not in {"", *(key for key, _ in self.bands.of(axis_of(kept)))}:
            del kept["band"]
        return kept, [(name, value) for name, value in filters.items() if name not in kept]

    def group_name(self, key: str | None) -> str:
        """Return the name of a group; empty: there is none of this key."""
        return next((str(each["name"]) for each in self.groups if each["key"] == key), "")

    def axis_name(self, visit: Visit, filters: Mapping[str, str]) -> str:
        """Return the name of the points that the list is about."""
        return self.group_name(axis_of(filters)) or visit.say("Score")


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is set, in words, and the address of the list without it."""

    text: str
    url: str


def chips(visit: Visit, filters: Mapping[str, str], choices: Choices) -> list[Chip]:
    """Return the filters that are set, but for the order and the profile."""
    segments = {each["key"]: each["name"] for each in choices.segments}
    on = choices.axis_name(visit, filters)
    texts = {
        "q": visit.say("Search: %(text)s", text=filters.get("q", "")),
        "mine": visit.say("My leads"),
        "owner": visit.say("Owner: %(name)s", name=filters.get("owner", "")),
        "segment": visit.say("Segment: %(name)s", name=segments.get(filters.get("segment", ""), "")),
        "group": visit.say("Group: %(name)s", name=choices.group_name(filters.get("group"))),
        "band": visit.say("Band: %(name)s", name=filters.get("band", "")),
        "min": visit.say("%(what)s at least %(points)s", what=on, points=filters.get("min", "")),
        "max": visit.say("%(what)s at most %(points)s", what=on, points=filters.get("max", "")),
    }
    return [
        Chip(text, visit.url("leads", **{each: value for each, value in filters.items() if each != name}))
        for name, text in texts.items()
        if name in filters
    ]
