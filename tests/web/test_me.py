"""`/v1/me`: what a token is good for, whatever it permits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.web.api_client import mint

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.web.api_client import Api


async def test_a_token_of_one_account(api: Api, new_account: Callable[..., Awaitable[str]]) -> None:
    """Actor, account, the permissions that there are, expiry and the account itself, by any permission."""
    account = await new_account(sales=True)
    expires = int(time.time()) + 600
    token = mint(account, ["something:else", "engagement:manage"], actor="mia", exp=expires)
    answer = await api.client.get("/v1/me", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert answer.json() == {
        "actor": "mia",
        "account": account,
        "permissions": ["engagement:manage"],
        "expires_at": time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(expires)),
        "accounts": [{"account": account, "name": account, "engagement": True, "sales": True}],
        "more_accounts": False,
    }


async def test_a_token_of_all_accounts_names_the_first(
    api: Api, new_account: Callable[..., Awaitable[str]]
) -> None:
    """By key, fifty at most, and whether there are more."""
    for _ in range(51):
        await new_account()
    token = mint("*", ["engagement:read"])
    body = (await api.client.get("/v1/me", headers={"authorization": f"Bearer {token}"})).json()
    keys = [one["account"] for one in body["accounts"]]
    assert (body["account"], len(keys), body["more_accounts"]) == ("*", 50, True)
    assert keys == sorted(keys)


@pytest.mark.parametrize("permissions", [[], ["something:else"]], ids=str)
async def test_a_token_that_permits_nothing_sees_no_account(
    api: Api, new_account: Callable[..., Awaitable[str]], permissions: list[str]
) -> None:
    """It is valid, and is shown what it says; names of accounts are not in it."""
    account = await new_account()
    token = mint(account, permissions)
    body = (await api.client.get("/v1/me", headers={"authorization": f"Bearer {token}"})).json()
    assert (body["account"], body["permissions"], body["accounts"]) == (account, [], [])


async def test_a_token_that_never_expires(api: Api) -> None:
    """An expiry beyond the last date that there is is shown as that."""
    token = mint("acme", exp=10**18)
    body = (await api.client.get("/v1/me", headers={"authorization": f"Bearer {token}"})).json()
    assert body["expires_at"].startswith("9000-01-01")
