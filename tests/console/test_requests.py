"""Requests as no browser of a person sends them: they are answered, by what is wrong with them, and cost little."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from consumer.web.console import reader
from tests.console.console_client import Person

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.console.console_client import Console

    NewAccount = Callable[..., Awaitable[str]]


@pytest.fixture
async def stranger(console: Console) -> Person:
    """Give somebody who is not signed in."""
    return Person(transport=httpx.ASGITransport(console.app), base_url="http://console")


async def test_bodies_that_are_too_large(console: Console, stranger: Person, new_account: NewAccount) -> None:
    """A form of more than 1 MiB, or of more than 10,000 fields, is refused as that, to anyone."""
    account = await new_account()
    person = await console.as_(account)
    await person.open(f"/console/{account}/settings")
    for body in (b"csrf=" + b"x" * 1_048_576, b"a&" * 10_001):
        headers = {"content-type": "application/x-www-form-urlencoded"}
        for path in (f"/console/{account}/catalog/try", f"/console/{account}/settings/general"):
            answer = await person.post(path, content=body, headers={**headers, "x-csrf-token": person.csrf})
            assert answer.status_code == 413, path
        assert (await stranger.post("/console/session", content=body, headers=headers)).status_code == 413


@pytest.mark.parametrize(
    "to", ["//[", "//[x]/console", "/console/\r\nx: y", "/console//[", "\u00e9", "%00", "/console/%2f%2fx"]
)
async def test_addresses_to_lead_to(stranger: Person, to: str) -> None:
    """Whatever the page after signing in is said to be, the page says how to sign in."""
    assert (await stranger.get("/console/sign-in", params={"to": to})).status_code == 200


async def test_what_browsers_say_of_languages_is_not_kept(stranger: Person) -> None:
    """Languages that nobody has do not fill the memory."""
    for number in range(200):
        tags = ",".join(
            f"en-{letters:x}" for letters in range(0xA0000000 + number * 16, 0xA0000000 + number * 16 + 12)
        )
        await stranger.get("/console/sign-in", headers={"accept-language": tags})
    assert reader._parsed.cache_info().currsize <= 500


async def test_the_way_back_to_a_page(console: Console, stranger: Person, new_account: NewAccount) -> None:
    """Signing in and choosing a language lead back to the page of a contact, whatever signs its id has."""
    account = await new_account()
    person = await console.as_(account)
    for quoted in ("a%2Fb", "a%3Fb", "a%23b", "a%25b", "a%252Fb", "%C3%A9%20b", "%22%3E%3Cscript%3E"):
        path = f"/console/{account}/contacts/{quoted}"
        led = await stranger.get(f"{path}?range=30")
        assert httpx.URL(led.headers["location"]).params["to"] == f"{path}?range=30"
        page = await person.open(f"{path}?range=30")
        assert f'name="back" value="{path}?range=30"' in page.text
        back = await person.submit("/console/~preferences", language="pt", back=f"{path}?range=30")
        assert back.url.raw_path.decode() == f"{path}?range=30"
