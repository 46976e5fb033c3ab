"""Several published profiles: each keeps scores of its own by its own weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.scoring.verify import verify
from tests.oracle import Oracle, OracleRecord, parse_time
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


def _record(identity: str, kind: str, time: str) -> OracleRecord:
    occurred_at = parse_time(time)
    assert occurred_at is not None
    return OracleRecord(
        id=identity,
        source="/crm",
        type=kind,
        subject="ann",
        time=time,
        accountid="acme",
        timestamp=occurred_at,
    )


async def test_each_published_profile_has_its_own_scores(database: str, connection: Connection) -> None:
    """One batch moves the scores of every published profile by its own weights, and a draft has none."""
    oracle = Oracle()
    oracle.apply(CATALOG)
    batch = [
        _record("a", "deal.won", "2026-03-02T10:00:00Z"),
        _record("b", "email.opened", "2026-03-02T11:00:00Z"),
        _record("c", "email.opened", "2026-03-02T12:00:00Z"),
    ]
    async with service.running(database) as worker:
        await worker.apply(CATALOG)
        await worker.batch(batch)
    oracle.batch(batch)

    scores = await service.scores(connection)
    assert scores == oracle.scores
    assert scores["acme", "lead_score", "ann"] == {"overall": 13, "deals": 10, "mail": 3}
    assert scores["acme", "mail_only", "ann"] == {"overall": 7, "deals": 0, "mail": 7}
    told, _ = await service.messages(connection)
    assert {message["kafka_key"]: message["data"]["overall"]["current"] for message in told} == {
        "acme:lead_score:ann": 13,
        "acme:mail_only:ann": 7,
    }
    assert (await verify(database)).differences == []
