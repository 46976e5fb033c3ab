"""Accounts over HTTP: created, read and changed, each by who may, and never by two at once unseen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.pipeline.service import apply_document
from tests.web.account_events import happen
from tests.web.api_client import bearer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.infra.postgres.connection import Connection
    from tests.pipeline.service import Service
    from tests.web.api_client import Api


async def test_an_account_is_created_once(api: Api) -> None:
    """Created with what differs from the defaults, an account is there to be read; a second time is a conflict."""
    headers = bearer("*", actor="root")
    body = {
        "account": "born",
        "name": "Born Inc.",
        "sales": True,
        "retention": None,
        "time_zone": "Europe/Paris",
    }
    response = await api.client.post("/v1/accounts", json=body, headers=headers)
    assert response.status_code == 201
    expected = {**body, "engagement": True, "count_robots": False}
    created = response.json()
    assert created.pop("revision") == response.headers["etag"].strip('"')
    assert created == expected
    again = await api.client.post("/v1/accounts", json=body, headers=headers)
    assert again.status_code == 409
    assert again.json()["detail"] == "account born already exists"
    async with api.as_("born", actor="ann") as client:
        read = await client.get("")
        assert read.json() == response.json()
        trail = (await client.get("/audit")).json()["items"]
    assert [(entry["actor"], entry["action"], entry["subject"], entry["key"]) for entry in trail] == [
        ("root", "created", "profile", "lead_score"),
        ("root", "created", "account", None),
    ]


async def test_a_token_of_one_account_creates_and_lists_only_that(api: Api) -> None:
    """Operating one account a token cannot create another (403), and of the list sees its own alone."""
    for account in ("mine", "other"):
        response = await api.client.post(
            "/v1/accounts", json={"account": account, "name": "x"}, headers=bearer("mine")
        )
        assert response.status_code == (201 if account == "mine" else 403)
    listed = await api.client.get("/v1/accounts", headers=bearer("mine"))
    assert [item["account"] for item in listed.json()["items"]] == ["mine"]


async def test_accounts_are_listed_page_by_page(api: Api) -> None:
    """All accounts come by key, none twice and none left out, whatever the size of pages."""
    headers = bearer("*")
    for number in range(3):
        body = {"account": f"page{number}", "name": "x"}
        await api.client.post("/v1/accounts", json=body, headers=headers)
    found, cursor = [], None
    while True:
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await api.client.get("/v1/accounts", params=params, headers=headers)).json()
        found += [item["account"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == sorted(set(found))
    assert {"page0", "page1", "page2"} <= set(found)


async def test_a_change_names_the_revision_that_it_changes(
    api: Api, new_account: Callable[..., Awaitable[str]]
) -> None:
    """Without If-Match it is 428, with an outdated revision 412; nothing is changed then."""
    key = await new_account()
    async with api.as_(key) as client:
        seen = (await client.get("")).headers["etag"]
        for headers in ({}, {"if-match": "*"}, {"if-match": ""}):
            missing = await client.patch("", json={"name": "A"}, headers=headers)
            assert missing.status_code == 428
        changed = await client.patch("", json={"name": "B", "retention": None}, headers={"if-match": seen})
        assert changed.status_code == 200
        stale = await client.patch("", json={"name": "C"}, headers={"if-match": seen})
        assert stale.status_code == 412
        assert changed.headers["etag"] in stale.json()["detail"]
        weak = await client.patch(
            "", json={"sales": True}, headers={"if-match": f"W/{changed.headers['etag']}"}
        )
        assert weak.json()["name"] == "B"
        assert weak.json()["sales"] is True
        trail = (await client.get("/audit", params={"limit": 2})).json()["items"]
    assert [(entry["before"], entry["after"]) for entry in trail] == [
        ({"sales": False}, {"sales": True}),
        ({"name": key}, {"name": "B"}),
    ]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"name": "", "sales": 1}, {"name", "sales"}),
        ({"name": None}, {"name"}),
        ({"time_zone": "Europe/Nowhere", "retention": "0d"}, {"time_zone", "retention"}),
        ({"name": "a\u0007b"}, {"name"}),
        ({"name": "\ud800"}, {"name"}),
        ({"name": "a\0b"}, {"name"}),
        ({"account": "other"}, {"account"}),
        ([], {""}),
    ],
    ids=lambda given: "" if isinstance(given, set) else str(given),
)
async def test_what_is_wrong_is_named_by_its_field(
    api: Api, new_account: Callable[..., Awaitable[str]], body: object, fields: set[str]
) -> None:
    """A value that cannot be is 422 with its field, and nothing is changed."""
    key = await new_account()
    async with api.as_(key) as client:
        before = await client.get("")
        response = await client.edit("", body)
        assert response.status_code == 422, response.text
        assert {error["field"] for error in response.json()["errors"]} == fields
        assert (await client.get("")).json() == before.json()


async def test_with_the_module_off_everything_can_still_be_read(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """Switched off, an account's events pass without effect, and answers say so: in lists and in a header."""
    key = await new_account()
    async with api.as_(key) as client:
        seen = await client.get("")
        assert seen.headers["engagement-module"] == "on"
        await client.edit("", {"engagement": False})
        for path in ("", "/groups", "/definitions", "/inbox", "/audit"):
            response = await client.get(path)
            assert response.status_code == 200
            assert response.headers["engagement-module"] == "off"
            assert response.headers["cache-control"] == "no-store"
            assert response.json()["engagement"] is False
    assert await happen(worker, key, "deal.won") == ["disabled"]


async def test_what_another_process_switches_off_is_seen_within_a_second(
    api: Api, new_account: Callable[..., Awaitable[str]], observer: Connection
) -> None:
    """Answers may have the state of a second ago; then they have the one that another process has set."""
    key = await new_account()
    async with api.as_(key) as client:
        seen = await client.get("")
        assert seen.headers["engagement-module"] == "on"
        await observer.execute("update accounts set engagement = false where key = $1", key)
        began = time.monotonic()
        while (await client.get("")).headers["engagement-module"] == "on":
            assert time.monotonic() - began < 2


async def test_an_account_is_found_as_soon_as_it_exists(api: Api) -> None:
    """That there was none a moment ago is not remembered."""
    async with api.as_("soon") as client:
        assert (await client.get("")).status_code == 404
        await apply_document(api.dsn, {"engagement_catalog": 1, "account": "soon", "name": "Soon"})
        assert (await client.get("")).status_code == 200
