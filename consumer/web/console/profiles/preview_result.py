"""What a preview says, as it is shown: a chart, who enters and leaves, movers with reasons, sample contacts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.api_client import ApiProblem
from consumer.web.console.histogram import Bar, Histogram, histogram

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from consumer.web.console.profiles.kept_previews import Kept
    from consumer.web.console.profiles.profile_page import ProfilePage
    from consumer.web.console.visit import Visit

# Of movers, shown side by side where no other contacts are asked for.
_FIRST_SAMPLES: Final = 3
_MOST_NAMES: Final = 200


@dataclass(frozen=True, slots=True)
class Crossing:
    """Who enters and leaves a band or a segment. group: of a band, by name; None: overall, or a segment.

    place: of a band among those of its axis; None: a segment.
    """

    name: str
    group: str | None
    place: int | None
    places: int
    found: dict[str, Any]

    @property
    def is_crossed(self) -> bool:
        """Whether anyone enters or leaves it."""
        return bool(self.found["entering"] or self.found["leaving"])


@dataclass(frozen=True, slots=True)
class Samples:
    """Contacts side by side. items: as the API has them. asked: ids that were asked for, as they were typed."""

    items: list[dict[str, Any]]
    asked: list[str]

    def are_in(self, group: str) -> bool:
        """Return whether any of them has points in a group, before or after."""
        scores = (each[when] for each in self.items for when in ("before", "after") if each["contact"])
        return any(score["groups"].get(group) for score in scores if score)


@dataclass(frozen=True, slots=True)
class PreviewResult:
    """A preview. found: as the API has it. at: when it was computed. chart: None where there are no contacts.

    names: of contacts by id, of those that have one.
    """

    found: dict[str, Any]
    at: str
    chart: Histogram | None
    crossings: list[Crossing]
    names: dict[str, str]
    samples: Samples

    def name(self, contact: str) -> str:
        """Return the name of a contact, or its id."""
        return self.names.get(contact, contact)

    @property
    def unchanged(self) -> list[Crossing]:
        """Bands and segments that nobody enters or leaves."""
        return [each for each in self.crossings if not each.is_crossed]


async def read_result(page: ProfilePage, kept: Kept, asked: list[str]) -> PreviewResult:
    """Return what a preview says. asked: ids of sample contacts; none: some of the movers. Raises ApiProblem."""
    found = kept.result
    return PreviewResult(
        found,
        page.visit.reader.past(datetime.fromtimestamp(kept.at, UTC).isoformat()),
        _chart(page, found),
        [*_crossings(page, found, await _segment_names(page.visit, found))],
        await _names(page.visit, found),
        await read_samples(page, asked, found["movers"]),
    )


async def read_samples(page: ProfilePage, asked: list[str], movers: Sequence[dict[str, Any]]) -> Samples:
    """Return contacts as a publish would make them: those asked for, or the first movers. Raises ApiProblem."""
    ids = asked or [mover["contact"] for mover in movers[:_FIRST_SAMPLES]]
    if not ids:
        return Samples([], asked)
    answer = await page.visit.api.send("POST", f"{page.path}/preview/contacts", {"contacts": ids})
    return Samples(answer.body["items"], asked)


def _chart(page: ProfilePage, found: dict[str, Any]) -> Histogram | None:
    say = page.visit.say
    is_first = found["version"] is None
    bars = [
        Bar(
            each["min"],
            each["max"],
            [each["after"]] if is_first else [each["before"], each["after"]],
            each["band"],
        )
        for each in found["distribution"]
    ]
    series = [say("after the publish")] if is_first else [say("now"), say("after the publish")]
    bands = [band["key"] for band in page.profile["overall"]["bands"]]
    return histogram(page.visit.reader, bars, series, bands) if bars else None


def _crossings(page: ProfilePage, found: dict[str, Any], segments: dict[str, str]) -> Iterator[Crossing]:
    draft = page.profile
    for each in found["bands"]:
        group = each["group"]
        frame = draft["overall"] if group is None else draft["groups"].get(group, {"bands": []})
        keys = [band["key"] for band in frame["bands"]]
        place = keys.index(each["name"]) if each["name"] in keys else 0
        name = None if group is None else page.group_name(group)
        yield Crossing(each["name"], name, place, len(keys), each)
    for each in found["segments"]:
        yield Crossing(segments.get(each["name"], each["name"]), None, None, 0, each)


async def _segment_names(visit: Visit, found: dict[str, Any]) -> dict[str, str]:
    if not found["segments"]:
        return {}
    try:
        listed = (await visit.api.get("segments", renew=False)).body["items"]
    except ApiProblem:
        # Too busy at this moment: their keys say enough.
        return {}
    return {each["key"]: each["name"] for each in listed}


async def _names(visit: Visit, found: dict[str, Any]) -> dict[str, str]:
    crossed = [*found["bands"], *found["segments"]]
    ids = dict.fromkeys(
        [
            *(mover["contact"] for mover in found["movers"]),
            *(contact for each in crossed for contact in (*each["enters"], *each["leaves"])),
        ]
    )
    if not ids:
        return {}
    try:
        looked_up = await visit.api.send("POST", "scores/lookup", {"contacts": [*ids][:_MOST_NAMES]})
    except ApiProblem:
        # The primary profile is not published: nobody has a name with a score yet.
        return {}
    return {
        item["asked"]: item["contact"]["name"]
        for item in looked_up.body["items"]
        if item["contact"] and item["contact"]["name"]
    }
