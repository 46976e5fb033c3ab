"""Lists of configuration in pages: all at once by default, else page by page in display order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.web.sample_account import GROUPS, WON

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.web.api_client import Api, Client

KEYS = ["c", "a", "e", "b", "d"]
MATCH = {"all": [{"score": {"min": 1}}]}
LISTS: list[tuple[str, list[dict[str, Any]], str]] = [
    ("groups", [{"key": key, "name": key, "icon": "cart"} for key in KEYS], "purchase mail"),
    ("definitions", [{**WON, "key": key} for key in KEYS], ""),
    ("profiles", [{"key": key, "name": key} for key in KEYS], "lead_score"),
    ("segments", [{"key": key, "name": key, "match": MATCH} for key in KEYS], ""),
]


@pytest.fixture
async def client(api: Api, new_account: Callable[..., Awaitable[str]]) -> AsyncIterator[Client]:
    """Give a client of an account that has two groups."""
    async with api.as_(await new_account(groups=GROUPS)) as client:
        yield client


@pytest.mark.parametrize(("path", "bodies", "there"), LISTS, ids=[path for path, *_ in LISTS])
async def test_a_list_is_read_page_by_page(
    client: Client, path: str, bodies: list[dict[str, Any]], there: str
) -> None:
    """Pages follow one another in display order, and a deleted item costs none of the others its place."""
    for body in bodies:
        assert (await client.post(f"/{path}", json=body)).status_code == 201
    if path == "definitions":
        await client.edit("/definitions/e", {"active": False})
    whole = (await client.get(f"/{path}")).json()
    keys = [item["key"] for item in whole["items"]]
    assert (keys, whole["next"]) == ([*there.split(), *KEYS], None)

    read: list[str] = []
    page: dict[str, Any] = {"next": None}
    while not read or page["next"]:
        params = {"limit": 2} | ({"cursor": page["next"]} if page["next"] else {})
        page = (await client.get(f"/{path}", params=params)).json()
        assert 0 < len(page["items"]) <= 2
        read += [item["key"] for item in page["items"]]
    assert read == keys

    first = (await client.get(f"/{path}", params={"limit": len(keys) - 2})).json()
    assert [item["key"] for item in first["items"]] == keys[:-2]
    assert keys[-3] == "e"
    assert (await client.edit(f"/{path}/e", {}, method="DELETE")).status_code == 204
    rest = (await client.get(f"/{path}", params={"cursor": first["next"]})).json()
    assert [item["key"] for item in rest["items"]] == ["b", "d"]


async def test_a_cursor_is_for_its_list(client: Client) -> None:
    """A cursor of one list is malformed for another, and a page has at most 1,000 items."""
    cursor = (await client.get("/groups", params={"limit": 1})).json()["next"]
    for path in ("definitions", "profiles", "segments"):
        refused = await client.get(f"/{path}", params={"cursor": cursor})
        assert (refused.status_code, refused.json()["type"]) == (400, "urn:engagement:problem:malformed")
        assert (await client.get(f"/{path}", params={"limit": 1001})).status_code == 422
    assert (await client.get("/groups", params={"cursor": cursor})).json()["items"][0]["key"] == "mail"
