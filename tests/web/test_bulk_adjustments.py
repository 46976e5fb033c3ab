"""Many adjustments by one request, and the undoing of one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from consumer.infra import postgres
from consumer.scoring.verify import verify
from tests.pipeline import service
from tests.web.account_events import happen
from tests.web.sample_account import GROUPS, WON

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

PLUS = {"group": "mail", "points": 7, "reason": "met at the fair", "client_key": "fair-1"}


@pytest.fixture
async def account(worker: Service, new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account in which ann and bob have 50 points each."""
    key = await new_account(groups=GROUPS, definitions=[WON])
    await happen(worker, key, "deal.won")
    await happen(worker, key, "deal.won", subject="bob")
    return key


async def _overall(client: Client) -> dict[str, int]:
    return {item["id"]: item["overall"] for item in (await client.get("/contacts")).json()["items"]}


async def _messages(api: Api, account: str) -> list[dict[str, Any]]:
    connection = await postgres.connect(api.dsn)
    messages, _ = await service.messages(connection)
    await connection.close()
    return [one for one in messages if one["accountid"] == account]


async def test_each_is_answered_by_itself(api: Api, account: str) -> None:
    """Created, repeated or refused, in the order of the request; one that is refused harms no other."""
    async with api.as_(account, actor="mia") as client:
        await client.post("/contacts/bob/adjustments", json=PLUS)
        items = [
            {**PLUS, "contact": "ann"},
            {**PLUS, "contact": "nobody"},
            {**PLUS, "contact": "bob"},
            {**PLUS, "contact": "bob", "points": 8},
            {**PLUS, "contact": "ann", "group": "nothing", "client_key": "2"},
            {**PLUS, "contact": "ann", "points": -3, "client_key": "3"},
            {**PLUS, "contact": "ann"},
        ]
        answer = await client.post("/adjustments", json={"items": items})
        assert answer.status_code == 200
        body = answer.json()
        outcomes = [one["outcome"] for one in body["items"]]
        assert outcomes == ["created", "refused", "repeated", "refused", "refused", "created", "repeated"]
        assert (body["created"], body["repeated"], body["refused"]) == (2, 2, 3)
        assert [one["contact"] for one in body["items"]] == [one["contact"] for one in items]
        refusals = [one["detail"] for one in body["items"] if one["outcome"] == "refused"]
        assert [word in text for word, text in zip(("contact", "client key", "group"), refusals, strict=True)]
        assert all(one["detail"] is None for one in body["items"] if one["outcome"] != "refused")
        assert body["items"][0]["adjustment"]["author"] == "mia"
        assert body["items"][6]["adjustment"] == body["items"][0]["adjustment"]
        assert await _overall(client) == {"bob": 57, "ann": 54}
        again = (await client.post("/adjustments", json={"items": items})).json()
        assert [one["adjustment"] for one in again["items"]] == [one["adjustment"] for one in body["items"]]
        assert (again["created"], again["repeated"]) == (0, 4)
        trail = (await client.get("/audit")).json()["items"]
        assert [entry["action"] for entry in trail].count("adjusted") == 3
    assert (await verify(api.dsn, account=account)).differences == []


async def test_of_one_commit_a_contact_has_one_message(api: Api, account: str) -> None:
    """Several adjustments of a contact change its score once (6.3)."""
    async with api.as_(account) as client:
        items = [{**PLUS, "contact": "ann", "client_key": str(number)} for number in range(5)]
        await client.post("/adjustments", json={"items": items})
    [message] = [one for one in await _messages(api, account) if one["data"]["causes"] == ["adjustment"]]
    assert message["data"]["overall"] == {"previous": 50, "current": 85}


async def test_a_thousand_sent_twice_at_once_count_once(api: Api, account: str) -> None:
    """Two requests with the same keys give each point once, whichever takes which of them."""
    items = [
        {**PLUS, "contact": ("ann", "bob")[number % 2], "points": 1, "client_key": str(number)}
        for number in range(1000)
    ]
    async with api.as_(account) as client:
        both = await asyncio.gather(*(client.post("/adjustments", json={"items": items}) for _ in range(2)))
        assert [answer.status_code for answer in both] == [200, 200]
        assert sum(answer.json()["created"] for answer in both) == 1000
        assert sum(answer.json()["repeated"] for answer in both) == 1000
        assert await _overall(client) == {"ann": 550, "bob": 550}
    assert (await verify(api.dsn, account=account)).differences == []


@pytest.mark.parametrize(
    ("items", "field"),
    [
        ([], "items"),
        ([{**PLUS, "contact": "ann"}] * 1001, "items"),
        ([{**PLUS, "contact": "ann"}, {**PLUS, "contact": "ann", "points": 0}], "items.1.points"),
        ([PLUS], "items.0.contact"),
    ],
    ids=["none", "too many", "no points", "no contact"],
)
async def test_what_has_no_form_is_refused_as_a_whole(
    api: Api, account: str, items: list[dict[str, Any]], field: str
) -> None:
    """A request with an item that cannot be one is 422 by its field, and nothing is adjusted."""
    async with api.as_(account) as client:
        refused = await client.post("/adjustments", json={"items": items})
        assert refused.status_code == 422
        assert [error["field"] for error in refused.json()["errors"]] == [field]
        assert await _overall(client) == {"ann": 50, "bob": 50}


async def test_an_adjustment_is_undone_once(api: Api, account: str) -> None:
    """The opposite points with a reference, published and audited; again, at once too, the same answer."""
    async with api.as_(account) as client:
        done = (await client.post("/contacts/ann/adjustments", json=PLUS)).json()
        path = f"/contacts/ann/adjustments/{done['id']}/undo"
        answers = await asyncio.gather(*(client.post(path, json={"reason": "a mistake"}) for _ in range(3)))
        assert sorted(answer.status_code for answer in answers) == [200, 200, 201]
        assert len({answer.text for answer in answers}) == 1
        undone = answers[0].json()
        assert (undone["undoes"], undone["points"], undone["reason"]) == (done["id"], -7, "a mistake")
        assert (undone["group"], undone["profile"]) == ("mail", "lead_score")
        listed = (await client.get("/contacts/ann/adjustments")).json()["items"]
        assert [one["undone_by"] for one in listed] == [None, undone["id"]]
        assert await _overall(client) == {"ann": 50, "bob": 50}
        [entry, *_] = (await client.get("/audit")).json()["items"]
        assert (entry["key"], entry["after"]["undoes"], entry["after"]["points"]) == ("ann", done["id"], -7)
    changes = [one["data"]["overall"] for one in await _messages(api, account) if one["subject"] == "ann"]
    assert changes[-1] == {"previous": 57, "current": 50}
    assert (await verify(api.dsn, account=account)).differences == []


async def test_what_cannot_be_undone(api: Api, account: str) -> None:
    """Another contact's adjustment or none is 404, and an undoing is not undone."""
    async with api.as_(account) as client:
        done = (await client.post("/contacts/ann/adjustments", json=PLUS)).json()
        assert (await client.post(f"/contacts/bob/adjustments/{done['id']}/undo")).status_code == 404
        assert (await client.post("/contacts/ann/adjustments/999999/undo")).status_code == 404
        assert (await client.post("/contacts/nobody/adjustments/1/undo")).status_code == 404
        undone = await client.post(f"/contacts/ann/adjustments/{done['id']}/undo")
        assert (undone.status_code, undone.json()["reason"]) == (201, "undone")
        refused = await client.post(f"/contacts/ann/adjustments/{undone.json()['id']}/undo")
        assert refused.status_code == 409


async def test_an_undoing_goes_with_its_adjustment(api: Api, account: str) -> None:
    """Undone while two contacts are one, both rows belong to the id by which the points came: after a split too."""
    async with api.as_(account) as client:
        done = (await client.post("/contacts/bob/adjustments", json=PLUS)).json()
        join = (await client.post("/contacts/bob/joins", json={"into": "ann"})).json()
        await service.carry_out(api.dsn)
        assert (await client.post(f"/contacts/ann/adjustments/{done['id']}/undo")).status_code == 201
        assert await _overall(client) == {"ann": 100}
        await client.delete(f"/contacts/bob/joins/{join['id']}")
        await service.carry_out(api.dsn)
        assert await _overall(client) == {"ann": 50, "bob": 50}
        assert len((await client.get("/contacts/bob/adjustments")).json()["items"]) == 2
    assert (await verify(api.dsn, account=account)).differences == []
