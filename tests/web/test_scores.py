"""Contacts that are named: one by one, by the hundred, by ids with slashes, and by ids that led to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from consumer.infra import postgres
from consumer.web.api.contacts.scores import LookupAnswer
from tests.web.account_events import happen, record
from tests.web.sample_account import WON

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api

GROUPS = [{"key": "purchase", "name": "Purchase", "icon": "cart"}]
NO_CHANGE = {"days_7": {"overall": 0, "groups": {}}, "days_30": {"overall": 0, "groups": {}}}
ODD = "crm/42?x=1&y#z ü/timeline/7"


@pytest.fixture
async def account(worker: Service, new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account of some contacts."""
    key = await new_account(
        groups=GROUPS,
        definitions=[WON],
        profiles=[
            {"key": "lead_score", "name": "Lead score", "primary": True},
            {"key": "second", "name": "Second", "weights": {"deal_won": 3}, "published": True},
            {"key": "draft", "name": "Draft", "published": False},
        ],
    )
    said = '{"name": "Ann", "owner": "rep1", "email": "ann@example.com", "tags": ["vip"], "url": null}'
    upserted = record(key, "contact.upserted", subject="ann", data=said)
    await worker.batch([upserted, *(record(key, "deal.won", subject=who) for who in ("ann", "bob", ODD))])
    return key


async def test_one_contact(api: Api, account: str) -> None:
    """A contact has what its events said of it, and its scores under every published profile."""
    async with api.as_(account) as client:
        body = (await client.get("/contacts/ann")).json()
        assert body == {
            "id": "ann",
            "first_seen_at": body["first_seen_at"],
            "last_event_at": body["last_event_at"],
            "name": "Ann",
            "owner": "rep1",
            "email": "ann@example.com",
            "phone": None,
            "url": None,
            "tags": ["vip"],
            "profiles": [
                {
                    "profile": key,
                    "name": name,
                    "primary": primary,
                    "version": 1,
                    "overall": points,
                    "band": None,
                    "groups": {"purchase": points},
                    "group_bands": {},
                    "apart": [],
                    "change": NO_CHANGE,
                }
                for key, name, primary, points in (
                    ("lead_score", "Lead score", True, 50),
                    ("second", "Second", False, 3),
                )
            ],
        }
        assert (await client.get("/contacts/never")).status_code == 404


@pytest.mark.parametrize(
    "below", ["", "/timeline", "/timeline.csv", "/score", "/score/explanation", "/score/history"]
)
async def test_ids_of_any_kind(api: Api, account: str, below: str) -> None:
    """An id with slashes and whatever else is encoded in the path; one never seen is not found, in any route."""
    async with api.as_(account) as client:
        response = await client.get(f"/contacts/{quote(ODD, safe='')}{below}")
        assert response.status_code == 200, response.text
        assert "50" in response.text
        assert (await client.get(f"/contacts/never{below}")).status_code == 404


async def test_scores_are_looked_up_in_the_order_asked(api: Api, account: str) -> None:
    """Each id gets its answer in its place, repeated ones too; unknown ids are listed."""
    asked = ["bob", "never", "ann", "bob"]
    async with api.as_(account) as client:
        body = (await client.post("/scores/lookup", json={"contacts": asked})).json()
        assert [item["asked"] for item in body["items"]] == asked
        assert [item["contact"] and item["contact"]["overall"] for item in body["items"]] == [
            50,
            None,
            50,
            50,
        ]
        assert body["unknown"] == ["never"]
        # It is made without the model that documents it.
        assert LookupAnswer.model_validate(body).model_dump(mode="json") == body
        assert body["items"][2]["contact"] == {
            "id": "ann",
            "name": "Ann",
            "owner": "rep1",
            "overall": 50,
            "band": None,
            "groups": {"purchase": 50},
            "group_bands": {},
            "change": None,
        }
        second = await client.post("/scores/lookup", json={"contacts": ["ann"], "profile": "second"})
        assert second.json()["items"][0]["contact"]["overall"] == 3


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"contacts": []}, 422, "contacts"),
        ({"contacts": ["x"] * 201}, 422, "contacts"),
        ({"contacts": ["nul\0"]}, 422, "contacts.0"),
        ({"contacts": ["x", ""]}, 422, "contacts.1"),
        ({"contacts": ["x"], "profile": "nope"}, 422, "profile"),
        ({"contacts": ["x"], "profile": "draft"}, 409, None),
    ],
    ids=["none", "too many", "NUL", "empty", "profile", "draft"],
)
async def test_wrong_lookups(
    api: Api, account: str, body: dict[str, Any], status: int, field: str | None
) -> None:
    """What cannot be looked up is refused by its field."""
    async with api.as_(account) as client:
        response = await client.post("/scores/lookup", json=body)
    assert response.status_code == status, response.text
    assert [error["field"] for error in response.json().get("errors", [])] == ([field] if field else [])


async def test_an_absorbed_id_leads_to_the_survivor(api: Api, worker: Service, account: str) -> None:
    """An id that was joined with another answers with the other, and says so by its id."""
    await happen(worker, account, "contact.upserted", subject="anonymous")
    connection = await postgres.connect(api.dsn)
    await connection.execute(
        """update contacts a set survivor_id = s.id from contacts s, accounts
           where accounts.id = a.account_id and s.account_id = a.account_id
               and accounts.key = $1 and a.external_id = 'anonymous' and s.external_id = 'ann'""",
        account,
    )
    await connection.close()
    async with api.as_(account) as client:
        assert (await client.get("/contacts/anonymous")).json()["id"] == "ann"
        assert (await client.get("/contacts/anonymous/timeline")).json()["id"] == "ann"
        body = (await client.post("/scores/lookup", json={"contacts": ["anonymous", "ann"]})).json()
    assert [item["contact"]["id"] for item in body["items"]] == ["ann", "ann"]
    assert body["unknown"] == []
