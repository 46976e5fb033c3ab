"""`republish`: every contact's current score once more, in the chain of its messages, beside running batches."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from consumer.domain.errors import UnknownAccountError
from consumer.infra import postgres
from consumer.scoring import announce, republish
from consumer.scoring.announce import RelayNotRunningError
from consumer.scoring.republish import NotPublishedError, Republish, RepublishProgress
from consumer.scoring.verify import verify
from schemas.published import ScoreChanged
from tests.builders.catalog_documents import definition, document, groups
from tests.builders.events import numbered_event
from tests.pipeline import service

if TYPE_CHECKING:
    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection

_AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
_PROFILES = [
    {"key": "lead_score", "name": "Lead score", "primary": True, "inherits": True, "published": True},
    {"key": "fit", "name": "Fit", "inherits": False, "published": True, "weights": {"won": 3}},
    {"key": "draft", "name": "Draft", "inherits": True, "published": False},
]


def _catalog(account: str = "acme") -> dict[str, Any]:
    definitions = [definition("won", "deal.won"), definition("lost", "deal.lost", default_points=-4)]
    return document(
        account, groups=groups("purchase", "support"), profiles=_PROFILES, definitions=definitions
    )


async def _republish(dsn: str, *arguments: str) -> RepublishProgress:
    again = Republish(lambda: postgres.connect(dsn))
    try:
        return await again.run(*arguments)
    finally:
        again.close()


async def _changes(connection: Connection, since: int = 0) -> list[dict[str, Any]]:
    changes, _ = await service.messages(connection)
    return changes[since:]


async def test_every_contact_gets_a_message_with_its_score(database: str, connection: Connection) -> None:
    """One message per contact and published profile, previous = current, under the next version, no events."""
    async with service.running(database) as worker:
        await worker.apply(_catalog())
        await worker.apply(_catalog("birch"))
        await worker.batch(
            [numbered_event(1), numbered_event(2, type="deal.lost"), numbered_event(3, accountid="birch")]
        )
        await worker.batch(
            [
                numbered_event(4),
                numbered_event(5, subject="bob"),
                numbered_event(6, type="contact.upserted", subject="zoe"),
            ]
        )
        before = await _changes(connection)
        done = await _republish(database, "acme")
        again = await _changes(connection, len(before))
        assert done == RepublishProgress(contacts=3, total=3, messages=6)
        by_key = {(one["subject"], one["data"]["profile"]): one["data"] for one in again}
        assert len(by_key) == len(again) == 6
        assert {key: (data["version"], data["overall"]["current"]) for key, data in by_key.items()} == {
            ("ann", "lead_score"): (3, 16),
            ("ann", "fit"): (3, 6),
            ("bob", "lead_score"): (2, 10),
            ("bob", "fit"): (2, 3),
            # Seen, but without a message before: its first.
            ("zoe", "lead_score"): (1, 0),
            ("zoe", "fit"): (1, 0),
        }
        for data in by_key.values():
            assert data["causes"] == ["republish"]
            assert (data["events"], data["event_count"]) == ([], 0)
            assert data["overall"]["previous"] == data["overall"]["current"]
            assert list(data["groups"]) == ["purchase", "support"]
            assert all(group["previous"] == group["current"] for group in data["groups"].values())
        assert (await verify(database)).differences == []

        await worker.batch([numbered_event(7)])
        [*_, last] = [
            one["data"] for one in await _changes(connection) if one["data"]["profile"] == "lead_score"
        ]
        assert (last["version"], last["overall"]) == (4, {"previous": 16, "current": 26})
    assert (await verify(database)).differences == []


async def test_messages_look_like_a_batchs(database: str, connection: Connection) -> None:
    """The same members in the same order, valid by the published schema, keyed and named the same way."""
    async with service.running(database) as worker:
        await worker.apply(_catalog())
        await worker.batch([numbered_event(1)])
    await _republish(database, "acme", "lead_score")
    by_batch, republished = (
        one for one in await _changes(connection) if one["data"]["profile"] == "lead_score"
    )
    assert list(republished) == list(by_batch)
    assert list(republished["data"]) == list(by_batch["data"])
    assert republished["kafka_key"] == by_batch["kafka_key"] == "acme:lead_score:ann"
    assert (by_batch["id"], republished["id"]) == ("1:acme:lead_score:ann:1", "1:acme:lead_score:ann:2")
    for message in (await service.messages(connection))[0]:
        service.validate(message, ScoreChanged)


async def test_one_profile_and_none(database: str, connection: Connection) -> None:
    """`--profile` announces that one alone; a draft, an unknown profile and an unknown account are refused."""
    async with service.running(database) as worker:
        await worker.apply(_catalog())
        await worker.batch([numbered_event(1)])
    assert (await _republish(database, "acme", "fit")).messages == 1
    with pytest.raises(NotPublishedError, match="'acme' has no published profile 'draft'"):
        await _republish(database, "acme", "draft")
    with pytest.raises(NotPublishedError, match="nonsense"):
        await _republish(database, "acme", "nonsense")
    with pytest.raises(UnknownAccountError, match="nobody"):
        await _republish(database, "nobody")
    assert len(await _changes(connection)) == 3


async def test_beside_batches_the_chain_holds(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While batches of many contacts commit, republishing them neither breaks a chain nor blocks for ever."""
    monkeypatch.setattr(republish, "_CHUNK_CONTACTS", 3)
    async with service.running(database) as worker:
        await worker.apply(_catalog())
        people = [f"p{number:02}" for number in range(20)]
        await worker.batch([numbered_event(n, subject=who) for n, who in enumerate(people)])

        async def feed() -> None:
            for batch in range(1, 15):
                await worker.batch(
                    [numbered_event(100 * batch + n, subject=who) for n, who in enumerate(people)]
                )

        again = [_republish(database, "acme") for _ in range(3)]
        _, *done = await asyncio.gather(feed(), *again)
    assert {one.messages for one in done if one} == {40}
    changes = await _changes(connection)
    assert len(changes) == 2 * 20 * (15 + 3)
    for who in people:
        chain = [one["data"] for one in changes if (one["subject"], one["data"]["profile"]) == (who, "fit")]
        assert sorted(one["version"] for one in chain) == list(range(1, 19))
    assert (await verify(database)).differences == []


class _Hasty:
    """A monotonic clock on which every look is a minute after the last."""

    def __init__(self) -> None:
        self._minutes = 0

    def now(self) -> datetime:
        return _AT

    def monotonic(self) -> float:
        self._minutes += 1
        return self._minutes * 61.0


async def test_an_outbox_without_a_relay_is_not_flooded(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With many messages unpublished it waits for the relay, and gives up where there is none."""
    monkeypatch.setattr(announce, "_MAX_UNPUBLISHED", 1)
    async with service.running(database) as worker:
        await worker.apply(_catalog())
        await worker.batch([numbered_event(1)])
    clock: Clock = _Hasty()
    again = Republish(lambda: postgres.connect(database), clock=clock)
    with pytest.raises(RelayNotRunningError, match="is a relay running"):
        await again.run("acme")
    await connection.execute(
        "update relay_floors f set floor = head from outbox_heads h where h.shard = f.shard"
    )
    assert (await again.run("acme")).messages == 2
    again.close()
