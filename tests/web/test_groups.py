"""Groups over HTTP: created, edited, put in order, deleted where nothing hangs on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.web.account_events import happen
from tests.web.sample_account import WON

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx

    from tests.pipeline.service import Service
    from tests.web.api_client import Api

GROUPS = [
    {"key": "purchase", "name": "Purchase", "icon": "cart"},
    {"key": "mail", "name": "Mail", "icon": "mail"},
    {"key": "visits", "name": "Visits", "icon": "eye"},
]


async def _keys(client: httpx.AsyncClient) -> list[str]:
    return [item["key"] for item in (await client.get("/groups")).json()["items"]]


async def test_a_group_is_created_at_the_end_and_edited(
    api: Api, new_account: Callable[..., Awaitable[str]]
) -> None:
    """A new group comes last; what a change leaves out stays; a key that is taken is a conflict."""
    async with api.as_(await new_account(groups=GROUPS)) as client:
        created = await client.post("/groups", json={"key": "calls", "name": "Calls", "icon": "phone"})
        assert created.status_code == 201
        assert await _keys(client) == ["purchase", "mail", "visits", "calls"]
        assert (await client.post("/groups", json=_body(created))).status_code == 409
        changed = await client.edit("/groups/calls", {"name": "Telephone"})
        assert changed.json() == {
            "key": "calls",
            "name": "Telephone",
            "icon": "phone",
            "revision": changed.headers["etag"].strip('"'),
            "deleted": False,
            "pending": [],
        }
        assert (await client.get("/groups/calls")).json() == changed.json()
        assert (await client.get("/groups/nothing")).status_code == 404


def _body(response: httpx.Response) -> dict[str, Any]:
    """Return what was created as the body that creates it."""
    return {name: response.json()[name] for name in ("key", "name", "icon")}


async def test_an_icon_is_one_of_the_list(api: Api, new_account: Callable[..., Awaitable[str]]) -> None:
    """Icons are listed, and any other is refused by its field."""
    async with api.as_(await new_account(groups=GROUPS)) as client:
        icons = (await client.get("/icons")).json()["icons"]
        assert "trophy" in icons
        assert icons == sorted(icons)
        response = await client.edit("/groups/mail", {"icon": "unicorn"})
        assert response.status_code == 422
        assert response.json()["errors"] == [
            {
                "place": "body",
                "field": "icon",
                "detail": 'icon must be an icon of catalogs/icons.yaml, not "unicorn"',
            }
        ]


async def test_the_order_is_changed_as_a_whole(api: Api, new_account: Callable[..., Awaitable[str]]) -> None:
    """A new order names every group once, and the order that it replaces; it is one entry of the trail."""
    async with api.as_(await new_account(groups=GROUPS)) as client:
        seen = await client.get("/group-order")
        headers = {"if-match": seen.headers["etag"]}
        for keys, problem in (
            (["mail", "purchase"], "missing visits"),
            (["mail", "purchase", "visits", "calls"], "unknown calls"),
            (["mail", "purchase", "visits", "mail"], "some are repeated"),
        ):
            refused = await client.put("/group-order", json={"keys": keys}, headers=headers)
            assert refused.status_code == 422
            assert problem in refused.json()["errors"][0]["detail"]
        wanted = ["visits", "purchase", "mail"]
        assert (await client.put("/group-order", json={"keys": wanted})).status_code == 428
        changed = await client.put("/group-order", json={"keys": wanted}, headers=headers)
        assert changed.json() == {"keys": wanted}
        assert await _keys(client) == wanted
        assert (await client.put("/group-order", json={"keys": wanted}, headers=headers)).status_code == 412
        entry = (await client.get("/audit", params={"limit": 1})).json()["items"][0]
        assert (entry["action"], entry["subject"], entry["after"]) == ("reordered", "groups", wanted)


async def test_a_group_with_definitions_is_not_deleted(
    api: Api, new_account: Callable[..., Awaitable[str]]
) -> None:
    """Deleting is refused while a definition is inside, and says which; an empty group goes."""
    async with api.as_(await new_account(groups=GROUPS, definitions=[WON])) as client:
        for group, status in (("purchase", 409), ("mail", 204)):
            response = await client.edit(f"/groups/{group}", {}, method="DELETE")
            assert response.status_code == status
            if status == 409:
                assert "deal_won" in response.json()["detail"]
        assert (await client.delete("/groups/visits")).status_code == 428
        assert await _keys(client) == ["purchase", "visits"]
        assert (await client.get("/groups/mail")).status_code == 404
        entry = (await client.get("/audit", params={"limit": 1})).json()["items"][0]
        assert (entry["action"], entry["key"], entry["before"]) == ("deleted", "mail", GROUPS[1])
        again = await client.post("/groups", json=GROUPS[1])
        assert again.status_code == 201, "the key is free again"
        assert await _keys(client) == ["purchase", "visits", "mail"]


async def test_a_deleted_group_that_still_counts_is_shown_as_pending(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """A group whose definitions moved away after they counted is deleted, and shown until a publish forgets it."""
    account = await new_account(groups=GROUPS, definitions=[WON])
    await happen(worker, account, "deal.won")
    async with api.as_(account) as client:
        moved = await client.edit("/definitions/deal_won", {"group": "mail"})
        assert moved.json()["pending"] == [
            {"profile": "lead_score", "field": "group", "published": "purchase", "draft": "mail"}
        ]
        assert (await client.edit("/groups/purchase", {}, method="DELETE")).status_code == 204
        listed = (await client.get("/groups")).json()["items"]
        assert listed[-1] == {
            **GROUPS[0],
            "revision": None,
            "deleted": True,
            "pending": ["lead_score"],
        }
        assert (await client.get("/groups/purchase")).status_code == 404
        refused = await client.edit("/definitions/deal_won", {"group": "purchase"})
        assert refused.json()["errors"][0]["field"] == "group"
        assert (await client.get("/group-order")).json() == {"keys": ["mail", "visits"]}
    assert await happen(worker, account, "deal.won") == ["applied"], "and it counts on"
