"""The preview says what the publish then does, and changes nothing; versions can be compared and gone back to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from consumer.catalog import apply_document, diff_document
from consumer.catalog.model.account import DefinitionWeight
from consumer.domain.errors import UnknownAccountError
from consumer.scoring import adjustments, profile_publish
from consumer.scoring.adjustments import Adjustment
from consumer.scoring.profile_publish import preview as previewing
from consumer.scoring.profile_publish.preview import Bin, Crossing, preview
from consumer.scoring.profile_publish.preview_comparison import ScoreRange
from consumer.scoring.profile_publish.requests import UnknownProfileError
from consumer.scoring.profile_publish.versions import (
    UnknownVersionError,
    diff_versions,
    read_versions,
    restore_draft,
)
from consumer.scoring.segments.definition import Match
from consumer.scoring.segments.repository import Segment
from consumer.scoring.verify import verify
from tests.builders.catalog_documents import definition, weights_document
from tests.builders.events import lost_event, numbered_event
from tests.pipeline import service
from tests.pipeline.committed_rows import everything

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection


def _draft(won: int = 10) -> dict[str, Any]:
    withheld = weights_document(won=won)
    withheld["profiles"][0]["published"] = False
    return withheld


async def _history(worker: service.Service) -> None:
    """Give ann 30 points in purchase, bob 10 and 10 in support, cid 10 in support; eve was only seen."""
    await worker.apply(weights_document())
    await worker.apply(weights_document("birch"))
    await worker.batch(
        [
            numbered_event(1),
            numbered_event(2),
            numbered_event(3),
            numbered_event(4, subject="bob"),
            lost_event(5, subject="bob"),
        ]
    )
    await worker.batch(
        [lost_event(6, subject="cid"), numbered_event(7, type="contact.upserted", subject="eve")]
    )
    await worker.batch([numbered_event(8, accountid="birch")])


async def test_it_says_what_the_publish_then_does(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts, distribution, movers with what moved them, and who crosses a range, in however many parts."""
    monkeypatch.setattr(previewing, "_CHUNK_CONTACTS", 2)
    async with service.running(database) as worker:
        await _history(worker)
    await apply_document(connection, service.parsed(_draft(won=3)))
    before = await everything(connection)
    progress: list[tuple[int, int]] = []
    found = await preview(
        connection,
        "acme",
        "lead_score",
        ranges=[
            ScoreRange("hot", least=15),
            ScoreRange("some purchase", group="purchase", least=1, most=9),
            ScoreRange("supported", group="support", least=1),
        ],
        progress=lambda done, total: progress.append((done, total)),
    )
    assert await everything(connection) == before
    assert progress[-1] == (4, 4)
    assert (found.version, found.contacts, found.changed, found.moved) == (1, 4, 2, 2)
    assert found.bins == [Bin(0, 0, 1, 1), Bin(1, 9, 0, 1), Bin(10, 24, 2, 2), Bin(25, 49, 1, 0)]
    moved = [(mover.contact, mover.before, mover.after) for mover in found.movers]
    assert moved == [("ann", 30, 9), ("bob", 20, 13)]
    [reason] = found.movers[0].reasons
    assert (reason.definition, reason.count) == ("won", 3)
    assert (reason.before, reason.after) == (
        DefinitionWeight(10, "purchase"),
        DefinitionWeight(3, "purchase"),
    )
    assert found.crossings == [
        Crossing("hot", entering=0, leaving=2, leaves=["ann", "bob"]),
        Crossing("some purchase", entering=2, leaving=0, enters=["ann", "bob"]),
        Crossing("supported"),
    ]
    assert found.seconds > 0

    await service.apply_document(database, weights_document(won=3))
    assert {
        who: points for who, points in (await service.overall_scores(connection)).items() if who != "ann"
    } == {
        "bob": 13,
        "cid": 10,
        "eve": 0,
    }
    again = await preview(connection, "acme", "lead_score")
    assert (again.changed, again.movers, again.version) == (0, [], 2)


async def test_it_says_who_enters_and_leaves_segments(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment is read with the scores to come, whatever else it asks; one about another profile is left out."""
    monkeypatch.setattr(previewing, "_CHUNK_CONTACTS", 2)
    async with service.running(database) as worker:
        await _history(worker)
    await apply_document(connection, service.parsed(_draft(won=3)))

    def segment(key: str, match: dict[str, Any], profile: str | None = None) -> Segment:
        return Segment(key=key, name=key, profile=profile, match=Match.model_validate(match))

    low = {"score": {"max": 9}}
    often = {"count": {"definitions": ["won"], "min": 2}}
    found = await preview(
        connection,
        "acme",
        "lead_score",
        ranges=[ScoreRange("hot", least=15)],
        segments=[
            segment("low", {"all": [low]}),
            segment("low often", {"all": [low, often]}, "lead_score"),
            segment("some purchase", {"any": [{"score": {"group": "purchase", "min": 4, "max": 20}}, often]}),
            segment("elsewhere", {"all": [low]}, "second"),
            segment("anybody", {"all": [{"last_event": {"not_within_days": 1}}]}),
        ],
    )
    assert found.crossings == [
        Crossing("hot", entering=0, leaving=2, leaves=["ann", "bob"]),
        Crossing("low", entering=1, enters=["ann"]),
        Crossing("low often", entering=1, enters=["ann"]),
        Crossing("some purchase", leaving=1, leaves=["bob"]),
        Crossing("anybody"),
    ]


async def test_a_swap_between_groups_changes_scores_of_groups_alone(
    database: str, connection: Connection
) -> None:
    """Who has as much as before in all, but in other groups, changes without moving; a swap of equals does not."""
    async with service.running(database) as worker:
        await _history(worker)
    moved = _draft(won=10)
    moved["definitions"][0] = definition("won", "deal.won", group="support")
    await apply_document(connection, service.parsed(moved))
    found = await preview(connection, "acme", "lead_score", ranges=[ScoreRange("s", "support", least=11)])
    assert (found.changed, found.moved, found.movers) == (2, 0, [])
    assert found.crossings == [Crossing("s", entering=2, leaving=0, enters=["ann", "bob"])]
    with pytest.raises(LookupError, match="no group nonsense"):
        await preview(connection, "acme", "lead_score", ranges=[ScoreRange("x", "nonsense")])
    with pytest.raises(UnknownProfileError, match="nonsense"):
        await preview(connection, "acme", "nonsense")
    with pytest.raises(UnknownAccountError, match="nobody"):
        await preview(connection, "nobody", "lead_score")


async def test_of_a_profile_never_published_all_is_new(database: str, connection: Connection) -> None:
    """Compared with no version every score is new, adjustments included."""
    async with service.running(database) as worker:
        await _history(worker)
    second = {"key": "second", "name": "Second", "published": False, "weights": {"won": 1}}
    document = weights_document()
    await apply_document(
        connection, service.parsed({**document, "profiles": [*document["profiles"], second]})
    )
    words = {"reason": "because", "author": "mia", "client_key": "1"}
    await adjustments.add(
        connection,
        Adjustment(account="acme", contact="eve", profile="second", group="support", points=5, **words),
    )
    found = await preview(connection, "acme", "second")
    assert (found.version, found.contacts, found.changed) == (None, 4, 4)
    after = {mover.contact: mover.after for mover in found.movers}
    assert after == {"ann": 3, "bob": 11, "cid": 10, "eve": 5}
    publish = await profile_publish.begin(connection, "acme", "second", by="mia")
    await service.publish_all(database, [publish])
    scores = await service.scores(connection)
    assert {
        who: score["overall"]
        for (account, key, who), score in scores.items()
        if (account, key) == ("acme", "second")
    } == after
    assert (await verify(database)).differences == []


async def test_versions_are_listed_compared_and_gone_back_to(database: str, connection: Connection) -> None:
    """Each with who and when; an old one becomes the draft, and publishing that gives the scores it gave."""
    async with service.running(database) as worker:
        await _history(worker)
        await worker.apply(weights_document(won=3))
        changed = weights_document(lost=1)
        changed["definitions"] = [
            definition("won", "deal.won", default_points=50),
            definition("lost", "deal.lost", group="purchase"),
        ]
        await worker.apply(changed)
        assert await service.overall_scores(connection) | {"ann": 150} == {
            "ann": 150,
            "bob": 51,
            "cid": 1,
            "eve": 0,
        }

        found = await read_versions(connection, "acme", "lead_score")
        assert [(one.number, one.state, one.by) for one in found] == [
            (3, "published", "catalog apply"),
            (2, "retired", "catalog apply"),
            (1, "retired", "catalog apply"),
        ]
        assert found[0].at > found[1].at > found[2].at
        assert [str(each) for each in await diff_versions(connection, "acme", "lead_score", 2, 3)] == [
            "profile lead_score: weights.lost none -> 1",
            "profile lead_score: weights.won 3 -> none",
            "profile lead_score: points.won 3 -> 50",
            "profile lead_score: points.lost 10 -> 1",
            "profile lead_score: group.lost support -> purchase",
        ]
        with pytest.raises(UnknownVersionError, match="no version 9"):
            await diff_versions(connection, "acme", "lead_score", 2, 9)
        assert await diff_versions(connection, "acme", "lead_score", 3) == []

        # The first inherited ten points for `won`, which the catalog no longer says.
        _, moved = await restore_draft(connection, "acme", "lead_score", 1, by="mia")
        assert moved == ["lost"]
        assert [str(each) for each in await diff_versions(connection, "acme", "lead_score", 1)] == [
            "profile lead_score: weights.won none -> 10",
            "profile lead_score: group.lost support -> purchase",
        ]
        drafted = weights_document(won=10)
        del drafted["definitions"]
        drafted["profiles"][0]["published"] = False
        assert await diff_document(connection, service.parsed(drafted)) == []
        publish = await profile_publish.begin(connection, "acme", "lead_score", by="mia")
        await service.publish_all(database, [publish])
    [newest, *_] = await read_versions(connection, "acme", "lead_score")
    assert (newest.number, newest.by) == (4, "mia")
    assert (await service.scores(connection))["acme", "lead_score", "bob"] == {
        "overall": 20,
        "purchase": 20,
        "support": 0,
    }
    assert (await verify(database)).differences == []
