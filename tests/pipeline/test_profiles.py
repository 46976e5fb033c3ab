"""Several published profiles: each keeps scores of its own by its own weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.scoring.verify import verify
from tests.builders.events import clock_event
from tests.oracle import Oracle
from tests.pipeline import service

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

CATALOG: dict[str, Any] = {
    "engagement_catalog": 1,
    "account": "acme",
    "name": "Acme",
    "groups": [
        {"key": "deals", "name": "Deals", "icon": "cart"},
        {"key": "mail", "name": "Mail", "icon": "cart"},
    ],
    "definitions": [
        {"key": "won", "name": "Won", "group": "deals", "icon": "trophy", "default_points": 10,
         "events": ["deal.won"]},
        {"key": "opened", "name": "Opened", "group": "mail", "icon": "trophy", "default_points": 3,
         "events": ["email.opened"], "dedup": {"policy": "once"}},
    ],
    "profiles": [
        {"key": "lead_score", "name": "Lead score", "primary": True, "inherits": True, "published": True},
        {"key": "mail_only", "name": "Mail only", "inherits": False, "published": True, "weights": {"opened": 7}},
        {"key": "draft", "name": "Draft", "inherits": True, "published": False},
    ],
}  # fmt: skip


async def test_each_published_profile_has_its_own_scores(database: str, connection: Connection) -> None:
    """One batch moves the scores of every published profile by its own weights, and a draft has none."""
    oracle = Oracle()
    oracle.apply(CATALOG)
    batch = [
        clock_event("10:00", id="a", type="deal.won"),
        clock_event("11:00", id="b", type="email.opened"),
        clock_event("12:00", id="c", type="email.opened"),
    ]
    async with service.running(database) as worker:
        await worker.apply(CATALOG)
        await worker.batch(batch)
    oracle.batch(batch)

    scores = await service.scores(connection)
    assert scores == oracle.scores
    assert scores["acme", "lead_score", "ann"] == {"overall": 13, "deals": 10, "mail": 3}
    assert scores["acme", "mail_only", "ann"] == {"overall": 7, "deals": 0, "mail": 7}
    changed, _ = await service.messages(connection)
    assert {message["kafka_key"]: message["data"]["overall"]["current"] for message in changed} == {
        "acme:lead_score:ann": 13,
        "acme:mail_only:ann": 7,
    }
    assert (await verify(database)).differences == []
