"""Adjustments: added to every version under the contact's lock, announced once, harmless when repeated."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from consumer.domain.errors import UnknownAccountError
from consumer.scoring import adjustments, profile_publish
from consumer.scoring.adjustments import Adjustment, ClientKeyUsedError, NothingToAdjustError
from consumer.scoring.verify import verify
from tests.builders.catalog_documents import weights_document
from tests.builders.events import numbered_event
from tests.pipeline import service

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_PLUS = Adjustment(
    account="acme",
    contact="ann",
    profile="lead_score",
    group="support",
    points=7,
    reason="met at the fair",
    author="mia",
    client_key="fair-1",
)


async def test_an_adjustment_counts_and_is_announced(database: str, connection: Connection) -> None:
    """It moves its group and overall, with one message; a contact in whom nothing had counted has scores by it."""
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1), numbered_event(2, type="contact.upserted", subject="eve")])
        number, new = await adjustments.add(connection, _PLUS)
        assert new
        assert await adjustments.add(connection, _PLUS) == (number, False)
        minus = replace(_PLUS, contact="eve", group="purchase", points=-3)
        assert (await adjustments.add(connection, minus))[1]
    assert await service.overall_scores(connection) == {"ann": 17, "eve": -3}
    [_, message] = await service.score_changes(connection)
    assert (message["causes"], message["overall"]) == (["adjustment"], {"previous": 10, "current": 17})
    assert message["groups"] == {
        "purchase": {"previous": 10, "current": 10},
        "support": {"previous": 0, "current": 7},
    }
    assert (message["version"], message["events"], message["event_count"]) == (2, [], 0)
    [first] = await service.score_changes(connection, "eve")
    assert first["overall"] == {"previous": 0, "current": -3}
    assert (await verify(database)).differences == []


async def test_while_a_publish_runs_it_counts_under_both(database: str, connection: Connection) -> None:
    """Before the flip it is in both versions; after, one message has both, if the publish is not announced yet."""
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch(
            [numbered_event(1), numbered_event(2, subject="bob"), numbered_event(3, subject="cid")]
        )
    publish = await service.begin_publish(connection, won=3)
    await adjustments.add(connection, _PLUS)
    assert await service.overall_scores(connection) == {"ann": 17, "bob": 10, "cid": 10}
    await service.run_publish_until(database, publish, "announcing")
    await adjustments.add(connection, replace(_PLUS, contact="bob"))
    # What undoes the publish is no change for the group, but this is another one.
    await adjustments.add(connection, replace(_PLUS, contact="cid", group="purchase"))
    assert await service.overall_scores(connection) == {"ann": 10, "bob": 10, "cid": 10}
    assert (await verify(database)).differences == []
    await service.publish_all(database, [publish])
    assert [message["causes"] for message in await service.score_changes(connection, "ann")] == [
        ["events"],
        ["adjustment"],
        ["publish"],
    ]
    assert [message["causes"] for message in await service.score_changes(connection, "bob")] == [
        ["events"],
        ["publish", "adjustment"],
    ]
    assert len(await service.score_changes(connection, "cid")) == 1
    assert (await verify(database)).differences == []


async def test_what_cannot_be_adjusted_is_refused(database: str, connection: Connection) -> None:
    """Unknown names and a client key used for another adjustment are errors, and change nothing."""
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1), numbered_event(2, subject="bob")])
    await adjustments.add(connection, _PLUS)
    for other in (replace(_PLUS, points=8), replace(_PLUS, group="purchase")):
        with pytest.raises(ClientKeyUsedError, match="fair-1"):
            await adjustments.add(connection, other)
    await adjustments.add(connection, replace(_PLUS, contact="bob"))
    strangers = [
        replace(_PLUS, contact="nobody"),
        replace(_PLUS, profile="nobody"),
        replace(_PLUS, group="nobody"),
    ]
    for what, stranger in zip(("contact", "profile", "group"), strangers, strict=True):
        with pytest.raises(NothingToAdjustError, match=f"no {what} 'nobody'"):
            await adjustments.add(connection, stranger)
    with pytest.raises(UnknownAccountError, match="nobody"):
        await adjustments.add(connection, replace(_PLUS, account="nobody"))
    assert await service.overall_scores(connection) == {"ann": 17, "bob": 17}
    assert await profile_publish.unfinished_publishes(connection) == []
    assert (await verify(database)).differences == []
