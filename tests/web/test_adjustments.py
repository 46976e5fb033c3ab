"""Adjustments over HTTP: published, audited, safe to repeat, refused by field."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from consumer.infra import postgres
from tests.pipeline import service
from tests.web.account_events import happen
from tests.web.sample_account import GROUPS, WON

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api

PLUS = {"group": "mail", "points": 7, "reason": "met at the fair", "client_key": "fair-1"}


@pytest.fixture
async def account(worker: Service, new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account in which ann has 50 points."""
    key = await new_account(groups=GROUPS, definitions=[WON])
    await happen(worker, key, "deal.won")
    return key


async def test_an_adjustment_is_answered_published_and_audited(api: Api, account: str) -> None:
    """It changes the scores with one message of cause `adjustment`, and is in the list and in the audit trail."""
    async with api.as_(account, actor="mia") as client:
        answer = await client.post("/contacts/ann/adjustments", json=PLUS)
        assert answer.status_code == 201
        body = answer.json()
        assert body == {
            **PLUS,
            "profile": "lead_score",
            "author": "mia",
            "id": body["id"],
            "created_at": body["created_at"],
            "undoes": None,
            "undone_by": None,
        }
        [entry] = (await client.get("/audit", params={"limit": 1})).json()["items"]
    assert (entry["actor"], entry["action"], entry["subject"], entry["key"]) == (
        *("mia", "adjusted", "contact", "ann"),
    )
    assert entry["after"] == {**PLUS, "profile": "lead_score"}
    connection = await postgres.connect(api.dsn)
    messages, _ = await service.messages(connection)
    await connection.close()
    data = [each["data"] for each in messages if each["accountid"] == account][-1]
    assert (data["causes"], data["overall"]) == (["adjustment"], {"previous": 50, "current": 57})
    assert data["groups"]["mail"] == {"previous": 0, "current": 7}


async def test_sent_again_it_has_no_effect(api: Api, account: str) -> None:
    """The same under the same client key is 200 and the same answer, at once too; anything else there is 409."""
    async with api.as_(account) as client:
        both = await asyncio.gather(*(client.post("/contacts/ann/adjustments", json=PLUS) for _ in range(3)))
        assert sorted(answer.status_code for answer in both) == [200, 200, 201]
        assert len({answer.text for answer in both}) == 1
        for other in ({"points": 8}, {"group": "purchase"}, {"reason": "because"}):
            refused = await client.post("/contacts/ann/adjustments", json={**PLUS, **other})
            assert refused.status_code == 409
            assert "fair-1" in refused.json()["detail"]
        listed = (await client.get("/contacts/ann/adjustments")).json()
        assert listed["items"] == [both[0].json()]
        trail = (await client.get("/audit")).json()["items"]
        assert [entry["action"] for entry in trail].count("adjusted") == 1


async def test_adjustments_are_listed_page_by_page(api: Api, account: str) -> None:
    """The newest comes first, of whatever profile, each once."""
    async with api.as_(account) as client:
        for number in range(3):
            body = {**PLUS, "points": number - 5, "client_key": str(number), "profile": "lead_score"}
            await client.post("/contacts/ann/adjustments", json=body)
        first = (await client.get("/contacts/ann/adjustments", params={"limit": 2})).json()
        rest = (await client.get("/contacts/ann/adjustments", params={"cursor": first["next"]})).json()
        assert [item["points"] for item in [*first["items"], *rest["items"]]] == [-3, -4, -5]
        assert rest["next"] is None
        assert (await client.get("/contacts/nobody/adjustments")).status_code == 404


async def test_of_a_joined_contact_it_is_the_other_ones(api: Api, worker: Service, account: str) -> None:
    """Sent for an id that another contact has absorbed, and which may have slashes, it is found under both ids."""
    await happen(worker, account, "deal.won", subject="crm/1")
    connection = await postgres.connect(api.dsn)
    await connection.execute(
        "update contacts a set survivor_id = b.id from contacts b "
        "where a.external_id = 'crm/1' and b.external_id = 'ann' and a.account_id = b.account_id "
        "and a.account_id = (select id from accounts where key = $1)",
        account,
    )
    await connection.close()
    async with api.as_(account) as client:
        answer = await client.post("/contacts/crm%2F1/adjustments", json=PLUS)
        assert answer.status_code == 201
        for contact in ("ann", "crm%2F1"):
            listed = (await client.get(f"/contacts/{contact}/adjustments")).json()["items"]
            assert listed == [answer.json()]
        assert (await client.get("/contacts/ann")).json()["profiles"][0]["overall"] == 57


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["group", "points", "reason", "client_key"]),
        ({**PLUS, "points": 0}, ["points"]),
        ({**PLUS, "points": 1.5, "reason": ""}, ["points", "reason"]),
        ({**PLUS, "points": 1_000_001}, ["points"]),
        ({**PLUS, "group": "nothing", "profile": "nothing"}, ["profile", "group"]),
        ({**PLUS, "reason": "a\0b"}, ["reason"]),
    ],
    ids=str,
)
async def test_what_is_wrong_is_named_by_its_field(
    api: Api, account: str, body: dict[str, Any], fields: list[str]
) -> None:
    """What cannot be is 422 with each field; a contact who is not there is 404; nothing is adjusted."""
    async with api.as_(account) as client:
        refused = await client.post("/contacts/ann/adjustments", json=body)
        assert refused.status_code == 422
        assert [error["field"] for error in refused.json()["errors"]] == fields
        assert (await client.post("/contacts/nobody/adjustments", json=PLUS)).status_code == 404
        assert (await client.get("/contacts/ann/adjustments")).json()["items"] == []
