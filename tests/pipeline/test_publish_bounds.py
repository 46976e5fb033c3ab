"""Publishes of bounds: what is built for history, and what was announced under the version before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.scoring.verify import verify
from tests.builders.catalog_documents import weights_document
from tests.builders.events import lost_event, numbered_event
from tests.pipeline import service

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection


def framed(*, published: bool = True, **frames: Any) -> dict[str, Any]:
    """Build a document whose primary profile has these frames."""
    document = weights_document()
    document["profiles"][0] |= {"overall": {}, "groups": {}, "published": published, **frames}
    return document


async def test_a_publish_builds_what_batches_add_to(database: str, connection: Connection) -> None:
    """Built sums are those that batches would have come to, and batches go on from them while it is built."""
    frames = {
        "overall": {"cap": 40},
        "groups": {"purchase": {"cap": 20}, "support": {"apart": True, "floor": 0}},
    }
    async with service.running(database) as worker:
        await worker.apply(framed())
        await worker.batch([numbered_event(number) for number in range(3)] + [lost_event(4, subject="bob")])
        await worker.apply(framed(**frames, published=False))
        publish = await service.begin_publish(connection)
        await worker.batch([numbered_event(5, subject="bob"), lost_event(6)])
        await service.publish_all(database, [publish])
        await worker.batch(
            [numbered_event(7), numbered_event(8, subject="cem"), lost_event(9, subject="cem")]
        )
    assert await service.scores(connection) == {
        ("acme", "lead_score", "ann"): {"overall": 20, "purchase": 20, "support": 10},
        ("acme", "lead_score", "bob"): {"overall": 10, "purchase": 10, "support": 10},
        ("acme", "lead_score", "cem"): {"overall": 10, "purchase": 10, "support": 10},
    }
    sums = await connection.fetch("select overall, group_points from contact_scores order by contact_id")
    assert [row["overall"] for row in sums] == [20, 10, 10]
    assert sorted(sums[0]["group_points"]) == [10, 40]
    assert (await verify(database)).differences == []


async def test_what_was_announced_is_bounded_as_it_was(database: str, connection: Connection) -> None:
    """The message of a publish goes from what the version before showed to what the new one shows."""
    async with service.running(database) as worker:
        await worker.apply(framed(overall={"cap": 20}))
        await worker.batch([numbered_event(number) for number in range(5)])
        await worker.apply(framed(overall={"cap": 40}))
        await worker.apply(framed())
        await worker.apply(framed(groups={"purchase": {"cap": 5}}))
    overall = [data["overall"] for data in await service.score_changes(connection)]
    assert overall == [
        {"previous": 0, "current": 20},
        {"previous": 20, "current": 40},
        {"previous": 40, "current": 50},
        {"previous": 50, "current": 5},
    ]
    assert (await verify(database)).differences == []
