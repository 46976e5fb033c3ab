"""The property of previews, on real Postgres: what a preview says is what the publish then does."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer import catalog
from consumer.scoring import adjustments, profile_publish
from consumer.scoring.adjustments import Adjustment
from consumer.scoring.profile_publish import preview as previewing
from consumer.scoring.profile_publish.preview import preview
from consumer.scoring.profile_publish.preview_comparison import ScoreRange
from consumer.scoring.profile_publish.requests import NothingToPublishError
from tests.pipeline import service
from tests.pipeline.history_runner import SCARCE, emptied
from tests.pipeline.property_settings import EXAMPLES, IN_CI, property_settings
from tests.pipeline.publish_strategies import GROUPS, changed_documents, drawn_records, first_documents
from tests.pipeline.statement_schedule import scheduled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.profile_publish.preview import Bin, Crossing, PublishEffects
    from tests.oracle import OracleRecord
    from tests.pipeline.statement_schedule import Schedule

_RANGES = (ScoreRange("from 20", least=20), ScoreRange("some", "purchase", 5, 25))
_PROFILES = ("lead_score", "second")
_MOVED = ("everything", "frames", "thresholds", "thresholds", "thresholds")


@dataclass(frozen=True)
class DraftedHistory:
    """A catalog, events and adjustments under it, and a document whose drafts are then published.

    adjusted: contact, group and points.
    """

    first: dict[str, Any]
    records: tuple[OracleRecord, ...]
    adjusted: tuple[tuple[str, str, int], ...]
    drafted: dict[str, Any]


@st.composite
def drafted_histories(draw: st.DrawFn) -> DraftedHistory:
    """Draw drafts that change everything, bounds and bands, or thresholds alone."""
    first = draw(first_documents())
    records = draw(drawn_records(range(draw(st.integers(0, 5)), 24)))
    contacts = sorted({str(record.subject) for record in records})
    given = st.tuples(st.sampled_from(contacts), st.sampled_from(GROUPS), st.sampled_from([30, 7, -12]))
    adjusted = draw(st.lists(given, max_size=3))
    return DraftedHistory(first, records, tuple(adjusted), draw(changed_documents(first, _MOVED)))


@dataclass(frozen=True)
class Standing:
    """What readers see of a profile. points, bands: by contact, in the order of their numbers, then by group."""

    points: dict[str, dict[str, int]]
    bands: dict[str, dict[str, str]]

    @classmethod
    async def of(cls, connection: Connection, profile: str) -> Standing:
        """Read it."""
        scores, bands = await service.scores(connection), await service.bands(connection)
        rows = await connection.fetch("select external_id from contacts order by id")
        contacts = {row["external_id"]: ("acme", profile, row["external_id"]) for row in rows}
        return cls(
            {contact: scores[key] for contact, key in contacts.items()},
            {contact: bands[key] for contact, key in contacts.items()},
        )

    def overall(self, contact: str) -> int:
        """Return a contact's points in all."""
        return self.points[contact]["overall"]

    def are_in(self, one: ScoreRange) -> set[str]:
        """Return the contacts in a range."""
        return {
            contact
            for contact, points in self.points.items()
            if (one.least is None or points[one.group or "overall"] >= one.least)
            and (one.most is None or points[one.group or "overall"] <= one.most)
        }

    def are_in_band(self, group: str | None, band: str) -> set[str]:
        """Return the contacts in a band; group: None for overall."""
        return {contact for contact, bands in self.bands.items() if bands.get(group or "overall") == band}


async def _lived_through(schedule: Schedule, history: DraftedHistory) -> None:
    """Bring an empty database to where the drafts are saved."""
    connection = schedule.monitor
    await emptied(connection)
    async with service.running(schedule.dsn) as worker:
        await worker.apply(history.first)
        await worker.batch(history.records)
        for number, (contact, group, points) in enumerate(history.adjusted):
            words = {"reason": "because", "author": "mia", "client_key": f"{number}"}
            given = Adjustment(
                account="acme", contact=contact, profile=None, group=group, points=points, **words
            )
            await adjustments.add(connection, given)
    await catalog.apply_document(connection, service.parsed(history.drafted))


async def _compare(connection: Connection, dsn: str, profile: str, seen: Counter[str]) -> None:
    """Preview a profile's draft, publish it, and compare."""
    effects = await preview(connection, "acme", profile, ranges=_RANGES)
    before = await Standing.of(connection, profile)
    said = await _messages(connection, profile)
    try:
        publish = await profile_publish.begin(connection, "acme", profile, by="mia")
    except NothingToPublishError:
        assert (effects.changed, effects.moved, effects.movers) == (0, 0, [])
        return
    await service.publish_all(dsn, [publish])
    after = await Standing.of(connection, profile)
    _assert_points(effects, before, after)
    _assert_bands(effects, before, after)
    # Beside these there are messages of contacts whose bands alone move.
    moved = [data for data in (await _messages(connection, profile))[len(said) :] if _moves_points(data)]
    assert len(moved) == effects.changed
    seen["moved"] += effects.moved > 0
    seen["bounded"] += any(points["overall"] != _plain_sum(points) for points in after.points.values())
    seen["crossed"] += any(one.crossing.entering for one in effects.bands)
    seen["crossed by thresholds alone"] += effects.changed == 0 and any(
        one.crossing.leaving for one in effects.bands
    )


def _assert_points(effects: PublishEffects, before: Standing, after: Standing) -> None:
    changed = {one for one in before.points if before.points[one] != after.points[one]}
    steps = {one: after.overall(one) - before.overall(one) for one in before.points}
    movers = sorted((one for one, step in steps.items() if step), key=lambda one: -abs(steps[one]))
    assert (effects.contacts, effects.changed, effects.moved) == (
        len(before.points),
        len(changed),
        len(movers),
    )
    assert [(one.contact, one.before, one.after) for one in effects.movers] == [
        (one, before.overall(one), after.overall(one)) for one in movers
    ][:20]
    for when, standing in (("before", before), ("after", after)):
        counted = [
            (one.least, one.most, sum(_is_in(one, standing.overall(contact)) for contact in standing.points))
            for one in effects.bins
        ]
        assert [(one.least, one.most, getattr(one, when)) for one in effects.bins] == counted
        assert sum(number for *_, number in counted) == len(standing.points)
    for asked, one in zip(_RANGES, effects.crossings, strict=True):
        _assert_crossing(one, before.are_in(asked), after.are_in(asked))


def _assert_bands(effects: PublishEffects, before: Standing, after: Standing) -> None:
    for one in effects.bands:
        band = one.group, one.crossing.name
        _assert_crossing(one.crossing, before.are_in_band(*band), after.are_in_band(*band))
    listed = {(one.group or "overall", one.crossing.name) for one in effects.bands}
    assert {each for bands in after.bands.values() for each in bands.items()} <= listed


def _assert_crossing(found: Crossing, before: set[str], after: set[str]) -> None:
    assert (set(found.enters), set(found.leaves)) == (after - before, before - after)
    assert (found.entering, found.leaving) == (len(after - before), len(before - after))


def _is_in(one: Bin, points: int) -> bool:
    return (one.least is None or points >= one.least) and (one.most is None or points <= one.most)


async def _messages(connection: Connection, profile: str) -> list[dict[str, Any]]:
    changed, _ = await service.messages(connection)
    return [message["data"] for message in changed if message["data"]["profile"] == profile]


def _moves_points(data: Mapping[str, Any]) -> bool:
    return any(one["previous"] != one["current"] for one in (data["overall"], *data["groups"].values()))


def _plain_sum(points: Mapping[str, int]) -> int:
    return sum(points[group] for group in GROUPS)


@pytest.mark.timeout(600)
def test_property_a_preview_equals_its_publish(
    module_database: str, report_line: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who enters and leaves each band and range, the distribution, the movers and all points are as previewed."""
    monkeypatch.setattr(previewing, "_CHUNK_CONTACTS", 3)
    seen: Counter[str] = Counter()
    examples = max(4, EXAMPLES // 4)

    async def holds(schedule: Schedule, history: DraftedHistory) -> None:
        await _lived_through(schedule, history)
        for profile in _PROFILES:
            await _compare(schedule.monitor, schedule.dsn, profile, seen)

    with scheduled(module_database) as (run, schedule):

        @property_settings(examples)
        @given(drafted_histories())
        def law(history: DraftedHistory) -> None:
            run(holds(schedule, history))

        law()
    report_line(f"previews: {examples} examples, {', '.join(f'{n} with {what}' for what, n in seen.items())}")
    if IN_CI:  # what is drawn elsewhere is too little to be counted
        met = ("moved", "bounded", "crossed", "crossed by thresholds alone")
        assert [what for what in met if seen[what] < SCARCE * examples] == []
