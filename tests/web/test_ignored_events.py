"""Why nothing happened: the events of a contact that reached no timeline, with the reason of each."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from consumer.infra import postgres
from consumer.web.http.outward_ids import DEAD_LETTER
from tests.pipeline import service
from tests.web.account_events import BEGIN, flush_inbox, happen, record
from tests.web.sample_account import GROUPS, WON

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

LARGE = {
    **WON,
    "key": "large_deal",
    "events": ["deal.created"],
    "when": [{"path": "amount", "op": "gte", "value": 100}],
}


@pytest.fixture
async def account(new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account in which deals count, and large ones when they are created."""
    return await new_account(groups=GROUPS, definitions=[WON, LARGE])


async def _ignored(client: Client, contact: str = "ann") -> dict[str, Any]:
    answer = await client.get(f"/contacts/{contact}/ignored")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_each_reason_is_given(api: Api, worker: Service, account: str) -> None:
    """Unmatched, no valid event, expired, and while the module was off, newest first; what counts is not there."""
    connection = await postgres.connect(api.dsn)
    await happen(worker, account, "deal.won", "survey.answered")
    await happen(worker, account, "deal.created", data='{"amount": 5}')
    await happen(worker, account, "deal.won", data='{"amount": "much"}')
    await connection.execute("update accounts set horizon = $2 where key = $1", account, BEGIN)
    await worker.batch([record(account, "deal.won", at=BEGIN - timedelta(days=1))])
    await service.apply_document(
        api.dsn, {"engagement_catalog": 1, "account": account, "name": "x", "engagement": False}
    )
    await happen(worker, account, "deal.won")
    await flush_inbox(api, worker)
    letter = await connection.fetchval("select id from dead_letters where account_key = $1", account)
    async with api.as_(account) as client:
        body = await _ignored(client)
        assert (body["id"], body["engagement"], body["gone_before"]) == ("ann", False, None)
        assert body["expired_before"] == "2026-03-02T10:00:00.000000Z"
        assert [(one["outcome"], one["type"], one["definitions"]) for one in body["items"]] == [
            ("disabled", "deal.won", []),
            ("expired", "deal.won", []),
            ("dead", None, []),
            ("unmatched", "deal.created", ["large_deal"]),
            ("unmatched", "survey.answered", []),
        ]
        texts = [one["text"] for one in body["items"]]
        assert texts[0] == "the account's engagement module was off"
        assert "2026-03-02T10:00:00" in texts[1]
        assert texts[2].startswith("no valid event (data_invalid): data.amount")
        assert texts[3].startswith("no definition took it: large_deal names deal.created")
        assert texts[4] == "no definition names survey.answered"
        dead = body["items"][2]
        assert (dead["reason"], dead["id"]) == ("data_invalid", None)
        assert await api.number(DEAD_LETTER, dead["dead_letter"]) == letter
        assert {one["source"] for one in body["items"] if one["outcome"] != "dead"} == {"/crm"}
        await client.post("/dead-letters/discard", json={"ids": [dead["dead_letter"]]})
        assert (await _ignored(client))["items"][2]["dead_letter"] is None
    await connection.close()


async def test_an_id_that_was_never_seen_has_an_answer(api: Api, worker: Service, account: str) -> None:
    """Most of all of such an id it is asked why nothing happened: it is no contact, and its events are listed."""
    await happen(worker, account, "survey.answered", subject="crm/7")
    await flush_inbox(api, worker)
    async with api.as_(account) as client:
        body = await _ignored(client, "crm%2F7")
        assert (body["id"], [one["type"] for one in body["items"]]) == (None, ["survey.answered"])
        assert (await _ignored(client, "nobody"))["items"] == []


async def test_a_join_leads_to_the_survivor(api: Api, worker: Service, account: str) -> None:
    """By either id the events of both are listed, with the id by which each came; split, each has its own."""
    for contact in ("ann", "bob"):
        await happen(worker, account, "deal.won", "survey.answered", subject=contact)
    await flush_inbox(api, worker)
    async with api.as_(account) as client:
        join = (await client.post("/contacts/bob/joins", json={"into": "ann"})).json()
        await service.carry_out(api.dsn)
        for contact in ("ann", "bob"):
            body = await _ignored(client, contact)
            assert (body["id"], [one["came_by"] for one in body["items"]]) == ("ann", ["bob", None])
        await client.delete(f"/contacts/bob/joins/{join['id']}")
        await service.carry_out(api.dsn)
        for contact in ("ann", "bob"):
            body = await _ignored(client, contact)
            assert (body["id"], [one["came_by"] for one in body["items"]]) == (contact, [None])


async def test_an_export_has_them(api: Api, worker: Service, account: str) -> None:
    """They are part of what is kept of a person."""
    await happen(worker, account, "deal.won", "survey.answered", subject="bob")
    await flush_inbox(api, worker)
    async with api.as_(account) as client:
        lines = (await client.get("/contacts/bob/export")).text.splitlines()
    [ignored] = [one["ignored"] for one in map(json.loads, lines) if "ignored" in one]
    assert (ignored["outcome"], ignored["type"], ignored["came_by"]) == ("unmatched", "survey.answered", None)


async def test_what_a_deletion_took_is_not_listed(api: Api, worker: Service, account: str) -> None:
    """Events dated before it are gone, those in a worker's memory too; once the id is back its answer says so."""
    await happen(worker, account, "deal.won", "survey.answered")
    await flush_inbox(api, worker)
    await happen(worker, account, "survey.answered")
    async with api.as_(account) as client:
        deletion = (await client.delete("/contacts/ann")).json()
        await service.carry_out(api.dsn)
        await flush_inbox(api, worker)
        await happen(worker, account, "survey.answered")
        await flush_inbox(api, worker)
        assert (await _ignored(client))["items"] == []
        report = (await client.get(f"/deletions/{deletion['id']}")).json()
        assert report["taken"]["ignored_events"] == 1
        await worker.batch([record(account, "deal.won", at=datetime.now(UTC) + timedelta(minutes=1))])
        body = await _ignored(client)
        assert (body["id"], body["items"]) == ("ann", [])
        assert body["gone_before"] == report["requested_at"].replace("+00:00", "Z")
