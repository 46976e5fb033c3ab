"""`definition-counts`: how often each definition has counted lately, exactly or from a part of each hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from consumer.web.api.catalog import definition_counts
from tests.web.account_events import record
from tests.web.sample_account import GROUPS, OPENED, WON

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.infra.postgres.connection import Connection
    from tests.pipeline.service import Service
    from tests.web.api_client import Api

    NewAccount = Callable[..., Awaitable[str]]

NOW = datetime.now(UTC)


async def _account(worker: Service, new_account: NewAccount) -> str:
    """Name an account with a deal of yesterday and one of 31 days ago, and a mail that cools down."""
    cooling = {**OPENED, "dedup": {"policy": "cooldown", "interval": "1d", "per": "contact"}}
    account = await new_account(groups=GROUPS, definitions=[WON, cooling])
    yesterday = NOW - timedelta(days=1)
    await worker.batch(
        [
            record(account, "deal.won", at=yesterday),
            record(account, "deal.won", subject="bob", at=NOW - timedelta(days=31)),
            record(account, "email.opened", at=yesterday),
            record(account, "email.opened", at=yesterday + timedelta(minutes=1)),
        ]
    )
    return account


async def test_what_counted_in_30_days_is_counted(api: Api, worker: Service, new_account: NewAccount) -> None:
    """Events of the last 30 days that count are counted, of all contacts; those cooling down and older are not."""
    account = await _account(worker, new_account)
    async with api.as_(account) as client:
        found = (await client.get("/definition-counts")).json()
    assert (found["days"], found["exact"]) == (30, True)
    assert found["age_seconds"] < 60
    counts = {each["definition"]: each["counted"] for each in found["definitions"]}
    assert counts == {"deal_won": 1, "email_opened": 1}


async def test_counts_are_shared_for_a_minute(api: Api, worker: Service, new_account: NewAccount) -> None:
    """What has counted since is in the counts after a minute at most; their age says so."""
    account = await _account(worker, new_account)
    async with api.as_(account) as client:
        first = (await client.get("/definition-counts")).json()
        await worker.batch([record(account, "deal.won", at=NOW - timedelta(hours=1))])
        second = (await client.get("/definition-counts")).json()
    assert second["definitions"] == first["definitions"]
    assert second["counted_at"] == first["counted_at"]
    assert second["age_seconds"] >= first["age_seconds"]


async def test_a_large_account_is_estimated_from_a_part_of_each_hour(
    worker: Service,
    new_account: NewAccount,
    observer: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beyond a number of entries a part of each hour is counted, and comes close to all of them."""
    account = await _account(worker, new_account)
    number = await observer.fetchval("select id from accounts where key = $1", account)
    begin = NOW - timedelta(days=20)
    await worker.batch(
        [
            record(account, "deal.won", subject=f"c{each}", at=begin + timedelta(seconds=97 * each))
            for each in range(1200)
        ]
    )
    monkeypatch.setattr(definition_counts, "_WHOLE", 200)
    async with observer.transaction():
        found = await definition_counts.count(observer, number, NOW)
    assert not found.is_exact
    # 300 events of the quarter that is counted are within 4 standard errors of 1 in 17.
    assert found.counts["deal_won"] == pytest.approx(1201, rel=0.24)
    # The same again: which seconds are counted depends on the hour alone.
    async with observer.transaction():
        assert await definition_counts.count(observer, number, NOW) == found
