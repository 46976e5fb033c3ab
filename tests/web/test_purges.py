"""Retention over HTTP: previewed, set, watched; what it leaves of timelines, scores and exports."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from consumer.infra import postgres
from tests.builders.events import dated_event
from tests.pipeline.purging import purge
from tests.web.sample_account import GROUPS, OPENED, WON

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

_NOW = datetime.now(UTC).replace(microsecond=0)
_MONTH = timedelta(days=30)


@pytest.fixture
async def account(worker: Service, new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account in which ann has had two deals and a mail of two years ago, and a deal of today."""
    once = {**OPENED, "dedup": {"policy": "once"}}
    account = await new_account(groups=GROUPS, definitions=[WON, once])
    ago = _NOW - timedelta(days=700)
    old = [
        dated_event(
            f"old-{number}",
            ago + number * timedelta(hours=1),
            type=type_,
            accountid=account,
            data='{"note": "old"}',
        )
        for number, type_ in enumerate(("deal.won", "deal.won", "email.opened"))
    ]
    await worker.batch([*old, dated_event("new", _NOW, accountid=account)])
    return account


@pytest.fixture
async def client(api: Api, account: str) -> AsyncIterator[Client]:
    """Give a client of that account."""
    async with api.as_(account) as client:
        yield client


async def _purged(api: Api, account: str) -> None:
    connection = await postgres.connect(api.dsn)
    try:
        await purge(connection, account, _NOW - _MONTH)
    finally:
        await connection.close()


async def test_a_period_is_previewed_and_set(client: Client) -> None:
    """The preview says how much is older; the account and its document have the period."""
    [line] = (await client.post("/purges/preview", json={"retention": "30d"})).text.splitlines()
    found = json.loads(line)["preview"]
    assert (found["entries"], found["contacts"]) == (3, 1)
    assert abs(datetime.fromisoformat(found["horizon"]) - (_NOW - _MONTH)) < timedelta(minutes=5)
    for wrong in ({"retention": "1h"}, {"retention": None}, {}, {"retention": "30d", "more": 1}):
        assert (await client.post("/purges/preview", json=wrong)).status_code == 422, wrong
    changed = await client.edit("", {"retention": "30d"})
    assert changed.json()["retention"] == "30d"
    entry = (await client.get("/audit", params={"limit": 1})).json()["items"][0]
    assert entry["after"] == {"retention": "30d"}


async def test_what_was_purged_is_carried(api: Api, account: str, client: Client) -> None:
    """The score stays; the timeline has what is whole and one carried line, and they add up."""
    before = (await client.get("/contacts/ann")).json()
    await _purged(api, account)
    assert (await client.get("/contacts/ann")).json() == before
    listed = (await client.get("/contacts/ann/timeline")).json()["items"]
    assert [(item["kind"], item["points"]) for item in listed] == [("event", 50), ("carried", 101)]
    history = (await client.get("/contacts/ann/score/history")).json()
    assert (history["carried"]["overall"], history["days"][-1]["overall"]) == (101, 151)
    explanation = (await client.get("/contacts/ann/score/explanation")).json()
    assert explanation["overall"] == 151
    [done] = (await client.get("/purges")).json()["items"]
    assert (done["state"], done["done"], done["total"], done["purged"]) == ("done", 1, 1, 3)


async def test_an_export_says_what_is_left(api: Api, account: str, client: Client) -> None:
    """Counts without their events, and of what dedup needs when it was; nothing of what came with them."""
    await _purged(api, account)
    text = (await client.get("/contacts/ann/export")).text
    lines = [json.loads(line) for line in text.splitlines()]
    parts: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        for kind, values in line.items():
            parts.setdefault(kind, []).append(values)
    [carried] = parts["carried"]
    assert (carried["definition"], carried["count"]) == ("deal_won", 2)
    [left] = parts["left"]
    assert (left["definition"], left["object"]) == ("email_opened", None)
    assert [one["id"] for one in parts["event"]] == ["new"]
    assert "old" not in text


async def test_segments_see_whole_entries_only(api: Api, account: str, client: Client) -> None:
    """Who has had an event in some years is not asked of what has lost its payload."""
    mailed = {"all": [{"last_event": {"definitions": ["email_opened"], "within_days": 1000}}]}
    made = await client.post("/segments", json={"key": "mailed", "name": "Mailed", "match": mailed})
    assert made.status_code == 201, made.text

    async def members() -> list[str]:
        listed = await client.get("/contacts", params={"segment": "mailed"})
        return [one["id"] for one in listed.json()["items"]]

    assert await members() == ["ann"]
    await _purged(api, account)
    assert await members() == []
