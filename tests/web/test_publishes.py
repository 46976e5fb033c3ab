"""Publishing over HTTP: begun with what was seen, watched, cancelled before the flip, on record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from consumer.infra import postgres
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.scoring import profile_publish
from consumer.web.http.outward_ids import PUBLISH
from tests import vectors
from tests.pipeline import service
from tests.pipeline.vector_check import check_vector
from tests.web.account_events import happen
from tests.web.api_client import bearer, serving
from tests.web.sample_account import GROUPS, OPENED, WON, begin, draft, finish, publish, scored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from consumer.infra.postgres.connection import Connection
    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client


@pytest.fixture
async def account(worker: Service, new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account that has scores."""
    return await scored(worker, new_account)


@pytest.fixture
async def client(api: Api, account: str) -> AsyncIterator[Client]:
    """Give a client of that account."""
    async with api.as_(account) as client:
        yield client


async def test_a_publish_is_begun_watched_and_on_record(api: Api, account: str, client: Client) -> None:
    """It is accepted with where to see how far it is; one at a time; its beginning is an entry of the trail."""
    await draft(client, weights={"deal_won": 60})
    begun = await begin(client)
    assert begun.status_code == 202
    where = begun.headers["location"]
    assert where == f"/v1/accounts/{account}/profiles/lead_score/publishes/{begun.json()['id']}"
    seen = await api.client.get(where, headers=bearer(account))
    assert seen.json() == begun.json()
    body = {name: seen.json()[name] for name in ("version", "previous_version", "state", "requested_by")}
    assert body == {"version": 2, "previous_version": 1, "state": "building", "requested_by": "ann"}
    entry = (await client.get("/audit", params={"limit": 1})).json()["items"][0]
    assert [entry[name] for name in ("actor", "action", "subject", "key", "before", "after")] == [
        "ann",
        "publish_begun",
        "profile",
        "lead_score",
        None,
        {"version": 2},
    ]
    again = await begin(client)
    assert (again.status_code, "cancel it" in again.json()["detail"]) == (409, True)

    await finish(api, begun.json()["id"])
    done = (await api.client.get(where, headers=bearer(account))).json()
    assert (done["state"], done["done"], done["total"]) == ("done", 2, 2)
    assert done["requested_at"] < done["flipped_at"] < done["ended_at"]
    nothing = await begin(client)
    assert (nothing.status_code, nothing.json()["type"]) == (409, "urn:engagement:problem:conflict")


async def test_what_a_document_publishes_is_on_record_too(api: Api, account: str, client: Client) -> None:
    """`catalog apply` begins a publish in the same way, and its entry names who applied it."""
    profile = {"key": "lead_score", "published": True, "weights": {"deal_won": 60}}
    await service.apply_document(
        api.dsn, {"engagement_catalog": 1, "account": account, "profiles": [profile]}
    )
    entries = (await client.get("/audit", params={"limit": 2})).json()["items"]
    assert [(each["actor"], each["action"], each["after"]) for each in entries] == [
        ("catalog apply", "publish_begun", {"version": 2}),
        ("catalog apply", "changed", {"weights": {"deal_won": 60}}),
    ]


async def test_what_was_not_seen_is_not_published(client: Client) -> None:
    """A publish names the draft's revision: a draft changed since is not published."""
    seen = await client.get("/profiles/lead_score")
    await draft(client, weights={"deal_won": 60})
    refused = await client.post("/profiles/lead_score/publishes", headers={"if-match": seen.headers["etag"]})
    assert refused.status_code == 412
    assert (await client.post("/profiles/lead_score/publishes")).status_code == 428
    assert (await client.get("/profiles/lead_score/publishes")).json()["items"] == []


async def test_what_another_manager_changed_meanwhile_is_not_published(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """A preview gives the revision that it is about, and a publish of that is refused once a definition changed.

    Two managers tune at once: one has seen ann go from 63 to 64, and by the other's change it would be 15,052.
    """
    definitions = [{**WON, "default_points": 4}, {**OPENED, "default_points": 51}]
    account = await new_account(groups=GROUPS, definitions=definitions)
    await happen(worker, account, *["deal.won"] * 3, "email.opened")
    where = "/profiles/lead_score"
    async with api.as_(account) as ann, api.as_(account, actor="bob") as bob:
        await draft(ann, weights={"email_opened": 52})
        seen = await _preview(ann)
        assert (seen["movers"][0]["before"], seen["movers"][0]["after"]) == (63, 64)
        tag = {"if-match": f'"{seen["revision"]}"'}
        assert (await ann.get(where)).headers["etag"] == tag["if-match"]
        await bob.edit("/definitions/deal_won", {"default_points": 5000})

        for path, body in (
            (f"{where}/publishes", None),
            (f"{where}/preview", {}),
            (f"{where}/versions/1/restore", None),
        ):
            refused = await ann.post(path, json=body, headers=tag)
            assert refused.status_code == 412, path
            assert refused.json()["type"] == "urn:engagement:problem:stale"
        assert (await ann.patch(where, json={"name": "x"}, headers=tag)).status_code == 412
        assert (await ann.get(f"{where}/publishes")).json()["items"] == []

        again = await _preview(ann)
        assert (again["movers"][0]["before"], again["movers"][0]["after"]) == (63, 15_052)
        tag = {"if-match": f'"{again["revision"]}"'}
        assert (await ann.post(f"{where}/publishes", headers=tag)).status_code == 202


async def _preview(client: Client) -> dict[str, Any]:
    answer = await client.post("/profiles/lead_score/preview", json={})
    result: dict[str, Any] = json.loads(answer.text.splitlines()[-1])["preview"]
    return result


async def test_it_is_cancelled_until_readers_see_it(api: Api, client: Client) -> None:
    """Before the flip everything is left as it was; after it the answer says what to do instead."""
    await draft(client, weights={"deal_won": 60})
    number = (await begin(client)).json()["id"]
    cancelled = await client.post(f"/profiles/lead_score/publishes/{number}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelling")
    entry = (await client.get("/audit", params={"limit": 1})).json()["items"][0]
    assert (entry["action"], entry["key"], entry["before"]) == (
        "publish_cancelled",
        "lead_score",
        {"version": 2},
    )
    await finish(api, number)
    seen = (await client.get(f"/profiles/lead_score/publishes/{number}")).json()
    assert (seen["state"], seen["flipped_at"]) == ("cancelled", None)
    assert (await client.get("/profiles/lead_score")).json()["version"] == 1

    number = (await begin(client)).json()["id"]
    keeper = ConnectionKeeper(lambda: postgres.connect(api.dsn))
    async for status in profile_publish.run_publish(keeper, await api.number(PUBLISH, number)):
        if status.state == "announcing":
            break
    keeper.drop()
    late = await client.post(f"/profiles/lead_score/publishes/{number}/cancel")
    assert late.status_code == 409
    assert "restore version 1 and publish that" in late.json()["detail"]
    assert (await client.get("/audit", params={"limit": 1})).json()["items"][0]["action"] == "publish_begun"


async def test_publishes_are_listed_newest_first_and_of_one_profile(
    api: Api, client: Client, new_account: Callable[..., Awaitable[str]]
) -> None:
    """Page by page; those of another profile or account do not exist, whatever their number."""
    numbers = []
    for weight in (1, 2, 3):
        await draft(client, weights={"deal_won": weight})
        numbers.append(await publish(api, client))
    first = (await client.get("/profiles/lead_score/publishes", params={"limit": 2})).json()
    rest = await client.get("/profiles/lead_score/publishes", params={"cursor": first["next"]})
    assert [each["id"] for each in [*first["items"], *rest.json()["items"]]] == numbers[::-1]
    assert rest.json()["next"] is None
    await client.post("/profiles", json={"key": "second", "name": "Second"})
    assert (await client.get("/profiles/second/publishes")).json()["items"] == []
    assert (await client.get("/profiles/third/publishes")).status_code == 404
    async with api.as_(await new_account()) as other:
        for path, method in (
            (f"/profiles/lead_score/publishes/{numbers[0]}", "GET"),
            (f"/profiles/lead_score/publishes/{numbers[0]}/cancel", "POST"),
            ("/profiles/lead_score/publishes/999999", "GET"),
        ):
            assert (await other.request(method, path)).status_code == 404
    assert (await client.get(f"/profiles/second/publishes/{numbers[0]}")).status_code == 404


async def test_the_vector_of_publishing_holds_over_http(database: str, connection: Connection) -> None:
    """`publish-covers-history`, with every step that changes the configuration taken through the API."""
    [vector] = [each for each in vectors.load() if each.name == "publish-covers-history"]
    async with serving(database) as api, service.running(database) as worker:
        account = {"account": vector.account, "name": "Acme"}
        await api.client.post("/v1/accounts", json=account, headers=bearer("*"))
        async with api.as_(vector.account) as client:

            async def apply(document: dict[str, Any]) -> None:
                await _apply(api, client, document)

            await check_vector(vector, worker, connection, apply)


async def _apply(api: Api, client: Client, document: dict[str, Any]) -> None:
    """Do over HTTP what a document says, piece by piece."""
    for section in ("groups", "definitions", "profiles"):
        known = {each["key"] for each in (await client.get(f"/{section}")).json()["items"]}
        for entry in document.get(section, ()):
            body = {name: value for name, value in entry.items() if name not in {"primary", "published"}}
            if entry["key"] in known:
                made = await client.edit(f"/{section}/{body.pop('key')}", body)
            else:
                made = await client.post(f"/{section}", json=body)
            assert made.status_code in {200, 201}, made.text
            if entry.get("published") and made.json()["pending"]:
                await publish(api, client, entry["key"])
