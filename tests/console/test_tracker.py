"""The tracker's pages: tokens and their keys, what to copy, and what arrives."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from consumer.web.console.tracker import snippets
from consumer.web.console.tracker.refusals import ADVICE
from consumer.web.http.auth import Permission
from consumer.web.tracker.recent_requests import RecentEvent, RecentRequest, RecentRequests
from schemas.vocabulary import RefusalReason
from tests.console import hostile
from tests.web.tracker_tokens import make_token

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from tests.console.console_client import Console, Person
    from tests.console.in_browser import Window
    from tests.web.api_client import Api

_DOCS = Path(__file__).parents[2] / "docs" / "tracker.md"
_FIELDS = {
    "name": "Shop",
    "origins": "https://shop.example.com\n\nhttps://www.example.com/\n",
    "event_names": "page",
    "per_second": "7",
    "per_second_by_address": "3",
    "per_day": "1000",
}


@pytest.fixture
def recent(api: Api) -> Iterator[RecentRequests]:
    """Give the recent requests of a process that serves the tracker."""
    api.app.state.recent_requests = made = RecentRequests()
    yield made
    api.app.state.recent_requests = None


@pytest.fixture
async def account(new_account: Callable[..., Awaitable[str]]) -> str:
    """Name a new account."""
    return await new_account()


async def _token(api: Api, account: str, **settings: Any) -> dict[str, Any]:
    async with api.as_(account) as client:
        return await make_token(client, **settings)


async def _read(api: Api, account: str, token: str) -> dict[str, Any]:
    async with api.as_(account) as client:
        found: dict[str, Any] = (await client.get(f"/tracker-tokens/{token}")).json()
        return found


async def _manager(console: Console, account: str) -> Person:
    person = await console.as_(account)
    await person.open(f"/console/{account}/tracker")
    return person


async def test_a_token_is_created_and_its_key_shown_once(console: Console, api: Api, account: str) -> None:
    """The page after creating a token has its key, in the snippets too; when it is loaded again, it has not."""
    person = await _manager(console, account)
    page = await person.submit(f"/console/{account}/tracker/new", **_FIELDS)
    assert page.status_code == 200
    token = await _read(api, account, page.url.path.rpartition("/")[2])
    assert token["origins"] == ["https://shop.example.com", "https://www.example.com"]
    assert (token["per_second"], token["per_second_by_address"], token["per_day"]) == (7, 3, 1000)
    keys = set(re.findall(r"wk_[\w-]+", page.text))
    assert len(keys) == 1
    key = keys.pop()
    assert f'data-write-key="{key}"' in unescape(page.text)
    again = await person.open(page.url.path)
    assert key not in again.text
    assert 'data-write-key="WRITE_KEY"' in unescape(again.text)


async def test_faults_stand_at_their_fields(console: Console, account: str) -> None:
    """What is wrong with a new token is said at its field in the API's words, and what was typed is kept."""
    person = await _manager(console, account)
    fields = _FIELDS | {"origins": "shop.example.com/path", "per_day": "many"}
    page = await person.submit(f"/console/{account}/tracker/new", **fields)
    assert page.status_code == 422
    assert re.search(
        r'id="fault-origins">.*?must be an origin like https://shop.example.com', page.text, re.DOTALL
    )
    assert 'id="fault-per_day"' in page.text
    assert "shop.example.com/path" in page.text
    assert 'value="many"' in page.text


async def test_a_change_over_another_one_is_not_lost(console: Console, api: Api, account: str) -> None:
    """A change of a token that was changed meanwhile keeps what was typed, says so, and is saved if sent again."""
    token = await _token(api, account)
    person = await _manager(console, account)
    path = f"/console/{account}/tracker/{token['id']}/edit"
    seen = _revision(await person.open(path))
    async with api.as_(account) as client:
        await client.edit(f"/tracker-tokens/{token['id']}", {"name": "Another"})
    fields = _FIELDS | {"name": "Mine", "was_name": "Shop"}
    page = await person.submit(path, revision=seen, **fields)
    assert page.status_code == 412
    assert 'value="Mine"' in page.text
    assert "It was changed meanwhile" in page.text
    assert (await person.submit(path, revision=_revision(page), **fields)).status_code == 200
    assert (await _read(api, account, token["id"]))["name"] == "Mine"


def _revision(page: Any) -> str:
    found = re.search(r'name="revision" value="([^"]*)"', page.text)
    assert found is not None
    return unescape(found[1])


async def test_a_key_is_replaced(console: Console, api: Api, account: str) -> None:
    """A new key is shown once, and the one before stays valid for the time that was chosen."""
    token = await _token(api, account)
    person = await _manager(console, account)
    path = f"/console/{account}/tracker/{token['id']}"
    page = await person.submit(f"{path}/rotate", old_valid_for="3600")
    assert re.search(r"wk_[\w-]+", page.text)
    old, new = (await _read(api, account, token["id"]))["keys"]
    assert old["expires_at"] is not None
    assert new["expires_at"] is None


async def test_a_token_is_revoked_after_saying_what_is_lost(console: Console, api: Api, account: str) -> None:
    """Revoking has a page that says that it cannot be undone; then the token is among the revoked ones only."""
    token = await _token(api, account, name="Mailer")
    person = await _manager(console, account)
    path = f"/console/{account}/tracker/{token['id']}/revoke"
    asked = await person.open(path)
    assert "This cannot be undone" in asked.text
    page = await person.submit(path, revision=_revision(asked))
    assert page.url.path == f"/console/{account}/tracker"
    assert ">Mailer</a>" not in page.text
    assert ">Mailer</a>" in (await person.open(page.url.path, revoked="true")).text


async def test_what_arrives_is_shown_with_what_to_do(
    console: Console, api: Api, account: str, recent: RecentRequests
) -> None:
    """A refused event is shown with its reason, the field at fault, and what to do about it."""
    token = await _token(api, account)
    refused = RecentEvent("plan_bought", "name_not_allowed", "event", "plan_bought is not among its names")
    recent.note(token["id"], _request(events=(refused, RecentEvent("page")), accepted=1, refused=1))
    page = await (await _manager(console, account)).open(f"/console/{account}/tracker/{token['id']}")
    assert "plan_bought is not among its names" in page.text
    assert "add the name to the token" in page.text
    assert "https://shop.example.com" in page.text


def _request(**parts: Any) -> RecentRequest:
    at = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
    origin = "https://shop.example.com"
    common = {"at": at, "call": "batch", "status": 200, "origin": origin, "user_agent": "Firefox"}
    return RecentRequest(**{**common, "address": "203.0.113.7", **parts})


async def test_without_a_tracker_the_page_says_so(console: Console, api: Api, account: str) -> None:
    """Where the console's process serves no tracker, the page says where calls are seen."""
    token = await _token(api, account)
    page = await (await _manager(console, account)).open(f"/console/{account}/tracker/{token['id']}")
    assert "This server has no tracker beside it" in page.text


async def test_readers_see_no_tokens(console: Console, account: str) -> None:
    """A person without the permission to manage finds neither the part nor its pages."""
    person = await console.as_(account, [Permission.READ])
    assert "/tracker" not in (await person.open(f"/console/{account}/activity")).text
    assert (await person.open(f"/console/{account}/tracker")).status_code == 403


async def test_script_in_any_field_is_text(
    console: Console, api: Api, account: str, recent: RecentRequests
) -> None:
    """Script in a token's name, its events, and every field of what arrives is shown, never put in as markup."""
    for text in hostile.TEXTS:
        token = await _token(api, account, name=text, event_names=[text], query_parameters=[text])
        event = RecentEvent(text, "malformed", text, text)
        parts = {"call": text, "reason": "malformed", "field": text, "detail": text, "origin": text}
        recent.note(token["id"], _request(events=(event,), user_agent=text, **parts))
        person = await _manager(console, account)
        for page in ("", "/edit", "/revoke", f"?base=https://{text}"):
            shown = await person.open(f"/console/{account}/tracker/{token['id']}{page}")
            assert shown.status_code == 200
            assert hostile.is_escaped(shown.text), page
    assert hostile.is_escaped((await person.open(f"/console/{account}/tracker")).text)


async def test_no_link_of_elsewhere_says_what_to_copy(console: Console, api: Api, account: str) -> None:
    """The texts to copy have the address that was typed on the page, not one that a link of another site brings."""
    token = await _token(api, account)
    person = await _manager(console, account)
    path = f"/console/{account}/tracker/{token['id']}?base=https://events.acme.example"
    for site, is_taken in (
        ("same-origin", True),
        ("same-site", False),
        ("cross-site", False),
        ("none", False),
    ):
        shown = await person.get(path, headers={"sec-fetch-site": site})
        assert ('value="https://events.acme.example"' in shown.text) is is_taken, site


def test_each_reason_has_advice() -> None:
    """There is something to do about each reason of the tracker."""
    assert set(ADVICE) == set(RefusalReason)


def test_snippets_are_those_of_the_documentation() -> None:
    """Signing code and the tag of a site are those of docs/tracker.md, which tests run."""
    docs = _DOCS.read_text("utf-8")
    for name in ("site", "sign.python", "sign.js", "sign.php"):
        assert snippets.TEXTS[name] in docs, name


async def test_the_tracker_in_the_browser(
    window: Callable[..., Awaitable[Window]], account: str, recent: RecentRequests
) -> None:
    """A token is made with the keyboard and its snippet copied; what arrives is seen, paused and resumed."""
    ann = await window(account, permissions=["engagement:read", "engagement:manage"])
    await ann.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await ann.open(f"/console/{account}/tracker")
    page = ann.page
    assert await ann.looked_at("tracker-none") == {}
    await page.get_by_role("link", name="Create the first token").press("Enter")
    await page.get_by_label("Name").press_sequentially("Shop")
    assert await ann.looked_at("tracker-new") == {}
    await page.get_by_label("Name").press("Enter")
    await expect(page.get_by_text("Copy this now")).to_be_visible()
    await page.get_by_role("button", name="Copy: For sites").press("Enter")
    await expect(page.locator("#announcer")).to_have_text("Copied")
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("<script async src=")
    assert "wk_" in copied
    assert await ann.looked_at("tracker-key") == {}
    token = page.url.rpartition("/")[2]

    await expect(page.get_by_text("No call with this token yet")).to_be_visible()
    recent.note(token, _request(events=(RecentEvent("page"),), accepted=1))
    await expect(page.get_by_text("1 recorded")).to_be_visible(timeout=8000)
    await page.get_by_role("button", name="Pause").press("Enter")
    await expect(page.get_by_role("button", name="Go on")).to_have_attribute("aria-pressed", "true")
    refused = RecentEvent("plan_bought", "name_not_allowed", "event", "may not be recorded")
    recent.note(token, _request(events=(refused,), refused=1))
    await page.get_by_role("button", name="Go on").press("Enter")
    await expect(page.get_by_text("1 refused")).to_be_visible(timeout=8000)
    assert await ann.looked_at("tracker-token") == {}
    await ann.open(f"/console/{account}/tracker")
    assert await ann.looked_at("tracker") == {}
    assert ann.complaints == []


async def test_script_in_the_browser_does_not_run(
    window: Callable[..., Awaitable[Window]], api: Api, account: str, recent: RecentRequests
) -> None:
    """Script in a token's name and in what arrives does not run, and no policy has to stop it."""
    text = "".join(hostile.TEXTS)
    token = await _token(api, account, name=text)
    recent.note(token["id"], _request(call=text, events=(RecentEvent(text, "malformed", text, text),)))
    ann = await window(account)
    for path in ("", f"/{token['id']}", f"/{token['id']}/edit", f"/{token['id']}/revoke"):
        await ann.open(f"/console/{account}/tracker{path}")
        await expect(ann.page.get_by_role("heading", level=1)).to_be_visible()
    assert ann.complaints == []
