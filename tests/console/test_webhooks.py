"""Webhooks on pages: made, changed, tried, and what was sent to them."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.console import hostile
from tests.web.webhook_receiver import Receiver, receiving, sending

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    import httpx

    from tests.console.console_client import Console, Person
    from tests.console.in_browser import Window
    from tests.web.api_client import Api

_SCORES = "engagement.score.changed"


@pytest.fixture(autouse=True)
def private(api: Api) -> Iterator[None]:
    """Let webhooks lead to this machine."""
    api.app.state.private_webhooks = True
    yield
    api.app.state.private_webhooks = False


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Give a receiver."""
    async with receiving() as made:
        yield made


@pytest.fixture
async def account(new_account: Callable[..., Awaitable[str]]) -> str:
    """Name a new account."""
    return await new_account()


async def _made(person: Person, account: str, url: str, **fields: Any) -> httpx.Response:
    path = f"/console/{account}/settings/webhooks/new"
    await person.open(path)
    return await person.submit(path, **{"url": url, "types": [_SCORES], "active": "1", **fields})


def _revision(page: httpx.Response) -> str:
    found = re.search(r'name="revision" value="([^"]*)"', page.text)
    assert found is not None
    return unescape(found[1])


async def test_a_webhook_is_made_and_its_secret_shown_once(
    console: Console, account: str, receiver: Receiver
) -> None:
    """The page after creating a webhook has its secret; loaded again it has not. A new secret is shown likewise."""
    person = await console.as_(account)
    page = await _made(person, account, f"{receiver.address}/in")
    secrets = re.findall(r"whsec_[\w+/=]+", page.text)
    assert len(secrets) == 1
    assert "whsec_" not in (await person.open(page.url.path)).text
    replaced = await person.submit(f"{page.url.path}/secret")
    assert len(re.findall(r"whsec_[\w+/=]+", replaced.text)) == 1
    assert secrets[0] not in replaced.text


async def test_faults_stand_at_their_fields(console: Console, account: str) -> None:
    """A wrong address and no type are faults at their fields, and what was typed is kept."""
    person = await console.as_(account)
    page = await _made(person, account, "ftp://shop.example.com", types=[])
    assert page.status_code == 422
    assert 'id="fault-types"' in page.text
    page = await _made(person, account, "ftp://shop.example.com")
    assert 'id="fault-url"' in page.text
    assert 'value="ftp://shop.example.com"' in page.text


async def test_a_webhook_is_changed_and_deleted(console: Console, account: str, receiver: Receiver) -> None:
    """It is switched off by its form, a change of another window is said, and it is deleted after a warning."""
    person = await console.as_(account)
    shown = await _made(person, account, f"{receiver.address}/in")
    path = shown.url.path
    seen = _revision(await person.open(f"{path}/edit"))
    fields = {"url": f"{receiver.address}/in", "types": [_SCORES]}
    page = await person.submit(f"{path}/edit", revision=seen, **fields)
    assert "state-off" in page.text
    stale = await person.submit(f"{path}/edit", revision=seen, description="Ours", **fields)
    assert stale.status_code == 412
    assert 'value="Ours"' in stale.text
    asked = await person.open(f"{path}/delete")
    page = await person.submit(f"{path}/delete", revision=_revision(asked))
    assert "No webhook yet" in page.text


async def test_a_message_is_tried_seen_and_sent_again(
    console: Console, api: Api, account: str, receiver: Receiver
) -> None:
    """A test message arrives, stands among the deliveries with its body, and arrives again if it is sent again."""
    person = await console.as_(account)
    path = (await _made(person, account, f"{receiver.address}/in")).url.path
    await person.submit(f"{path}/test")
    async with sending(api.dsn):
        await receiver.until("/in", 1)
        page = await person.open(path)
        found = re.search(rf'href="({path}/deliveries/[^"]+)"', page.text)
        assert found is not None
        delivery = await person.open(found[1])
        assert "engagement.webhook.test" in delivery.text
        assert "requested_by" in delivery.text
        await person.submit(f"{found[1]}/resend")
        await receiver.until("/in", 2)


async def test_script_in_webhooks_is_text(console: Console, account: str, receiver: Receiver) -> None:
    """Script in a description and in the body of a message is shown, never put in as markup."""
    for text in hostile.TEXTS:
        person = await console.as_(account, actor=text)
        page = await _made(person, account, f"{receiver.address}/in", description=text)
        path = page.url.path
        await person.submit(f"{path}/test")
        shown = await person.open(path)
        found = re.search(rf'href="({path}/deliveries/[^"]+)"', shown.text)
        assert found is not None
        for each in (
            path,
            f"{path}/edit",
            f"{path}/delete",
            found[1],
            f"/console/{account}/settings/webhooks",
        ):
            page = await person.open(each)
            assert page.status_code == 200
            assert hostile.is_escaped(page.text), each


async def test_webhooks_in_the_browser(
    window: Callable[..., Awaitable[Window]], api: Api, account: str, receiver: Receiver
) -> None:
    """One is made with the keyboard; a test fails, and the page shows it by itself."""
    ann = await window(account)
    page = ann.page
    receiver.answers["/in"] = lambda _: 500
    await ann.open(f"/console/{account}/settings/webhooks")
    assert await ann.looked_at("webhooks-none") == {}
    await page.get_by_role("link", name="Create the first webhook").press("Enter")
    await page.get_by_label("Address").press_sequentially(f"{receiver.address}/in")
    assert await ann.looked_at("webhook-new") == {}
    await page.get_by_label("Address").press("Enter")
    await expect(page.get_by_text("Copy this now")).to_be_visible()
    await page.get_by_role("button", name="Send a test").press("Enter")
    await expect(page.locator("#deliveries").get_by_text("webhook.test")).to_be_visible()
    async with sending(api.dsn):
        await expect(page.locator("#deliveries")).to_contain_text("500", timeout=10_000)
    assert await ann.looked_at("webhook") == {}
    await page.get_by_role("link", name="webhook.test").press("Enter")
    assert await ann.looked_at("delivery") == {}
    await ann.open(f"/console/{account}/settings/webhooks")
    assert await ann.looked_at("webhooks") == {}
    assert ann.complaints == []
