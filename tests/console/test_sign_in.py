"""Sessions of the console: how they begin, what they permit, how they end, and what protects them."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from consumer.web.console.application import ROUTES
from consumer.web.console.security_headers import POLICY
from tests.console.console_client import Person
from tests.web.api_client import bearer, mint

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.infra.postgres.connection import Connection
    from tests.console.console_client import Console

_OUTSIDE = {
    "/console/session",
    "/console/sign-in",
    "/console/sign-in/provider",
    "/console/sign-in/provider/back",
}


@pytest.fixture
async def stranger(console: Console) -> Person:
    """Give somebody who is not signed in."""
    return Person(transport=httpx.ASGITransport(console.app), base_url="http://console")


async def test_a_token_begins_a_session(stranger: Person, new_account: Callable[..., Awaitable[str]]) -> None:
    """The host product posts a token, and gets a cookie that scripts cannot read and other sites do not send."""
    account = await new_account()
    answer = await stranger.sign_in(mint(account))
    assert answer.status_code == 201
    assert answer.json() == {"actor": "ann", "account": account, "url": "/console"}
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Max-Age=28800" in cookie
    assert (await stranger.open("/console")).status_code == 200


async def test_a_form_begins_a_session(stranger: Person, new_account: Callable[..., Awaitable[str]]) -> None:
    """A form with the token leads to the page that it names, if that is a page of the console."""
    account = await new_account()
    for to, led in (
        (f"/console/{account}/segments?x=1", f"/console/{account}/segments?x=1"),
        ("https://evil.example/console", "/console"),
        ("//evil.example/console", "/console"),
        ("/console/\\evil.example", "/console"),
        ("/consoles", "/console"),
    ):
        answer = await stranger.post("/console/session", data={"token": mint(account), "to": to})
        assert answer.status_code == 303
        assert answer.headers["location"] == led


@pytest.mark.parametrize(
    "token", ["nonsense", "", mint("acme", exp=int(time.time()) - 60), mint("acme", sub=None)]
)
async def test_no_valid_token_no_session(stranger: Person, token: str) -> None:
    """A token that is not valid is refused, to programs as a problem and to people as a page that says why."""
    answer = await stranger.sign_in(token)
    assert answer.status_code == 401
    page = await stranger.post("/console/session", data={"token": token})
    assert page.status_code == 401
    assert "not valid" in page.text
    assert not stranger.cookies


async def test_a_link_signs_in_once(stranger: Person, new_account: Callable[..., Awaitable[str]]) -> None:
    """A link whose token has an id begins one session: who finds it later in a history is refused."""
    link = {"token": mint(await new_account(), jti="link-1")}
    first = await stranger.get("/console/sign-in", params=link)
    assert first.status_code == 303
    assert "token" not in first.headers["location"]
    again = await stranger.get("/console/sign-in", params=link)
    assert again.status_code == 401
    assert "used before" in again.text


@pytest.mark.parametrize("everywhere", ["", "1"])
async def test_a_link_signs_in_once_after_signing_out_too(
    stranger: Person, new_account: Callable[..., Awaitable[str]], observer: Connection, everywhere: str
) -> None:
    """A link begins no other session once that session has ended, nor when its hours are over."""
    token_id, two_days = f"link-2{everywhere}", int(time.time()) + 2 * 86_400
    link = {"token": mint(await new_account(), jti=token_id, exp=two_days)}
    assert (await stranger.get("/console/sign-in", params=link)).status_code == 303
    await stranger.open("/console")
    await stranger.submit("/console/~sign-out", everywhere=everywhere)
    assert (await stranger.get("/console/sign-in", params=link)).status_code == 401
    kept = "select expires_at from console_sessions where token_id = $1"
    assert (await observer.fetchval(kept, token_id)).timestamp() > two_days


async def test_pages_lead_strangers_to_sign_in_and_back(
    stranger: Person, new_account: Callable[..., Awaitable[str]]
) -> None:
    """Without a session every page leads to signing in, which leads back to it."""
    account = await new_account()
    page = await stranger.open(f"/console/{account}/leads", q="ann lee")
    assert page.url.path == "/console/sign-in"
    assert page.url.params["to"] == f"/console/{account}/leads?q=ann+lee"
    scripts = await stranger.get(f"/console/{account}/leads", headers={"hx-request": "true"})
    assert scripts.status_code == 401
    assert scripts.headers["hx-redirect"].startswith("/console/sign-in?")


async def test_another_account_is_not_found(
    console: Console, new_account: Callable[..., Awaitable[str]]
) -> None:
    """A session for one account finds no page of another, as if it did not exist."""
    person = await console.as_(await new_account())
    other = await new_account()
    for key in (other, "no-such"):
        page = await person.open(f"/console/{key}/leads")
        assert page.status_code == 404
        assert f"no account {key}" in page.text
    assert (await person.get(f"/console/~api/v1/accounts/{other}/contacts")).status_code == 404


async def test_signing_out_ends_the_session(
    console: Console, new_account: Callable[..., Awaitable[str]]
) -> None:
    """After signing out the cookie opens nothing, on any process; elsewhere the person stays signed in."""
    account = await new_account()
    here, there = await console.as_(account), await console.as_(account)
    await here.open("/console")
    kept = dict(here.cookies)
    assert (await here.submit("/console/~sign-out")).url.path == "/console/sign-in"
    here.cookies.update(kept)
    assert (await here.open("/console")).url.path == "/console/sign-in"
    assert (await there.open("/console")).url.path != "/console/sign-in"


async def test_signing_out_everywhere(console: Console, new_account: Callable[..., Awaitable[str]]) -> None:
    """Signing out everywhere ends all sessions of that person, and nobody else's."""
    account = await new_account()
    here, there = await console.as_(account), await console.as_(account)
    bob = await console.as_(account, actor="bob")
    await here.open("/console")
    await here.submit("/console/~sign-out", everywhere="1")
    assert (await there.open("/console")).url.path == "/console/sign-in"
    assert (await bob.open("/console")).url.path != "/console/sign-in"


async def test_a_session_expires(
    console: Console, new_account: Callable[..., Awaitable[str]], observer: Connection
) -> None:
    """A session whose eight hours are over opens nothing."""
    account = await new_account()
    person = await console.as_(account, actor="expired")
    ended = "update console_sessions set created_at = now() - interval '8 hours' where actor = 'expired'"
    assert await observer.execute(ended) == "UPDATE 1"
    assert (await person.open("/console")).url.path == "/console/sign-in"


async def test_the_database_has_no_cookie(
    console: Console, new_account: Callable[..., Awaitable[str]], observer: Connection
) -> None:
    """What is stored of a session opens none."""
    person = await console.as_(await new_account(), actor="hashed")
    row = await observer.fetchrow("select * from console_sessions where actor = 'hashed'")
    assert row is not None
    assert person.cookies["engagement_session"] not in str(dict(row))


async def test_a_change_needs_the_pages_own_value(
    console: Console, new_account: Callable[..., Awaitable[str]]
) -> None:
    """A form without the value of this session, as one of another site is, changes nothing, on any route."""
    account = await new_account()
    person = await console.as_(account)
    stranger = await console.as_(account)
    await stranger.open("/console")
    changes = [
        re.sub(r"\{(\w+)(:\w+)?\}", lambda part: account if part[1] == "account" else "x", route.path)
        for route in ROUTES
        if "POST" in (route.methods or ()) and route.path not in _OUTSIDE
    ]
    assert "/console/~sign-out" in changes
    for path in changes:
        for csrf in ({}, {"csrf": ""}, {"csrf": stranger.csrf}, {"csrf": "é"}):
            answer = await person.post(path, data=csrf)
            assert answer.status_code == 403, path
            assert "out of date" in answer.text
    assert (await person.open("/console")).url.path != "/console/sign-in"


async def test_headers_of_pages(console: Console, new_account: Callable[..., Awaitable[str]]) -> None:
    """Pages allow no script or style in themselves, nothing from elsewhere, no frame, and are not kept."""
    person = await console.as_(await new_account())
    for path in ("/console", "/console/sign-in", "/console/no/such/page"):
        headers = (await person.open(path)).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "unsafe" not in POLICY


async def test_the_api_is_read_by_the_session(
    console: Console, new_account: Callable[..., Awaitable[str]]
) -> None:
    """Scripts of pages read the API below `/console/~api` as the person; they cannot change anything there."""
    account = await new_account()
    person = await console.as_(account, ["engagement:read"])
    found = await person.get(f"/console/~api/v1/accounts/{account}/groups")
    assert found.status_code == 200
    assert found.json()["items"] == []
    assert (await person.get(f"/console/~api/v1/accounts/{account}/audit")).status_code == 403
    refused = await person.post(f"/console/~api/v1/accounts/{account}/groups", data={"csrf": person.csrf})
    assert refused.status_code == 405
    # What is not of the API may be for insiders only.
    for path in (
        "/metrics",
        "/readyz",
        "/docs",
        "//metrics",
        "/v1/../metrics",
        "/v1/%2e%2e/metrics",
        "v1/me",
    ):
        assert (await person.get(httpx.URL(f"http://console/console/~api{path}"))).status_code == 404, path


async def test_a_cookie_is_no_token(console: Console, new_account: Callable[..., Awaitable[str]]) -> None:
    """The API itself takes no cookie: pages of other sites cannot use a session by it."""
    account = await new_account()
    person = await console.as_(account)
    assert (await person.get(f"/v1/accounts/{account}/groups")).status_code == 401
    headers = bearer(account)
    assert (await person.get(f"/v1/accounts/{account}/groups", headers=headers)).status_code == 200


async def test_language_and_theme_are_kept(
    console: Console, new_account: Callable[..., Awaitable[str]]
) -> None:
    """Language and appearance are the browser's until the person chooses."""
    account = await new_account()
    person = await console.as_(account)
    page = await person.open(f"/console/{account}/leads")
    assert 'lang="en"' in page.text
    page = await person.submit(
        "/console/~preferences", language="pt", theme="dark", back=f"/console/{account}/leads?q=a"
    )
    assert page.url.raw_path == f"/console/{account}/leads?q=a".encode()
    assert 'lang="pt"' in page.text
    assert 'data-theme="dark"' in page.text
    page = await person.submit("/console/~preferences", language="xx", theme="pink", back="//evil.example")
    assert page.url.host == "console"
    assert 'lang="pt"' in page.text
