"""The inbox over HTTP: what no definition takes, and one call that makes it a definition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from consumer.infra import postgres
from tests.web.account_events import flush_inbox, happen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

GROUPS = [
    {"key": "purchase", "name": "Purchase", "icon": "cart"},
    {"key": "mail", "name": "Mail", "icon": "mail"},
]


async def _types(client: Client) -> list[str]:
    return [item["type"] for item in (await client.get("/inbox")).json()["items"]]


async def test_unknown_types_are_listed_the_most_frequent_first(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """Each type comes with its count, when it was first and last seen, and a sample; page by page."""
    account = await new_account(groups=GROUPS)
    await happen(
        worker, account, "one", "two", "two", "three", "three", "three", data='{"n": 1.50, "deep": {}}'
    )
    await flush_inbox(api, worker)
    async with api.as_(account) as client:
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
            page = (await client.get("/inbox", params=params)).json()
            found += page["items"]
            cursor = page["next"]
            if cursor is None:
                break
    assert [(item["type"], item["count"]) for item in found] == [("three", 3), ("two", 2), ("one", 1)]
    first = found[0]
    assert first["sample"]["type"] == "three"
    assert first["sample"]["data"] == {"n": 1.5, "deep": {}}
    assert first["first_seen_at"] <= first["last_seen_at"]
    assert first["definitions"] == []


async def test_a_type_becomes_a_definition_with_one_call(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """With defaults alone a definition is made that takes the type, which then leaves the inbox."""
    account = await new_account(groups=GROUPS)
    await happen(worker, account, "form.Sent-v2", "form.other")
    await flush_inbox(api, worker)
    async with api.as_(account) as client:
        created = await client.post("/inbox/definition", json={"type": "form.Sent-v2"})
        assert created.status_code == 201, created.text
        body = created.json()
        expected = {
            "key": "form_sent_v2",
            "name": "Form Sent v2",
            "group": "purchase",
            "icon": "bolt",
            "default_points": 0,
            "events": ["form.Sent-v2"],
            "active": True,
            "when": [],
            "dedup": {"policy": "always", "per": "contact"},
            "xp": 0,
        }
        assert {name: body[name] for name in expected} == expected
        assert created.headers["etag"].strip('"') == body["revision"]
        assert await _types(client) == ["form.other"]
        entry = (await client.get("/audit", params={"limit": 1})).json()["items"][0]
        assert (entry["action"], entry["key"]) == ("created", "form_sent_v2")
    assert await happen(worker, account, "form.Sent-v2") == ["applied"]


async def test_what_has_come_already_is_offered(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """The answer has a backfill to be sent as it is: of the type, from the topics, since it was first seen."""
    account = await new_account(groups=GROUPS)
    await happen(worker, account, "form.sent", "form.sent")
    await flush_inbox(api, worker)
    async with api.as_(account) as client:
        first_seen_at = (await client.get("/inbox")).json()["items"][0]["first_seen_at"]
        offered = (await client.post("/inbox/definition", json={"type": "form.sent"})).json()["backfill"]
        assert offered == {"from_topics": {"since": first_seen_at, "types": ["form.sent"]}}
        begun = await client.post("/backfills", json=offered)
        assert begun.status_code == 202, begun.text
        assert (begun.json()["since"], begun.json()["types"]) == (first_seen_at, ["form.sent"])


async def test_what_differs_from_the_defaults_is_given(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """Any field may be given; a type that is taken only in part stays, and says by which definition."""
    account = await new_account(groups=GROUPS)
    await happen(worker, account, "form.sent")
    await flush_inbox(api, worker)
    body = {
        "type": "form.sent",
        "key": "long_form",
        "group": "mail",
        "default_points": 5,
        "events": ["form.sent", "form.resent"],
        "when": [{"path": "length", "op": "gt", "value": 10}],
    }
    async with api.as_(account) as client:
        created = (await client.post("/inbox/definition", json=body)).json()
        assert {name: created[name] for name in body if name != "type"} == {
            name: value for name, value in body.items() if name != "type"
        }
        listed = (await client.get("/inbox")).json()["items"]
        assert [(item["type"], item["definitions"]) for item in listed] == [("form.sent", ["long_form"])]
        assert (await client.post("/inbox/definition", json=body)).status_code == 409
        again = await client.post("/inbox/definition", json={"type": "form.sent"})
        assert again.json()["key"] == "form_sent"
        assert await _types(client) == []
        third = await client.post("/inbox/definition", json={"type": "form.sent"})
        assert third.json()["key"] == "form_sent_2", "a key that is taken gets a number"


async def test_a_type_whose_sample_was_taken_away(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """It is listed with an empty sample and can become a definition; only trying its sample is refused."""
    account = await new_account(groups=GROUPS)
    await happen(worker, account, "form.sent")
    await flush_inbox(api, worker)
    connection = await postgres.connect(api.dsn)
    await connection.execute("update inbox set sample = '{}' where type = 'form.sent'")
    await connection.close()
    async with api.as_(account) as client:
        [item] = (await client.get("/inbox")).json()["items"]
        assert (item["type"], item["count"], item["sample"]) == ("form.sent", 1, {})
        refused = await client.post("/try", json={"inbox_type": "form.sent"})
        assert (refused.status_code, refused.json()["detail"]) == (
            409,
            "the inbox has no sample of form.sent until the next event of the type: send an event to try",
        )
        await happen(worker, account, "form.sent", data='{"length": 7}')
        await flush_inbox(api, worker)
        [item] = (await client.get("/inbox")).json()["items"]
        assert (item["count"], item["sample"]["data"]) == (2, {"length": 7})
        assert (await client.post("/try", json={"inbox_type": "form.sent"})).status_code == 200
        created = await client.post("/inbox/definition", json={"type": "form.sent"})
        assert created.status_code == 201, created.text


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"type": "never.seen"}, 404, None),
        ({}, 422, "type"),
        ({"type": "known", "events": ["other"]}, 422, "events"),
        ({"type": "known", "group": "nowhere"}, 422, "group"),
        ({"type": "known", "key": "Key"}, 422, "key"),
    ],
    ids=str,
)
async def test_what_cannot_become_a_definition(
    api: Api,
    worker: Service,
    new_account: Callable[..., Awaitable[str]],
    *,
    body: dict[str, Any],
    status: int,
    field: str | None,
) -> None:
    """A type that was not seen, or a field that cannot be, is refused, and no definition is made."""
    account = await new_account(groups=GROUPS)
    await happen(worker, account, "known")
    await flush_inbox(api, worker)
    async with api.as_(account) as client:
        response = await client.post("/inbox/definition", json=body)
        assert response.status_code == status, response.text
        assert [error["field"] for error in response.json().get("errors", [])] == ([field] if field else [])
        assert (await client.get("/definitions")).json()["items"] == []


async def test_an_account_without_groups_needs_one_first(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """A definition belongs to a group: without any the call is a conflict that says what to do."""
    account = await new_account()
    await happen(worker, account, "известие", "42", "contact.merged")
    await flush_inbox(api, worker)
    async with api.as_(account) as client:
        refused = await client.post("/inbox/definition", json={"type": "42"})
        assert (refused.status_code, refused.json()["detail"]) == (
            409,
            "the account has no group: create one first",
        )
        await client.post("/groups", json=GROUPS[0])
        made = await client.post("/inbox/definition", json={"type": "42"})
        assert (made.json()["key"], made.json()["name"]) == ("event_42", "42")
        made = await client.post("/inbox/definition", json={"type": "известие"})
        assert (made.json()["key"], made.json()["name"]) == ("event", "Известие")
