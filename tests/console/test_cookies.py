"""Cookies of the console: their attributes, and that only its own count."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.console.console_client import Person, console_over
from tests.web.api_client import mint

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.console.console_client import Console
    from tests.web.api_client import Api

FORGED = {
    "text": "Your session was checked. Confirm it.",
    "undo": {"action": "/console/acme/contact/delete/ann", "into": "eve"},
}
TOKEN = {"name": "Site", "per_second": "5", "per_second_by_address": "5", "per_day": "5"}


def _encoded(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


@pytest.mark.parametrize(
    "content", [FORGED, {"text": "x", "undo": 5}, {"text": "\ud800", "undo": None}, [[]], {}]
)
async def test_messages_are_the_sessions_own(
    console: Console, new_account: Callable[..., Awaitable[str]], content: object
) -> None:
    """A message that another site of the domain has put into a cookie is not shown, and has no button."""
    account = await new_account()
    person = await console.as_(account)
    path = f"/console/{account}/settings"
    plain = (await person.open(path)).text
    session = f"engagement_session={person.cookies['engagement_session']}"
    for value in (_encoded(content), f"{_encoded(content)}.", f"{_encoded(content)}.00", ".", "é"):
        headers = {b"cookie": f"{session}; engagement_done={value}".encode()}
        page = await person.get(path, headers=headers)
        assert page.status_code == 200
        assert page.text == plain


async def test_messages_of_another_session(
    console: Console, new_account: Callable[..., Awaitable[str]]
) -> None:
    """A message for one session is not shown in the next one of the same browser."""
    account = await new_account()
    person = await console.as_(account)
    await person.open(f"/console/{account}/settings")
    made = await person.post(f"/console/{account}/tracker/new", data={"csrf": person.csrf, **TOKEN})
    assert made.status_code == 303
    assert person.cookies["engagement_done"]
    await person.sign_in(mint(account, actor="bob"))
    assert "notice done" not in (await person.open(f"/console/{account}/settings")).text


async def test_every_cookie_is_out_of_reach(api: Api, new_account: Callable[..., Awaitable[str]]) -> None:
    """All cookies are `HttpOnly`, below the console's paths, and `Secure` where a proxy ends TLS."""
    account = await new_account()
    app = console_over(api, secure=True).app
    person = Person(transport=httpx.ASGITransport(app), base_url="http://console")
    seen = [await person.sign_in(mint(account))]
    session = {"cookie": f"engagement_session={seen[0].cookies['engagement_session']}"}
    page = await person.get(f"/console/{account}/settings", headers=session)
    person._seen(page)
    csrf = {"csrf": person.csrf}
    for path, fields in (
        ("~preferences", {"language": "pt", "theme": "dark"}),
        (f"{account}/tracker/new", TOKEN),
    ):
        seen.append(await person.post(f"/console/{path}", data={**csrf, **fields}, headers=session))
    cookies = [each for answer in seen for each in answer.headers.get_list("set-cookie")]
    names = {each.partition("=")[0].removeprefix("engagement_") for each in cookies}
    assert names == {"session", "language", "theme", "done", "secret"}
    for each in cookies:
        assert {"HttpOnly", "Secure", "Path=/console"} <= set(each.split("; ")), each
