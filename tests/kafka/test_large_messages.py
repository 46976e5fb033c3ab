"""Messages larger than their topic accepts: the relay goes on and publishes what fits of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from consumer.catalog import DEFAULT_LIMITS
from schemas.vocabulary import OUTPUT_TOPICS, SCORE_CHANGED_TOPIC, XP_CREDITED_TOPIC
from tests.builders.catalog_documents import definition, document, groups
from tests.builders.events import live_event
from tests.kafka.delivery_checks import outbox_rows
from tests.kafka.installation import headers_of
from tests.kafka.relay_in_process import Relaying
from tests.pipeline import service
from tests.servers.broker import create_topics
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.kafka.installation import Installation

pytestmark = pytest.mark.real_kafka


async def _create_topics(installation: Installation, **limits: str) -> None:
    """Create the topics, score-changed and xp-credited with these limits."""
    names = {"score": SCORE_CHANGED_TOPIC, "xp": XP_CREDITED_TOPIC}
    for name, most in limits.items():
        await create_topics(
            installation.bootstrap,
            [f"{installation.prefix}{names[name]}"],
            1,
            {"max.message.bytes": most},
        )
    await installation.create_topics(but=[names[name] for name in limits])


async def _publish(installation: Installation, numbers: range, **settings: str) -> Relaying:
    """Let a worker's ingest and a relay go through events in one batch each, until all is published."""
    relaying = Relaying(installation)
    task = relaying.start(**settings)
    async with service.running(installation.dsn) as ingest:
        for number in numbers:
            await ingest.batch([live_event(number)])
            relaying.relay.wake()

    async def published() -> bool:
        assert not task.done()
        return await outbox_rows(installation) == 0

    await eventually(published, within=40, what="everything published")
    await relaying.stop()
    return relaying


def _count(relaying: Relaying, name: str, topic: str) -> float | None:
    return relaying.metrics.registry.get_sample_value(f"engagement_{name}_total", {"topic": topic})


@pytest.mark.parametrize("mode", ["transactional", "plain"])
async def test_a_topic_that_accepts_less_than_a_message(installation: Installation, mode: str) -> None:
    """Refused by the topic's own limit, a score message comes shortened, once and in order, nothing is missing."""
    await _create_topics(installation, score="4000")
    many = [f"group_{number:03}_{'x' * 40}" for number in range(90)]
    await installation.apply(document(groups=groups("purchase", *many)))
    relaying = await _publish(installation, range(5), relay=mode)
    found = await installation.messages(SCORE_CHANGED_TOPIC)
    assert [message["data"]["version"] for message in found] == [1, 2, 3, 4, 5]
    assert [message["data"]["overall"]["current"] for message in found] == [10, 20, 30, 40, 50]
    assert all(list(message["data"]["groups"]) == ["purchase"] for message in found)
    for record in await installation.read(SCORE_CHANGED_TOPIC):
        assert headers_of(record)["engagement-truncated"] == b"events,groups"
    assert len({message["id"] for message in await installation.messages(XP_CREDITED_TOPIC)}) == 5
    assert _count(relaying, "messages_shortened", SCORE_CHANGED_TOPIC) == 5
    assert [_count(relaying, "messages_left_out", topic) for topic in OUTPUT_TOPICS] == [0] * len(
        OUTPUT_TOPICS
    )


async def test_a_topic_that_accepts_less_than_a_batch(installation: Installation) -> None:
    """Many messages that fit one by one, and not as a batch: smaller batches, and every message whole."""
    await _create_topics(installation, score="5000")
    await installation.apply(document())
    relaying = Relaying(installation)
    async with service.running(installation.dsn) as ingest:
        for number in range(60):
            await ingest.batch([live_event(number)])
    relaying.start()

    async def published() -> bool:
        return await outbox_rows(installation) == 0

    await eventually(published, within=40, what="everything published")
    await relaying.stop()
    found = await installation.messages(SCORE_CHANGED_TOPIC)
    assert [message["data"]["version"] for message in found] == list(range(1, 61))
    assert all(len(message["data"]["events"]) == 1 for message in found)
    assert _count(relaying, "messages_shortened", SCORE_CHANGED_TOPIC) == 0


async def test_a_topic_that_accepts_no_message_at_all(installation: Installation) -> None:
    """What cannot be shortened enough is left out and counted; other topics' messages and the position go on."""
    await _create_topics(installation, xp="200")
    await installation.apply(document())
    relaying = await _publish(installation, range(4))
    assert [m["data"]["version"] for m in await installation.messages(SCORE_CHANGED_TOPIC)] == [1, 2, 3, 4]
    assert await installation.messages(XP_CREDITED_TOPIC) == []
    assert _count(relaying, "messages_left_out", XP_CREDITED_TOPIC) == 4


async def test_an_installation_with_12_000_groups_publishes(installation: Installation) -> None:
    """The score message of 1.13 MB that ended every worker at its start: it comes without unchanged groups."""
    await installation.create_topics()
    many = [f"group_{number:05}_{'x' * 52}" for number in range(12_000)]
    await service.apply_document(
        installation.dsn,
        document(groups=groups("purchase", *many), definitions=[definition("won", "deal.won")]),
        limits=replace(DEFAULT_LIMITS, max_groups=20_000),
    )
    await _publish(installation, range(2))
    [first, second] = await installation.messages(SCORE_CHANGED_TOPIC)
    assert (first["data"]["version"], second["data"]["version"]) == (1, 2)
    assert second["data"]["groups"] == {"purchase": {"previous": 10, "current": 20}}
