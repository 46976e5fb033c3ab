"""Activity: jobs with their progress, and who changed what."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from consumer.catalog import audit
from consumer.catalog.audit import AuditedChange
from consumer.web.http.auth import Permission
from consumer.web.http.outward_ids import PUBLISH
from tests.console import hostile
from tests.pipeline import service
from tests.web.sample_account import begin, draft, publish, scored

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.infra.postgres.connection import Connection
    from tests.console.console_client import Console
    from tests.console.in_browser import Window
    from tests.pipeline.service import Service
    from tests.web.api_client import Api


@pytest.fixture
async def account(worker: Service, new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account with scores."""
    return await scored(worker, new_account)


async def test_jobs_are_listed_and_cancelled(console: Console, api: Api, account: str) -> None:
    """A running job stands first, with a button that cancels it; then it is among those that have ended."""
    async with api.as_(account) as client:
        await draft(client, weights={"deal_won": 7})
        begun = (await begin(client)).json()
        await client.post("/definitions/deal_won/rejudgements", json={"xp": False})
    person = await console.as_(account)
    page = await person.open(f"/console/{account}/activity")
    assert re.search(r"<h3>Publish <a[^>]*>lead_score</a>", page.text)
    assert re.search(r"<h3>Rejudgement <a[^>]*>deal_won</a>", page.text)
    fields = {"kind": "publish", "id": begun["id"], "subject": "lead_score"}
    page = await person.submit(f"/console/{account}/activity/cancel", **fields)
    assert "The job was cancelled." in page.text
    again = await person.submit(f"/console/{account}/activity/cancel", **fields)
    assert again.status_code == 409
    assert 'role="alert"' in again.text
    purge = await person.submit(f"/console/{account}/activity/cancel", kind="purge", id="1")
    assert purge.status_code == 422
    only = await person.open(f"/console/{account}/activity", kind="backfill")
    assert "deal_won" not in only.text


async def test_readers_cancel_nothing_and_see_no_trail(console: Console, api: Api, account: str) -> None:
    """A person who only reads sees jobs, no button that fails, and no audit trail."""
    async with api.as_(account) as client:
        await client.post("/definitions/deal_won/rejudgements", json={"xp": False})
    person = await console.as_(account, [Permission.READ])
    page = await person.open(f"/console/{account}/activity")
    assert "deal_won" in page.text
    assert "/cancel" not in page.text
    assert "/changes" not in page.text
    assert (await person.open(f"/console/{account}/activity/changes")).status_code == 403
    assert (await person.submit(f"/console/{account}/activity/cancel", kind="publish")).status_code == 403


async def test_changes_are_filtered(console: Console, api: Api, account: str) -> None:
    """The trail has what was changed with its values, by whom; filters are in the address, and faults at them."""
    async with api.as_(account, actor="bob") as client:
        await client.edit("/definitions/deal_won", {"name": "Deal is won"})
    person = await console.as_(account)
    path = f"/console/{account}/activity/changes"
    page = await person.open(path, subject="definition", key="deal_won", actor="bob")
    assert "Deal is won" in page.text
    assert page.text.count("<details>") == 1
    assert "No change fits these filters." in (await person.open(path, actor="nobody")).text
    assert "Deal is won" in (await person.open(path, since="2026-01-01", until="2999-01-01")).text
    assert "No change fits these filters." in (await person.open(path, until="2026-01-01")).text
    wrong = await person.open(path, since="soon")
    assert wrong.status_code == 422
    assert 'id="fault-since"' in wrong.text
    assert (await person.open(path, key="deal_won")).status_code == 422


async def test_pages_follow_each_other(console: Console, account: str, observer: Connection) -> None:
    """The trail is gone through page by page, each entry once."""
    changes = [AuditedChange("changed", "tests", f"number-{number}") for number in range(60)]
    await audit.record_changes(observer, account, "eve", *changes)
    person = await console.as_(account)
    path = f"/console/{account}/activity/changes"
    page = await person.open(path, subject="tests")
    found = re.search(r'rel="next" href="([^"]+)"', page.text)
    assert found is not None
    second = await person.open(unescape(found[1]))
    numbers = [re.findall(r"<code>(number-\d+)</code>", each.text) for each in (page, second)]
    assert sorted([*numbers[0], *numbers[1]]) == sorted(f"number-{number}" for number in range(60))


async def test_script_in_jobs_and_changes_is_text(
    console: Console, api: Api, account: str, observer: Connection
) -> None:
    """Script in actors, keys and values of the trail, and in who requested a job, is never put in as markup."""
    for text in hostile.TEXTS:
        change = AuditedChange(text, text, text, {text: text}, {"name": text})
        await audit.record_changes(observer, account, text, change, AuditedChange("changed", "contact", text))
        async with api.as_(account, actor=text) as client:
            await client.post("/definitions/deal_won/rejudgements", json={"xp": False})
        person = await console.as_(account, actor=text)
        for path in (
            "",
            "/changes",
            f"/changes?actor={text}&subject={text}&key={text}&since={text}",
            f"?kind={text}",
        ):
            page = await person.open(f"/console/{account}/activity{path}")
            assert page.status_code in {200, 422}
            assert hostile.is_escaped(page.text), path


async def test_the_activity_in_the_browser(
    window: Callable[..., Awaitable[Window]], api: Api, account: str, observer: Connection
) -> None:
    """A publish that begins and ends is seen without a reload; values are opened with the keyboard."""
    ann = await window(account)
    page = ann.page
    await ann.open(f"/console/{account}/activity")
    await expect(page.get_by_role("heading", name="Activity")).to_be_visible()
    async with api.as_(account) as client:
        await draft(client, weights={"deal_won": 7})
        begun = (await begin(client)).json()
        await expect(page.get_by_role("heading", name="Publish lead_score")).to_be_visible(timeout=8000)
        await client.post("/definitions/deal_won/rejudgements", json={"xp": False})
        await expect(page.get_by_role("heading", name="Rejudgement deal_won")).to_be_visible(timeout=8000)
        await observer.execute(
            "update publishes set contacts_done = 1, contacts_total = 2 where ended_at is null"
        )
        await expect(page.get_by_text("50%: 1 of 2")).to_be_visible(timeout=8000)
        assert await ann.looked_at("activity-running") == {}
        await service.publish_all(api.dsn, [await api.number(PUBLISH, begun["id"])])
        await expect(page.get_by_role("heading", name="Publish lead_score")).to_be_hidden(timeout=8000)
        await draft(client, weights={"deal_won": 8})
        await publish(api, client)
    await page.get_by_role("button", name="Cancel: Rejudgement deal_won").press("Enter")
    await expect(page.get_by_text("The job was cancelled.")).to_be_visible()
    assert await ann.looked_at("activity") == {}
    await page.get_by_role("link", name="Changes").press("Enter")
    await page.get_by_text("What has changed").first.press("Enter")
    await expect(page.locator(".values").first).to_be_visible()
    assert await ann.looked_at("changes") == {}
    await ann.open(f"/console/{account}/activity?kind=backfill")
    assert await ann.looked_at("activity-none") == {}
    assert ann.complaints == []
