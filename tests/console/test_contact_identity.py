"""Joining, splitting, exporting and deleting contacts: each page says first what it will do."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from consumer.web.http.auth import Permission
from tests.console.sample import happened, sales_account
from tests.pipeline import service

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.console.console_client import Console, Person
    from tests.console.in_browser import Window
    from tests.pipeline.service import Service
    from tests.web.api_client import Api

    NewAccount = Callable[..., Awaitable[str]]


@pytest.fixture
async def account(worker: Service, new_account: NewAccount) -> str:
    """Name an account as a sales team has it."""
    return await sales_account(worker, new_account)


async def _joined(api: Api, account: str, person: Person, contact: str, into: str) -> None:
    path = f"/console/{account}/contact/join/{quote(contact, safe='')}"
    await person.open(path)
    done = await person.submit(path, into=into)
    assert done.status_code == 200, done.text
    await service.carry_out(api.dsn)


async def test_the_other_contact_is_searched_for_and_the_join_previewed(
    console: Console, api: Api, account: str
) -> None:
    """A search finds the other contact, a preview says what becomes of the scores, and the join leads to it."""
    person = await console.as_(account)
    path = f"/console/{account}/contact/join/dora"
    found = await person.open(path, q="carv")
    link = re.search(r'href="([^"]+into=ann)"', found.text)
    assert link is not None
    preview = await person.open(link[1].replace("&amp;", "&"))
    assert "What joining dora to ann does" in preview.text
    assert "Keep dora instead" in preview.text
    done = await person.submit(path, into="ann")
    assert done.url.path == f"/console/{account}/contacts/ann"
    assert "dora is being joined to ann." in done.text
    await service.carry_out(api.dsn)
    joined = await person.open(f"/console/{account}/contacts/dora")
    assert "The id dora means ann" in joined.text
    assert "joined by ann" in joined.text


async def test_a_join_that_makes_no_sense_is_said(console: Console, account: str) -> None:
    """An unknown contact and the contact itself are refused in the API's words, beside what was typed."""
    person = await console.as_(account)
    for into, said in (("nobody", "there is no contact nobody"), ("dora", "are one contact already")):
        for page in (
            await person.open(f"/console/{account}/contact/join/dora", into=into),
            await person.submit(f"/console/{account}/contact/join/dora", into=into),
        ):
            assert page.status_code == 422
            assert said in page.text
            assert f'value="{into}"' in page.text


async def test_a_join_is_taken_back(console: Console, api: Api, account: str) -> None:
    """The survivor lists the id; splitting it off is previewed, and both are contacts again."""
    person = await console.as_(account)
    await _joined(api, account, person, "crm/77", "ann")
    page = await person.open(f"/console/{account}/contacts/ann")
    link = re.search(r'href="([^"]+/contact/split/crm%2F77\?join=(\w+))"', page.text)
    assert link is not None
    preview = await person.open(link[1])
    assert "crm/77 and ann become two contacts again" in preview.text
    done = await person.submit(f"/console/{account}/contact/split/crm%2F77", join=link[2])
    assert "crm/77 is being split off again." in done.text
    assert f'action="/console/{account}/contact/join/crm%2F77"' in done.text
    await service.carry_out(api.dsn)
    again = await person.open(f"/console/{account}/contacts/crm%2F77")
    assert "Zoë Lindqvist</h1>" in again.text


async def test_a_deletion_says_what_goes_and_reports_what_went(
    console: Console, api: Api, account: str
) -> None:
    """The page has numbers of what is kept; the report has the same once a worker has done it."""
    person = await console.as_(account)
    page = await person.open(f"/console/{account}/contact/delete/bruno")
    assert re.search(r"Entries of the timeline, with their data</th><td[^>]*>1<", page.text)
    report = await person.submit(f"/console/{account}/contact/delete/bruno")
    assert "Under way" in report.text
    await service.carry_out(api.dsn)
    done = await person.open(report.url.path)
    assert re.search(r"Entries of the timeline, with their data</th><td[^>]*>1<", done.text)
    assert (await person.open(f"/console/{account}/contacts/bruno")).status_code == 404


async def test_an_export_is_everything_that_is_kept(console: Console, account: str) -> None:
    """The download has the contact's fields and events, of an id with a slash too."""
    person = await console.as_(account)
    page = await person.open(f"/console/{account}/contact/delete/crm%2F77")
    link = re.search(r'href="([^"]+/export)"', page.text)
    assert link is not None
    lines = (await person.open(link[1])).text.splitlines()
    assert any("Zoë Lindqvist" in line for line in lines)
    assert any('"deal_created"' in line for line in lines)


async def test_these_pages_need_their_permissions(console: Console, account: str) -> None:
    """A reader has no way to join, split or delete, and a manager none to delete."""
    reader = await console.as_(account, [Permission.READ])
    manager = await console.as_(account, [Permission.READ, Permission.MANAGE])
    shown = (await reader.open(f"/console/{account}/contacts/ann")).text
    assert "/contact/" not in shown
    assert "/contact/delete" not in (await manager.open(f"/console/{account}/contacts/ann")).text
    for person, actions in ((reader, ("join", "split", "delete")), (manager, ("delete",))):
        for action in actions:
            assert (await person.open(f"/console/{account}/contact/{action}/ann")).status_code == 403
            assert (
                await person.submit(f"/console/{account}/contact/{action}/ann", into="dora")
            ).status_code == 403


async def test_the_way_through_a_list(console: Console, account: str) -> None:
    """A contact opened from the list leads to the one after it there, and back to the list with its filters."""
    person = await console.as_(account)
    page = await person.open(f"/console/{account}/contacts/ann", list="sort=-score")
    assert f'href="/console/{account}/leads?sort=-score"' in page.text
    following = re.search(r'rel="next" data-key="j"[^>]* href="([^"]+)"', page.text)
    assert following is not None
    other = await person.open(following[1].replace("&amp;", "&"))
    back = re.search(r'rel="prev" data-key="k"[^>]* href="([^"]+/contacts/ann\?[^"]+)"', other.text)
    assert back is not None


async def test_the_pages_in_the_browser(
    window: Callable[..., Awaitable[Window]], api: Api, worker: Service, account: str
) -> None:
    """A join by keyboard, what is kept, and a report that goes on by itself: nothing is wrong with the pages."""
    ann = await window(account)
    page = ann.page
    await ann.open(f"/console/{account}/contact/join/dora")
    await page.locator("#field-q").fill("carv")
    await page.locator("#found a").first.wait_for()
    await page.locator("#found a").first.press("Enter")
    await page.locator("table").first.wait_for()
    assert await ann.looked_at("contact-join") == {}
    await page.locator("button[name=into]").press("Enter")
    await page.locator(".notice.done").wait_for()
    await service.carry_out(api.dsn)
    await worker.batch([happened(account, "deal.won", datetime.now(UTC), subject="dora", objectid="d-x")])
    await ann.open(f"/console/{account}/contacts/ann")
    await page.locator("#ids summary").click()
    await page.locator("#ids a").click()
    await page.locator("button[name=join]").wait_for()
    await ann.open(f"/console/{account}/contact/delete/dora")
    assert page.url.endswith("/contact/delete/ann")
    assert await ann.looked_at("contact-delete") == {}
    await page.locator("button.danger").click()
    await page.locator("#report").wait_for()
    await service.carry_out(api.dsn)
    await page.get_by_role("heading", name="Done").wait_for()
    assert await ann.looked_at("contact-deletion") == {}
    assert ann.complaints == []
