"""`starting-catalog`: a catalog for an account that has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.web.api_client import Api


async def test_an_empty_account_takes_the_starting_catalog(
    api: Api, new_account: Callable[..., Awaitable[str]]
) -> None:
    """An account without a catalog takes the starting one whole, published, and keeps its own fields."""
    account = await new_account(time_zone="Europe/Lisbon", retention="30d")
    client = api.as_(account)
    taken = await client.post("/starting-catalog")
    assert taken.status_code == 201, taken.text
    assert taken.json()["groups"] == ["support", "purchase", "marketing"]
    assert "deal_won" in taken.json()["definitions"]
    [profile] = (await client.get("/profiles")).json()["items"]
    assert (profile["version"], profile["pending"]) == (2, False), "the empty account's version was the first"
    assert [band["key"] for band in profile["overall"]["bands"]] == ["cold", "warm", "hot"]
    kept = (await client.get("")).json()
    assert (kept["time_zone"], kept["retention"], kept["sales"]) == ("Europe/Lisbon", "30d", False)


async def test_an_account_with_a_catalog_keeps_it(
    api: Api, new_account: Callable[..., Awaitable[str]]
) -> None:
    """An account that has a group keeps what it has: nothing of the starting catalog is mixed in."""
    account = await new_account(groups=[{"key": "own", "name": "Own", "icon": "star"}])
    client = api.as_(account)
    refused = await client.post("/starting-catalog")
    assert refused.status_code == 409
    assert [group["key"] for group in (await client.get("/groups")).json()["items"]] == ["own"]
