"""The settings: modules, retention with what it removes, and who may do what."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from consumer.web.http.auth import Permission
from tests.builders.events import dated_event
from tests.console import hostile
from tests.web.sample_account import GROUPS, WON

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.console.console_client import Console
    from tests.console.in_browser import Window
    from tests.pipeline.service import Service
    from tests.web.api_client import Api

_OLD = datetime.now(UTC).replace(microsecond=0) - timedelta(days=700)


@pytest.fixture
async def account(worker: Service, new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account in which ann has had a deal of two years ago."""
    account = await new_account(groups=GROUPS, definitions=[WON])
    await worker.batch([dated_event("old", _OLD, type="deal.won", accountid=account)])
    return account


async def _settings(api: Api, account: str) -> dict[str, Any]:
    async with api.as_(account) as client:
        found: dict[str, Any] = (await client.get("")).json()
        return found


def _field(page: Any, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found is not None, page.text
    return unescape(found[1])


async def test_modules_are_changed_and_changed_back(console: Console, api: Api, account: str) -> None:
    """Operators change name, zone and modules; the next page offers to undo that, and does."""
    person = await console.as_(account)
    path = f"/console/{account}/settings"
    revision = _field(await person.open(path), "revision")
    fields = {"name": "Acme", "time_zone": "Europe/Lisbon", "sales": "1"}
    page = await person.submit(f"{path}/general", revision=revision, **fields)
    assert "The settings were saved." in page.text
    found = await _settings(api, account)
    assert (found["name"], found["time_zone"]) == ("Acme", "Europe/Lisbon")
    assert (found["engagement"], found["sales"]) == (False, True)
    undo = re.search(r'role="status">.*?</form>', page.text, re.DOTALL)
    assert undo is not None
    fields = {name: unescape(text) for name, text in re.findall(r'name="(\w+)" value="([^"]*)"', undo[0])}
    page = await person.submit(f"{path}/general", **fields)
    found = await _settings(api, account)
    assert (found["name"], found["time_zone"], found["engagement"]) == (account, "UTC", True)


async def test_faults_and_changes_of_others_keep_what_was_typed(
    console: Console, api: Api, account: str
) -> None:
    """An empty name is a fault at its field; a change of another person is said, and can be saved over."""
    person = await console.as_(account)
    path = f"/console/{account}/settings"
    revision = _field(await person.open(path), "revision")
    page = await person.submit(f"{path}/general", revision=revision, name="", time_zone="UTC")
    assert page.status_code == 422
    assert 'id="fault-name"' in page.text
    async with api.as_(account) as client:
        await client.edit("", {"name": "Other"})
    page = await person.submit(f"{path}/general", revision=revision, name="Mine", time_zone="UTC")
    assert page.status_code == 412
    assert 'value="Mine"' in page.text
    again = _field(page, "revision")
    page = await person.submit(f"{path}/general", revision=again, name="Mine", time_zone="UTC")
    assert (await _settings(api, account))["name"] == "Mine"


async def test_a_retention_period_is_saved_after_its_preview(
    console: Console, api: Api, account: str
) -> None:
    """What a period would remove is shown before it is saved, and a wrong one is a fault at its field."""
    person = await console.as_(account)
    path = f"/console/{account}/settings/retention"
    wrong = await person.open(path, retention="soon")
    assert wrong.status_code == 422
    assert 'id="fault-retention"' in wrong.text
    page = await person.open(path, retention="365d")
    assert "This removes one timeline entry" in page.text
    page = await person.submit(f"{path}/change", retention="365d", revision=_field(page, "revision"))
    assert "Timeline entries are kept for 365d" in page.text
    page = await person.open(path, retention="")
    assert "This removes nothing now." in page.text
    await person.submit(f"{path}/change", retention="", revision=_field(page, "revision"))
    assert (await _settings(api, account))["retention"] is None


async def test_readers_see_settings_and_change_none(console: Console, account: str) -> None:
    """A person who only reads sees the settings and no control that fails; forms of others are refused."""
    person = await console.as_(account, [Permission.READ])
    for path in ("", "/retention", "/access"):
        page = await person.open(f"/console/{account}/settings{path}")
        assert page.status_code == 200
        assert f'action="/console/{account}/' not in page.text
        assert "/settings/webhooks" not in page.text
    refused = await person.submit(f"/console/{account}/settings/general", name="Mine", time_zone="UTC")
    assert refused.status_code == 403
    assert (await person.open(f"/console/{account}/settings/webhooks")).status_code == 403


async def test_permissions_are_explained_and_sessions_ended(console: Console, account: str) -> None:
    """The page says what the person may do; signing out everywhere ends the sessions on other devices."""
    here, there = [await console.as_(account, [Permission.READ]) for _ in range(2)]
    page = await here.open(f"/console/{account}/settings/access")
    assert len(re.findall(r">no<", page.text)) == 2
    await here.submit("/console/~sign-out", everywhere="1")
    assert (await there.open(f"/console/{account}/settings")).url.path == "/console/sign-in"


async def test_script_in_settings_is_text(console: Console, api: Api, account: str) -> None:
    """Script in the account's name, the actor's, and a period that was typed is shown, never put in as markup."""
    for text in hostile.TEXTS:
        async with api.as_(account) as client:
            await client.edit("", {"name": text})
        person = await console.as_(account, actor=text)
        for path in ("", "/retention", "/access", "/retention?retention=" + text):
            page = await person.open(f"/console/{account}/settings{path}")
            assert page.status_code in {200, 422}
            assert hostile.is_escaped(page.text), path


async def test_the_settings_in_the_browser(window: Callable[..., Awaitable[Window]], account: str) -> None:
    """Every page of the settings passes axe in both themes and widths; a period is previewed with the keyboard."""
    ann = await window(account)
    path = f"/console/{account}/settings"
    await ann.open(path)
    assert await ann.looked_at("settings") == {}
    await ann.open(f"{path}/retention")
    await ann.page.get_by_label("Keep them for").press_sequentially("90d")
    await ann.page.keyboard.press("Enter")
    await expect(ann.page.get_by_role("button", name="Keep entries for 90d")).to_be_visible()
    assert await ann.looked_at("settings-retention") == {}
    await ann.page.get_by_role("button", name="Keep entries for 90d").press("Enter")
    await expect(ann.page.get_by_role("heading", name="kept for 90d")).to_be_visible()
    await ann.open(f"{path}/access")
    assert await ann.looked_at("settings-access") == {}
    assert ann.complaints == []
