"""Backfills over HTTP: begun with events or from the topics, watched, cancelled, and on record."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from consumer.infra import postgres
from consumer.infra.clock import SystemClock
from consumer.infra.settings import Settings
from consumer.ingest.backfill import requests
from consumer.web.http.outward_ids import BACKFILL
from consumer.worker.backfill_jobs import BackfillJobs
from tests.builders.catalog_documents import definition, groups
from tests.web.api_client import bearer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.web.api_client import Api, Client

WHERE = "/backfills"


@pytest.fixture
async def account(new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account in which won deals count."""
    return await new_account(groups=groups("purchase"), definitions=[definition("won", "deal.won")])


@pytest.fixture
async def client(api: Api, account: str) -> AsyncIterator[Client]:
    """Give a client of that account."""
    async with api.as_(account) as client:
        yield client


def _event(account: str, id_: str, **attributes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id_,
        "source": "/old-crm",
        "type": "deal.won",
        "subject": "ann",
        "accountid": account,
        "time": "2019-05-05T10:00:00Z",
        **attributes,
    }


async def _carry_out(api: Api) -> None:
    """Let a worker carry out all backfills that have begun."""
    settings = Settings(database_url=api.dsn, kafka_bootstrap="127.0.0.1:1")
    jobs = BackfillJobs(lambda: postgres.connect(api.dsn), settings, clock=SystemClock(), pause=0)
    try:
        while await jobs.round(asyncio.Event()):
            pass
    finally:
        jobs.close()


async def test_events_are_taken_by_workers(api: Api, account: str, client: Client) -> None:
    """It is accepted with where to see its progress, is on record, and ends with the events by outcome."""
    events = [
        _event(account, "a"),
        _event(account, "b", subject="bob"),
        _event(account, "c", type="deal.seen"),
    ]
    begun = await client.post(WHERE, json={"events": events})
    assert begun.status_code == 202
    where, answer = begun.headers["location"], begun.json()
    assert (answer["state"], answer["events_done"], answer["events_total"]) == ("running", 0, 3)
    entry = (await client.get("/audit", params={"limit": 1})).json()["items"][0]
    assert (entry["action"], entry["subject"], entry["key"]) == ("begun", "backfill", answer["id"])
    await _carry_out(api)
    done = (await api.client.get(where, headers=bearer(account))).json()
    assert (done["state"], done["events_done"]) == ("done", 3)
    assert done["outcomes"] == {"applied": 2, "unmatched": 1}
    assert done["unmatched"] == [{"type": "deal.seen", "count": 1}]
    assert done["ended_at"] is not None
    listed = (await client.get("/contacts")).json()["items"]
    assert {one["id"]: one["overall"] for one in listed} == {"ann": 10, "bob": 10}

    again = (await client.post(WHERE, json={"events": events})).json()["id"]
    await _carry_out(api)
    assert (await client.get(f"{WHERE}/{again}")).json()["outcomes"] == {"duplicate": 2, "unmatched": 1}
    assert [one["id"] for one in (await client.get(WHERE)).json()["items"]] == [again, answer["id"]]


async def test_faulty_events_are_refused_as_a_whole(account: str, client: Client) -> None:
    """If any event is faulty, or another account's, all faults are named, and nothing begins."""
    events = [
        _event(account, "a"),
        _event(account, "b", time=None),
        _event(account, "c", subject=7),
        _event("elsewhere", "d"),
    ]
    refused = await client.post(WHERE, json={"events": events})
    assert refused.status_code == 422
    faults = {fault["field"]: fault["detail"] for fault in refused.json()["errors"]}
    assert list(faults) == ["events.1", "events.2", "events.3.accountid"]
    assert faults["events.1"] == "attribute_missing: time: missing, and a line has no other"
    assert (await client.get(WHERE)).json()["items"] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"events": []},
        {"events": [{}], "from_topics": {"since": "2026-01-01T00:00:00Z"}},
        {"from_topics": {"since": "yesterday"}},
        {"from_topics": {"since": "2026-01-01T00:00:00Z", "types": []}},
    ],
)
async def test_what_to_bring_is_needed(client: Client, body: dict[str, Any]) -> None:
    """Either events or a time are needed, and not both."""
    assert (await client.post(WHERE, json=body)).status_code == 422


async def test_the_body_may_be_large(account: str, client: Client) -> None:
    """10,000 events fit into a request that no other route would take; one more, or 16 MiB, do not."""
    events = [_event(account, str(n), data={"note": "x" * 100}) for n in range(10_000)]
    begun = await client.post(WHERE, json={"events": events})
    assert (begun.status_code, begun.json()["events_total"]) == (202, 10_000)
    assert (await client.post(f"{WHERE}/{begun.json()['id']}/cancel")).status_code == 200
    assert (await client.post(WHERE, json={"events": [*events, _event(account, "more")]})).status_code == 422
    assert (await client.post(WHERE, json={"events": ["x" * (17 << 20)]})).status_code == 413


async def test_data_stays_as_it_is(api: Api, account: str) -> None:
    """The `data` of an event is kept byte for byte, as that of a record (2.18)."""
    text = '{"amount":1.0,  "note": "\\u00e9", "large": 123456789012345678901234567890.50}'
    event = json.dumps(_event(account, "exact"))[:-1] + f', "data": {text}}}'
    begun = await api.client.post(
        f"/v1/accounts/{account}{WHERE}",
        content=f'{{"events": [{event}]}}',
        headers={**bearer(account), "content-type": "application/json"},
    )
    assert begun.status_code == 202, begun.text
    await _carry_out(api)
    connection = await postgres.connect(api.dsn)
    assert await connection.fetchval("select data from timeline where event_id = 'exact'") == text
    await connection.close()


async def test_it_is_cancelled_once(api: Api, account: str, client: Client) -> None:
    """A cancelled one applies nothing more and forgets its events; cancelling it again is a conflict."""
    begun = (await client.post(WHERE, json={"events": [_event(account, "a")], "xp": False})).json()
    cancelled = await client.post(f"{WHERE}/{begun['id']}/cancel")
    assert (cancelled.json()["state"], cancelled.json()["xp"]) == ("cancelled", False)
    assert (await client.post(f"{WHERE}/{begun['id']}/cancel")).status_code == 409
    await _carry_out(api)
    assert (await client.get("/contacts")).json()["items"] == []
    connection = await postgres.connect(api.dsn)
    kept = "select count(*) from backfill_batches where backfill_id = $1"
    assert await connection.fetchval(kept, await api.number(BACKFILL, begun["id"])) == 0
    await connection.close()


async def test_of_another_account_there_is_none(
    api: Api, client: Client, new_account: Callable[..., Awaitable[str]], account: str
) -> None:
    """A backfill is found under its own account only."""
    number = (await client.post(WHERE, json={"events": [_event(account, "a")]})).json()["id"]
    async with api.as_(await new_account()) as other:
        assert (await other.get(f"{WHERE}/{number}")).status_code == 404
        assert (await other.post(f"{WHERE}/{number}/cancel")).status_code == 404


async def test_not_too_many_at_once(account: str, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account's backfills that have not ended are limited, since each has thousands of events."""
    monkeypatch.setattr(requests, "MOST_UNFINISHED", 1)
    body = {"events": [_event(account, "a")]}
    assert (await client.post(WHERE, json=body)).status_code == 202
    assert (await client.post(WHERE, json=body)).status_code == 409


async def test_without_kafka_the_others_go_on(api: Api, client: Client) -> None:
    """A backfill whose topics cannot be read says why, and one of another account goes on."""
    begun = (await client.post(WHERE, json={"from_topics": {"since": "2026-01-01T00:00:00Z"}})).json()
    assert (begun["since"], begun["types"]) == ("2026-01-01T00:00:00.000000Z", None)
    await _carry_out(api)
    failed = (await client.get(f"{WHERE}/{begun['id']}")).json()
    assert failed["state"] == "running"
    assert "KafkaConnectionError" in failed["error"]
