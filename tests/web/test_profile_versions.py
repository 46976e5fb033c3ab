"""Versions over HTTP: listed with who and when, read, compared with each other and the draft, gone back to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web.sample_account import draft, publish, scored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client


@pytest.fixture
async def client(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> AsyncIterator[Client]:
    """Give a client of an account whose profile was published twice, the second time with other weights."""
    async with api.as_(await scored(worker, new_account)) as client:
        await draft(client, weights={"deal_won": 60, "later": 5})
        await publish(api, client)
        yield client


async def test_versions_are_listed_and_read(client: Client) -> None:
    """Newest first, each with who and when; one of them with its weights and groups."""
    first = (await client.get("/profiles/lead_score/versions", params={"limit": 1})).json()
    rest = await client.get("/profiles/lead_score/versions", params={"cursor": first["next"]})
    listed = [*first["items"], *rest.json()["items"]]
    assert [(each["number"], each["state"], each["by"]) for each in listed] == [
        (2, "published", "ann"),
        (1, "retired", "catalog apply"),
    ]
    assert listed[0]["at"] > listed[1]["at"]
    read = (await client.get("/profiles/lead_score/versions/2")).json()
    assert read == {
        **listed[0],
        "weights": {"deal_won": 60, "later": 5},
        "definitions": [
            {"definition": "deal_won", "points": 60, "group": "purchase"},
            {"definition": "email_opened", "points": 1, "group": "mail"},
        ],
        "overall": {"floor": None, "cap": None, "bands": []},
        "groups": {},
    }
    for path in ("lead_score/versions/3", "nothing/versions/1", "nothing/versions"):
        assert (await client.get(f"/profiles/{path}")).status_code == 404
    assert (await client.get("/profiles/lead_score/versions/0")).status_code == 422


async def test_two_versions_are_compared_and_one_with_the_draft(client: Client) -> None:
    """Own weights, what they come to, and groups; without `after` it is against what publishing now would make."""
    path = "/profiles/lead_score/difference"
    compared = (await client.get(path, params={"before": 1, "after": 2})).json()
    assert compared == {
        "before": 1,
        "after": 2,
        "differences": [
            {"field": "weight", "definition": "deal_won", "group": None, "before": None, "after": 60},
            {"field": "weight", "definition": "later", "group": None, "before": None, "after": 5},
            {"field": "points", "definition": "deal_won", "group": None, "before": 50, "after": 60},
        ],
    }
    assert (await client.get(path, params={"before": 2})).json()["differences"] == []
    await client.edit("/definitions/email_opened", {"group": "purchase"})
    await draft(client, inherits=False)
    assert (await client.get(path, params={"before": 2})).json()["differences"] == [
        {"field": "inherits", "definition": None, "group": None, "before": True, "after": False},
        {"field": "points", "definition": "email_opened", "group": None, "before": 1, "after": 0},
        {
            "field": "group",
            "definition": "email_opened",
            "group": None,
            "before": "mail",
            "after": "purchase",
        },
    ]
    assert (await client.get(path, params={"before": 9})).status_code == 404
    assert (await client.get(path)).json()["errors"][0]["field"] == "before"


async def test_an_old_version_becomes_the_draft_and_is_published(api: Api, client: Client) -> None:
    """A restored version gives its points again, whatever the catalog has since; `moved` names other groups."""
    await client.edit("/definitions/email_opened", {"default_points": 9, "group": "purchase"})
    seen = await client.get("/profiles/lead_score")
    path = "/profiles/lead_score/versions/1/restore"
    assert (await client.post(path)).status_code == 428
    assert (await client.post(path, headers={"if-match": '"0000"'})).status_code == 412
    restored = await client.post(path, headers={"if-match": seen.headers["etag"]})
    assert restored.status_code == 200
    assert restored.headers["etag"] != seen.headers["etag"]
    body = restored.json()
    assert (body["weights"], body["moved"]) == ({"email_opened": 1}, ["email_opened"])
    assert (body["version"], body["pending"]) == (2, True)
    entry = (await client.get("/audit", params={"limit": 1})).json()["items"][0]
    assert (entry["actor"], entry["action"], entry["after"]) == (
        "ann",
        "changed",
        {"weights": {"email_opened": 1}},
    )
    await publish(api, client)
    gives = (await client.get("/profiles/lead_score/versions/3")).json()["definitions"]
    assert [each["points"] for each in gives] == [50, 1]
