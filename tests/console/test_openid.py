"""Signing in by an OpenID Connect provider."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from consumer.infra.telemetry.metrics import Metrics
from consumer.web.console.application import ConsoleApplication
from consumer.web.console.sign_in.openid import OpenIdSignIn, Provider
from tests.console.openid_provider import CLIENT, SECRET, OpenIdProvider
from tests.tracker.browsing import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.web.api_client import Api

_ROLES = {"sales": ("read",), "manager": ("read", "manage")}


@dataclass
class SignIn:
    """A console whose people sign in by a provider, and one who is not signed in yet."""

    provider: OpenIdProvider
    browser: httpx.AsyncClient

    async def try_(self, **claims: Any) -> httpx.Response:
        """Sign in as somebody of whom the provider says this, and return the page that one ends on."""
        self.provider.claims = claims
        return await self.browser.get("/console/sign-in/provider", params={"to": "/console/acme/leads"})


@pytest.fixture
async def sign_in(api: Api) -> AsyncIterator[SignIn]:
    """Give a console and its provider, each on a port of its own."""
    provider = OpenIdProvider()
    state = api.app.state
    async with serving(provider.application) as issuer:
        provider.issuer = issuer
        settings = Provider(issuer, CLIENT, SECRET, "http://console", roles=_ROLES)
        app = ConsoleApplication(
            api.app, state.connections, state.tokens, Metrics(), openid=OpenIdSignIn(settings)
        )
        mounts = {"http://console": httpx.ASGITransport(app), issuer: httpx.AsyncHTTPTransport()}
        async with httpx.AsyncClient(
            mounts=mounts, base_url="http://console", follow_redirects=True
        ) as browser:
            yield SignIn(provider, browser)


async def test_a_person_comes_back_signed_in(sign_in: SignIn) -> None:
    """The claims of the provider become account and permissions, and lead to the page that was asked for."""
    page = await sign_in.try_(email="ann@acme.example", account="acme", permissions=["sales", "visitors"])
    assert page.url.path == "/console/acme/leads"
    me = await sign_in.browser.get("/console/~api/v1/me")
    assert me.json()["actor"] == "ann@acme.example"
    assert me.json()["account"] == "acme"
    assert me.json()["permissions"] == ["engagement:read"]


@pytest.mark.parametrize(
    ("claims", "changed", "said"),
    [
        ({"account": "acme", "permissions": ["sales"]}, {}, "sub must be a string"),
        ({"email": "ann", "permissions": ["sales"]}, {}, "account must be"),
        ({"email": "ann", "account": "acme", "permissions": 7}, {}, "permissions must be a list"),
        ({"email": "ann", "account": "acme"}, {"aud": "another"}, "Audience"),
        ({"email": "ann", "account": "acme"}, {"iss": "http://another"}, "issuer"),
        ({"email": "ann", "account": "acme"}, {"exp": 1}, "expired"),
        ({"email": "ann", "account": "acme"}, {"nonce": "another"}, "another attempt"),
        (
            {"email": "ann", "account": "acme", "permissions": ["sales"]},
            {"email_verified": False},
            "not verified",
        ),
    ],
)
async def test_a_token_that_says_too_little_or_wrong_is_refused(
    sign_in: SignIn, claims: dict[str, Any], changed: dict[str, Any], said: str
) -> None:
    """A token of another client, issuer or attempt, past its time, or of an address that was not verified."""
    sign_in.provider.changed = changed
    page = await sign_in.try_(**claims)
    assert page.status_code == 401
    assert said.lower() in page.text.lower()
    assert "engagement_session" not in sign_in.browser.cookies


async def test_the_providers_refusal_is_shown(sign_in: SignIn) -> None:
    """What the provider says when it refuses stands on the page."""
    sign_in.provider.refuses = True
    page = await sign_in.try_(email="ann", account="acme", permissions=["sales"])
    assert page.status_code == 401
    assert "not today" in page.text


async def test_an_answer_to_another_window_is_refused(sign_in: SignIn) -> None:
    """Somebody else's answer of the provider, as in a link that was sent, signs nobody in."""
    await sign_in.try_(email="ann", account="acme", permissions=["sales"])
    assert "engagement_session" in sign_in.browser.cookies
    sign_in.browser.cookies.clear()
    back = "/console/sign-in/provider/back?code=code0&state=of-another"
    assert (await sign_in.browser.get(back)).status_code == 401
    begun = await sign_in.browser.get("/console/sign-in/provider", follow_redirects=False)
    assert re.search(r"state=[\w-]{20}", begun.headers["location"])
    assert "another window" in (await sign_in.browser.get(back)).text
    assert "engagement_session" not in sign_in.browser.cookies


async def test_a_provider_that_does_not_answer(sign_in: SignIn) -> None:
    """While the provider is away the page says so, and how to go on."""
    sign_in.provider.issuer = "http://another.example"
    page = await sign_in.browser.get("/console/sign-in/provider")
    assert page.status_code == 503
    assert "does not answer" in page.text
