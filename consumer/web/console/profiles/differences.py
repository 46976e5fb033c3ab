"""Differences between versions of a profile, or a version and the draft, as pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from consumer.web.console.visit import Visit


@dataclass(frozen=True, slots=True)
class Change:
    """One difference in words. what: what differs. definition: its key, None for what is of no definition."""

    what: str
    before: str
    after: str
    definition: str | None = None


@dataclass(frozen=True, slots=True)
class Wording:
    """Puts values into words. definitions, groups: names by key."""

    visit: Visit
    definitions: Mapping[str, str]
    groups: Mapping[str, str]

    def points(self, value: int | None) -> str:
        """Return points; of none, that there are none."""
        return self.visit.say("none") if value is None else self.visit.reader.points(value)

    def frame(self, frame: Mapping[str, Any] | None) -> str:
        """Return bounds, bands, and whether a group is apart; that it has none of them where it has none."""
        if frame is None:
            return self.visit.say("no bounds and no bands")
        say, number = self.visit.say, self.visit.reader.number
        said = []
        if frame.get("apart"):
            said.append(say("no part of overall"))
        if frame["floor"] is not None:
            said.append(say("at least %(points)s", points=number(frame["floor"])))
        if frame["cap"] is not None:
            said.append(say("at most %(points)s", points=number(frame["cap"])))
        said += [
            band["key"]
            if band["min"] is None
            else say("%(band)s from %(points)s", band=band["key"], points=number(band["min"]))
            for band in frame["bands"]
        ]
        return ", ".join(said) or say("no bounds and no bands")


def worded(differences: Iterable[Mapping[str, Any]], wording: Wording) -> list[Change]:
    """Return differences, as the API lists them, in words.

    A definition's own points are left out where its resulting points differ too: they say the same.
    """
    listed = [*differences]
    resulting = {each["definition"] for each in listed if each["field"] == "points"}
    return [
        _change(each, wording)
        for each in listed
        if not (each["field"] == "weight" and each["definition"] in resulting)
    ]


def _change(each: Mapping[str, Any], wording: Wording) -> Change:
    say, before, after = wording.visit.say, each["before"], each["after"]
    definition = each["definition"]
    name = wording.definitions.get(definition, definition)
    match each["field"]:
        case "inherits":
            kinds = {True: say("the catalog's points"), False: say("nothing")}
            return Change(say("Rules without points of their own count"), kinds[before], kinds[after])
        case "points":
            return Change(name, wording.points(before), wording.points(after), definition)
        case "weight":
            what = say("%(name)s: points of its own", name=name)
            return Change(what, wording.points(before), wording.points(after), definition)
        case "group":
            was, becomes = (wording.groups.get(key, key) if key else say("none") for key in (before, after))
            return Change(say("%(name)s: group", name=name), was, becomes, definition)
        case "groups":
            what = wording.groups.get(each["group"], each["group"])
            return Change(what, wording.frame(before), wording.frame(after))
        case _:
            return Change(say("Overall"), wording.frame(before), wording.frame(after))
