"""Profiles over HTTP: drafts that wait for a publish, their order, the primary one, and which may go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from consumer.infra import postgres
from consumer.scoring import adjustments
from consumer.scoring.adjustments import Adjustment
from tests.web.sample_account import GROUPS, WON, begin, draft, finish, publish, scored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

SECOND = {"key": "second", "name": "Second"}


@pytest.fixture
async def client(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> AsyncIterator[Client]:
    """Give a client of an account that has scores."""
    async with api.as_(await scored(worker, new_account)) as client:
        yield client


async def test_a_profile_is_created_as_a_draft(client: Client) -> None:
    """It inherits, or starts from nothing; readers see nothing of it; weights may name what is still to come."""
    created = await client.post("/profiles", json=SECOND)
    assert created.status_code == 201, created.text
    assert created.json() == (await client.get("/profiles/second")).json()
    made = created.json()
    assert made.pop("definitions")[0] == {
        "definition": "deal_won",
        "name": "Deal won",
        "own": None,
        "draft": {"points": 50, "group": "purchase"},
        "live": None,
        "pending": True,
    }
    assert made == {
        **SECOND,
        "description": "",
        "primary": False,
        "inherits": True,
        "weights": {},
        "overall": {"floor": None, "cap": None, "bands": []},
        "groups": {},
        "version": None,
        "building": None,
        "publish_runs": False,
        "pending": True,
        "archived": False,
        "revision": created.headers["etag"].strip('"'),
    }
    nothing = {"key": "third", "name": "Third", "inherits": False, "weights": {"deal_won": -3, "later": 7}}
    counts = (await client.post("/profiles", json=nothing)).json()
    assert counts["weights"] == {"deal_won": -3, "later": 7}
    assert [(each["own"], each["draft"]["points"]) for each in counts["definitions"]] == [(-3, -3), (None, 0)]
    listed = (await client.get("/profiles")).json()["items"]
    assert [each["key"] for each in listed] == ["lead_score", "second", "third"]
    assert listed[1] == made
    assert (await client.post("/profiles", json=SECOND)).status_code == 409
    assert (await client.get("/profiles/nothing")).status_code == 404


async def test_an_edit_of_a_published_profile_waits(api: Api, client: Client) -> None:
    """A changed draft is shown beside what counts, as pending, until it is published; names hold at once."""
    seen = (await client.get("/profiles/lead_score")).json()
    assert (seen["version"], seen["pending"]) == (1, False)
    changed = await draft(client, name="Leads", weights={"deal_won": 60})
    assert (changed["name"], changed["version"], changed["pending"]) == ("Leads", 1, True)
    assert changed["definitions"] == [
        {
            "definition": "deal_won",
            "name": "Deal won",
            "own": 60,
            "draft": {"points": 60, "group": "purchase"},
            "live": {"points": 50, "group": "purchase"},
            "pending": True,
        },
        seen["definitions"][1],
    ]
    await publish(api, client)
    published = (await client.get("/profiles/lead_score")).json()
    assert (published["version"], published["pending"]) == (2, False)
    assert published["revision"] != changed["revision"], "readers see something else"
    assert published["definitions"][0]["live"] == {"points": 60, "group": "purchase"}


async def test_what_the_catalog_changes_waits_in_the_profile_too(api: Api, client: Client) -> None:
    """Changed points, a move and a deleted group wait in profile and catalog; a publish ends that for all."""
    moved = await client.edit("/definitions/deal_won", {"default_points": 70, "group": "mail"})
    assert len(moved.json()["pending"]) == 2
    assert (await client.edit("/groups/purchase", {}, method="DELETE")).status_code == 204
    profile = (await client.get("/profiles/lead_score")).json()
    assert profile["pending"] is True
    assert {name: profile["definitions"][0][name] for name in ("draft", "live", "pending")} == {
        "draft": {"points": 70, "group": "mail"},
        "live": {"points": 50, "group": "purchase"},
        "pending": True,
    }
    assert (await begin(client)).status_code == 202
    running = (await client.get("/profiles/lead_score")).json()
    assert (running["building"], running["publish_runs"], running["pending"]) == (2, True, False)
    assert running["definitions"][0]["live"] == {"points": 50, "group": "purchase"}, "until the flip"
    number = (await client.get("/profiles/lead_score/publishes")).json()["items"][0]["id"]
    assert (await client.post(f"/profiles/lead_score/publishes/{number}/cancel")).status_code == 200
    assert (await client.get("/profiles/lead_score")).json()["pending"] is True
    await finish(api, number)
    await publish(api, client)
    assert (await client.get("/definitions/deal_won")).json()["pending"] == []
    assert [each["key"] for each in (await client.get("/groups")).json()["items"]] == ["mail"]


async def test_drafts_are_changed_by_revision_and_faults_named_by_field(client: Client) -> None:
    """Without the current revision nothing changes; wrong fields are named; a change is one entry of the trail."""
    assert (await client.patch("/profiles/lead_score", json={"name": "x"})).status_code == 428
    stale = {"if-match": '"0000"'}
    assert (await client.patch("/profiles/lead_score", json={"name": "x"}, headers=stale)).status_code == 412
    for body, field in (
        ({"weights": {"deal_won": 1_000_001}}, "weights.deal_won"),
        ({"weights": {"Deal": 1}}, "weights.Deal"),
        ({"name": "a\tb"}, "name"),
        ({"primary": True}, "primary"),
    ):
        refused = await client.edit("/profiles/lead_score", body)
        assert refused.status_code == 422, body
        assert refused.json()["errors"][0]["field"].startswith(field)
    await draft(client, weights={"deal_won": 60})
    entry = (await client.get("/audit", params={"limit": 1})).json()["items"][0]
    assert (entry["action"], entry["subject"], entry["key"]) == ("changed", "profile", "lead_score")
    assert (entry["before"], entry["after"]) == ({"weights": {}}, {"weights": {"deal_won": 60}})


async def test_only_a_profile_that_was_never_published_is_deleted(api: Api, client: Client) -> None:
    """One that readers saw stays; a draft goes, with publishes that were cancelled, unless scores were adjusted."""
    await client.post("/profiles", json={"key": "published", "name": "Published"})
    await publish(api, client, "published")
    for profile, why in (("lead_score", "primary"), ("published", "was published")):
        refused = await client.edit(f"/profiles/{profile}", {}, method="DELETE")
        assert (refused.status_code, why in refused.json()["detail"]) == (409, True)
    await client.post("/profiles", json={**SECOND, "weights": {"deal_won": 1}})
    number = (await begin(client, "second")).json()["id"]
    assert (await client.edit("/profiles/second", {}, method="DELETE")).status_code == 409
    await client.post(f"/profiles/second/publishes/{number}/cancel")
    assert (await client.edit("/profiles/second", {}, method="DELETE")).status_code == 409
    await finish(api, number)
    assert (await client.delete("/profiles/second")).status_code == 428
    assert (await client.edit("/profiles/second", {}, method="DELETE")).status_code == 204
    assert (await client.get("/profiles/second")).status_code == 404
    entry = (await client.get("/audit", params={"limit": 1})).json()["items"][0]
    assert (entry["action"], entry["key"]) == ("deleted", "second")

    await client.post("/profiles", json=SECOND)
    await _adjust(api, str(client.base_url).split("/")[-2])
    adjusted = await client.edit("/profiles/second", {}, method="DELETE")
    assert (adjusted.status_code, "score adjustments" in adjusted.json()["detail"]) == (409, True)


async def _adjust(api: Api, account: str) -> None:
    connection = await postgres.connect(api.dsn)
    words = {"reason": "because", "author": "mia", "client_key": "1"}
    about: dict[str, Any] = {"account": account, "contact": "ann", "profile": "second", "group": "mail"}
    await adjustments.add(connection, Adjustment(points=5, **about, **words))
    await connection.close()


async def test_the_order_is_changed_as_a_whole(client: Client) -> None:
    """A new order names every profile once, and the order that it replaces."""
    await client.post("/profiles", json=SECOND)
    wanted = ["second", "lead_score"]
    assert (await client.put("/profile-order", json={"keys": wanted})).status_code == 428
    refused = await client.edit("/profile-order", {"keys": ["second"]}, method="PUT")
    assert refused.json()["errors"][0]["field"] == "keys"
    assert (await client.edit("/profile-order", {"keys": wanted}, method="PUT")).json() == {"keys": wanted}
    assert [each["key"] for each in (await client.get("/profiles")).json()["items"]] == wanted


async def test_the_primary_profile_is_always_a_published_one(api: Api, client: Client) -> None:
    """A draft cannot become primary where events have counted; once published it can, and the other is no more."""
    await client.post("/profiles", json=SECOND)
    assert (await client.put("/primary-profile", json={"profile": "second"})).status_code == 428
    refused = await client.edit("/primary-profile", {"profile": "second"}, method="PUT")
    assert (refused.status_code, "publish it first" in refused.json()["detail"]) == (409, True)
    assert (await client.edit("/primary-profile", {"profile": "x"}, method="PUT")).status_code == 404
    await publish(api, client, "second")
    assert (await client.edit("/primary-profile", {"profile": "second"}, method="PUT")).status_code == 200
    assert (await client.get("/primary-profile")).json() == {"profile": "second"}
    listed = (await client.get("/profiles")).json()["items"]
    assert [(each["key"], each["primary"]) for each in listed] == [("lead_score", False), ("second", True)]


async def test_where_nothing_has_counted_a_draft_becomes_primary_at_once(
    api: Api, new_account: Callable[..., Awaitable[str]]
) -> None:
    """It is published by that, which changes no score."""
    async with api.as_(await new_account(groups=GROUPS, definitions=[WON])) as client:
        await client.post("/profiles", json=SECOND)
        assert (await client.edit("/primary-profile", {"profile": "second"}, method="PUT")).status_code == 200
        assert (await client.get("/profiles/second")).json()["version"] == 1


async def test_bounds_and_bands_are_part_of_the_draft(client: Client) -> None:
    """They are changed as a whole, make another revision, and come back as they may be sent again."""
    read = await client.get("/profiles/lead_score")
    if_match = {"If-Match": read.headers["etag"]}
    bands = [{"key": "cold"}, {"key": "hot", "min": 50}]
    change = {"overall": {"cap": 100, "bands": bands}, "groups": {"mail": {"apart": True}, "purchase": {}}}
    changed = await client.patch("/profiles/lead_score", json=change, headers=if_match)
    assert changed.status_code == 200, changed.text
    assert changed.headers["etag"] != read.headers["etag"]
    answer = changed.json()
    assert answer["pending"]
    overall = {"floor": None, "cap": 100, "bands": [{"key": "cold", "min": None}, bands[1]]}
    assert answer["overall"] == overall
    assert answer["groups"] == {"mail": {"floor": None, "cap": None, "bands": [], "apart": True}}
    again = {name: answer[name] for name in ("overall", "groups")}
    if_match = {"If-Match": changed.headers["etag"]}
    same = await client.patch("/profiles/lead_score", json=again, headers=if_match)
    assert same.headers["etag"] == changed.headers["etag"]
    missing = {"groups": {"fit": {"apart": True}}}
    refused = await client.patch("/profiles/lead_score", json=missing, headers=if_match)
    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {"place": "body", "field": "groups.fit", "detail": "groups: there is no group fit"}
    ]


async def test_a_group_that_a_draft_names_stays(client: Client) -> None:
    """Deleting it is refused as long as a draft has bounds or bands of it (5.34)."""
    created = await client.post("/groups", json={"key": "fit", "name": "Fit", "icon": "cart"})
    if_match = {"If-Match": created.headers["etag"]}
    draft = {**SECOND, "groups": {"fit": {"apart": True}}}
    assert (await client.post("/profiles", json=draft)).status_code == 201
    refused = await client.delete("/groups/fit", headers=if_match)
    assert (refused.status_code, "second" in refused.json()["detail"]) == (409, True)
    revision = (await client.get("/profiles/second")).headers["etag"]
    cleared = await client.patch("/profiles/second", json={"groups": {}}, headers={"If-Match": revision})
    assert cleared.status_code == 200
    assert (await client.delete("/groups/fit", headers=if_match)).status_code == 204
