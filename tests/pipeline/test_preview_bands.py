"""Previews of drafts with bounds, bands and groups apart: they say what the publish then shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.scoring.profile_publish.preview import preview
from consumer.scoring.profile_publish.preview_comparison import ScoreRange
from consumer.scoring.segments.definition import Match
from consumer.scoring.segments.repository import Segment
from tests.builders.catalog_documents import weights_document
from tests.builders.events import lost_event, numbered_event
from tests.pipeline import service

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection
    from tests.pipeline.service import Service

_BANDS = [{"key": "cold"}, {"key": "hot", "min": 20}]


def framed(*, published: bool = True, **frames: Any) -> dict[str, Any]:
    """Build a document whose primary profile has these frames."""
    document = weights_document()
    document["profiles"][0] |= {"overall": {}, "groups": {}, "published": published, **frames}
    return document


async def _people(worker: Service) -> None:
    """Bring ann to 40 points, bob to 10, cem to 20 in support; let dan be known."""
    await worker.batch([numbered_event(number) for number in range(4)])
    await worker.batch(
        [
            numbered_event(5, subject="bob"),
            lost_event(6, subject="cem"),
            lost_event(7, subject="cem"),
            numbered_event(8, type="contact.upserted", subject="dan"),
        ]
    )


async def test_who_enters_and_leaves_each_band(database: str, connection: Connection) -> None:
    """Of new bands every contact enters one; of a threshold that moves those whom it moves."""
    async with service.running(database) as worker:
        await worker.apply(framed())
        await _people(worker)
        await worker.apply(framed(published=False, overall={"bands": _BANDS}))
        new = await preview(connection, "acme", "lead_score")
        await worker.apply(framed(overall={"bands": _BANDS}))
        moved = [{"key": "cold"}, {"key": "hot", "min": 30}]
        await worker.apply(framed(published=False, overall={"bands": moved}))
        threshold = await preview(connection, "acme", "lead_score")
    assert [
        (one.group, one.crossing.name, one.crossing.enters, one.crossing.leaves) for one in new.bands
    ] == [
        (None, "cold", ["bob", "dan"], []),
        (None, "hot", ["ann", "cem"], []),
    ]
    assert (new.changed, new.moved, new.contacts) == (0, 0, 4)
    crossed = [(one.crossing.name, one.crossing.enters, one.crossing.leaves) for one in threshold.bands]
    assert crossed == [("cold", ["cem"], []), ("hot", [], ["cem"])]


async def test_who_enters_and_leaves_a_segment_by_band(database: str, connection: Connection) -> None:
    """A preview has the members of a segment before and after thresholds move; a band that goes leaves none."""
    asked = {
        "hot": {"band": {"in": ["hot"]}},
        "not_hot": {"not": {"band": {"in": ["hot"]}}},
        "outside": {"band": {"in": ["A", "C"], "group": "support"}},
    }
    segments = [
        Segment(key=key, name=key, match=Match.model_validate({"any": [each]})) for key, each in asked.items()
    ]
    grades = [{"key": "C"}, {"key": "B", "min": 1}, {"key": "A", "min": 30}]
    moved = [{"key": "C"}, {"key": "B", "min": 0}, {"key": "A", "min": 10}]
    async with service.running(database) as worker:
        await worker.apply(framed(overall={"bands": _BANDS}, groups={"support": {"bands": grades}}))
        await _people(worker)
        await worker.apply(
            framed(
                published=False,
                overall={"bands": [{"key": "cold"}, {"key": "hot", "min": 30}]},
                groups={"support": {"bands": moved}},
            )
        )
        threshold = await preview(connection, "acme", "lead_score", segments=segments)
        await worker.apply(framed(published=False, overall={"cap": 90}, groups={}))
        without = await preview(connection, "acme", "lead_score", segments=segments)
    # Support is at 20 for cem and at 0 for the others.
    assert [(one.name, one.enters, one.leaves) for one in threshold.crossings] == [
        ("hot", [], ["cem"]),
        ("not_hot", ["cem"], []),
        ("outside", ["cem"], ["ann", "bob", "dan"]),
    ]
    assert [(one.name, one.enters, one.leaves) for one in without.crossings] == [
        ("hot", [], ["ann", "cem"]),
        ("not_hot", ["ann", "cem"], []),
        ("outside", [], ["ann", "bob", "dan"]),
    ]


async def test_shown_points_are_compared(database: str, connection: Connection) -> None:
    """Movers, bins, ranges and segments are of what the draft would show: bounded, without groups apart."""
    async with service.running(database) as worker:
        await worker.apply(framed(overall={"cap": 30}))
        await _people(worker)
        draft = framed(
            published=False,
            overall={"cap": 35, "bands": _BANDS},
            groups={"support": {"apart": True, "bands": [{"key": "C"}, {"key": "A", "min": 15}]}},
        )
        await worker.apply(draft)
        match = Match.model_validate({"all": [{"score": {"min": 35}}]})
        result = await preview(
            connection,
            "acme",
            "lead_score",
            ranges=[ScoreRange("some", None, 15, 32)],
            segments=[Segment(key="best", name="Best", match=match)],
        )
        await worker.apply({**draft, "profiles": [{**draft["profiles"][0], "published": True}]})
    assert [(one.contact, one.before, one.after) for one in result.movers] == [
        ("cem", 20, 0),
        ("ann", 30, 35),
    ]
    assert {one.contact: one.after for one in result.movers}.items() <= (
        await service.overall_scores(connection)
    ).items()
    [ranged, segment] = result.crossings
    assert (ranged.name, ranged.enters, ranged.leaves) == ("some", [], ["ann", "cem"])
    assert (segment.name, segment.enters, segment.leaves) == ("best", ["ann"], [])
    bands = [(one.group, one.crossing.name, one.crossing.enters) for one in result.bands]
    assert bands == [
        (None, "cold", ["bob", "cem", "dan"]),
        (None, "hot", ["ann"]),
        ("support", "C", ["ann", "bob", "dan"]),
        ("support", "A", ["cem"]),
    ]
    assert sum(one.after for one in result.bins if one.least is not None and one.least >= 20) == 1
