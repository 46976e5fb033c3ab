"""Simulated traffic under the starting catalog shows everything: what the demo is built on."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import islice

from consumer import catalog
from consumer.demo.checks import NOT_IN_THE_DEMO
from consumer.demo.traffic.scenario import DEMO_ACCOUNTS, DISABLED_ACCOUNT, scenario
from consumer.domain.model import Record
from consumer.infra import postgres
from schemas.vocabulary import DeadLetterReason, Outcome, Verdict
from tests.pipeline.service import Feed, running

COUNT = 20_000
DAYS = 14


async def test_every_outcome_verdict_flip_and_reversal_occurs(database: str) -> None:
    """Of 20,000 records under the starting catalog each outcome and verdict comes, and XP is taken back."""
    begin = datetime.now(UTC) - timedelta(days=DAYS)
    horizon = begin - timedelta(days=100)
    await _accounts(database, horizon)
    stream = scenario(1, begin=begin, pace=DAYS * 86_400 / COUNT, horizon=(DEMO_ACCOUNTS[1], horizon))
    offsets: defaultdict[str, int] = defaultdict(int)
    outcomes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    async with running(database, feed=Feed("messages")) as service:
        topics = {record.topic for record in islice(scenario(1, begin=begin, pace=1), 5000)}
        await service.take_lanes({(topic, 0): 0 for topic in topics})
        while batch := list(islice(stream, min(2000, COUNT - sum(offsets.values())))):
            records = []
            for one in batch:
                records.append(
                    Record(
                        one.topic,
                        0,
                        offsets[one.topic],
                        one.timestamp,
                        one.key,
                        one.value,
                        tuple(one.headers),
                    )
                )
                offsets[one.topic] += 1
            handled = await service.process(records)
            outcomes.update(one.outcome for one in handled)
            reasons.update(one.reason for one in handled if one.reason)
    assert set(outcomes) == set(Outcome) - NOT_IN_THE_DEMO
    assert outcomes[Outcome.APPLIED] > COUNT * 0.8
    assert set(reasons) == set(DeadLetterReason) - {DeadLetterReason.REFUSED_BY_DATABASE}
    connection = await postgres.connect(database)
    try:
        verdicts = {row[0] for row in await connection.fetch("select distinct verdict::text from timeline")}
        reversed_xp = await connection.fetchval(
            "select count(*) from timeline where credit_number >= 2 and credit_number % 2 = 0"
        )
    finally:
        await connection.close()
    assert verdicts == set(Verdict)
    assert reversed_xp >= 10


async def _accounts(database: str, horizon: datetime) -> None:
    document = (files("catalogs") / "starting.yaml").read_text("utf-8")
    connection = await postgres.connect(database)
    try:
        for account in (*DEMO_ACCOUNTS, DISABLED_ACCOUNT):
            text = document.replace("account: acme", f"account: {account}")
            if account == DISABLED_ACCOUNT:
                text = text.replace("engagement: true", "engagement: false")
            await catalog.apply_document(connection, catalog.parse_document(text))
        await connection.execute("update accounts set horizon = $1 where key = $2", horizon, DEMO_ACCOUNTS[1])
        await connection.execute("update installation set revision = revision + 1")
    finally:
        await connection.close()
