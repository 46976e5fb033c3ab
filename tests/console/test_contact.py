"""The page of a contact: its scores, what they are made of, the timeline."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from consumer.web.http.auth import Permission
from tests.console.sample import happened, sales_account, upserted
from tests.web.account_events import flush_inbox
from tests.web.sample_account import scored

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.console.console_client import Console
    from tests.console.in_browser import Window
    from tests.pipeline.service import Service
    from tests.web.api_client import Api

    NewAccount = Callable[..., Awaitable[str]]
    OpenWindow = Callable[..., Awaitable[Window]]

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'


async def test_the_page_shows_the_score_and_why(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """The page shows the score, and lines that lead to the events of which each is made."""
    account = await scored(worker, new_account)
    person = await console.as_(account)
    page = await person.open(f"/console/{account}/contacts/ann")
    assert page.status_code == 200, page.text
    assert '<p class="score-number">52</p>' in page.text
    assert "2 × 1" in page.text
    link = re.search(r'href="([^"]+)"[^>]*>Email opened</a>', page.text)
    assert link is not None
    opened = await person.open(link[1].replace("&amp;", "&"))
    assert opened.text.count('class="item"') == 2
    assert "Deal won</strong>" not in opened.text


async def test_an_event_that_does_not_count_says_why(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """What does not count says so in words, with the time until which it cools down."""
    account = await sales_account(worker, new_account, time_zone="Europe/Lisbon")
    begin = datetime(2026, 3, 2, 14, 5, tzinfo=UTC)
    await worker.batch(
        [
            happened(account, "message.received", begin + timedelta(minutes=each), subject="eve")
            for each in range(2)
        ]
    )
    person = await console.as_(account)
    page = await person.open(f"/console/{account}/contacts/eve")
    assert "not counted: cooling down until 15:05" in page.text.replace("\u202f", " ").replace(" PM", "") or (
        "not counted: cooling down until 3:05" in page.text
    )
    assert "cannot" not in page.text


async def test_data_is_shown_on_request(console: Console, worker: Service, new_account: NewAccount) -> None:
    """The data of an event is not on the page, and is behind a link that shows that event alone."""
    account = await sales_account(worker, new_account)
    person = await console.as_(account)
    page = await person.open(f"/console/{account}/contacts/ann", definition="order_placed")
    assert "A-1" not in page.text
    link = re.search(r'href="([^"]+)"[^>]*>Show the data</a>', page.text)
    assert link is not None
    alone = await person.open(link[1].replace("&amp;", "&"))
    assert "&#34;sku&#34;: &#34;A-1&#34;" in alone.text
    assert alone.text.count("<pre") == 1


async def test_filters_are_the_apis(console: Console, worker: Service, new_account: NewAccount) -> None:
    """Group, definition, verdict and days are filters in the address; a day that is none is refused in words."""
    account = await sales_account(worker, new_account)
    person = await console.as_(account)
    path = f"/console/{account}/contacts/ann"
    silent = await person.open(path, verdict="already_counted")
    assert "it has counted already" in silent.text
    assert "cooling down until" not in silent.text
    assert (
        "Nothing fits these filters" in (await person.open(path, since="2001-01-01", until="2001-01-02")).text
    )
    assert "Nothing fits" in (await person.open(path, actor="nobody")).text
    assert "Deal won" in (await person.open(path, actor="rosa")).text
    refused = await person.open(path, since="yesterday")
    assert refused.status_code == 422
    assert "since" in refused.text


async def test_the_timeline_goes_on_page_by_page(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """All of a long timeline is reached by the links to what is older, each event once."""
    account = await scored(worker, new_account)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    await worker.batch([happened(account, "email.opened", at + timedelta(hours=each)) for each in range(70)])
    person = await console.as_(account)
    page = await person.open(f"/console/{account}/contacts/ann")
    seen = re.findall(r'id="item-(\w+)"', page.text)
    while (link := re.search(r'rel="next" href="([^"]+)"', page.text)) is not None:
        page = await person.open(link[1].replace("&amp;", "&"))
        seen += re.findall(r'id="item-(\w+)"', page.text)
    assert len(seen) == len(set(seen)) == 73


async def test_what_did_not_reach_the_timeline(
    console: Console, api: Api, worker: Service, new_account: NewAccount
) -> None:
    """Events that reached no timeline are listed with the reason, of an id that was never seen as a contact too."""
    account = await sales_account(worker, new_account)
    await worker.batch([happened(account, "nobody.names_this", datetime.now(UTC), subject="nobody")])
    await flush_inbox(api, worker)
    person = await console.as_(account)
    page = await person.open(f"/console/{account}/contacts/ann")
    assert "no definition names nobody.names_this" in page.text
    unknown = await person.open(f"/console/{account}/contacts/nobody")
    assert unknown.status_code == 404
    assert "Not seen yet" in unknown.text
    assert "no definition names nobody.names_this" in unknown.text


async def test_points_are_given_and_taken_back(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """Points are given with a reason, shown with it, and undone by the button beside the message."""
    account = await scored(worker, new_account)
    person = await console.as_(account)
    path = f"/console/{account}/contacts/ann"
    page = await person.open(path)
    key = re.search(r'name="client_key" value="([^"]+)"', page.text)
    assert key is not None
    sent = {"group": "mail", "points": "5", "reason": "called back", "client_key": key[1]}
    done = await person.submit(f"/console/{account}/contact/adjust/ann", profile="lead_score", **sent)
    assert done.url.path == path
    assert '<p class="score-number">57</p>' in done.text
    assert "called back" in done.text
    assert "+5 points in Mail." in done.text
    adjustment = re.search(r'name="adjustment" value="([^"]+)"', done.text)
    assert adjustment is not None
    undone = await person.submit(
        f"/console/{account}/contact/undo-adjustment/ann", adjustment=adjustment[1], profile="lead_score"
    )
    assert '<p class="score-number">52</p>' in undone.text
    assert 'name="adjustment"' not in undone.text


async def test_a_refused_adjustment_keeps_what_was_typed(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """What is wrong with an adjustment is said at its field, in the API's words, beside what was typed."""
    account = await scored(worker, new_account)
    person = await console.as_(account)
    await person.open(f"/console/{account}/contacts/ann")
    refused = await person.submit(
        f"/console/{account}/contact/adjust/ann",
        group="mail",
        points="0",
        reason="because",
        client_key="k",
        profile="lead_score",
    )
    assert refused.status_code == 422
    assert "must not be 0" in refused.text
    assert 'value="because"' in refused.text


async def test_a_reader_sees_no_control_that_fails(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """A person without `manage` sees no form that changes something, and sending one is refused."""
    account = await scored(worker, new_account)
    person = await console.as_(account, [Permission.READ])
    page = await person.open(f"/console/{account}/contacts/ann")
    assert page.text.count('method="post"') == 2  # preferences, and signing out
    refused = await person.submit(f"/console/{account}/contact/adjust/ann", group="mail", points="1")
    assert refused.status_code == 403


@pytest.mark.parametrize("contact", ["crm/77", "a?b&c#d", "100 % ünï", "joe/timeline-x"])
async def test_any_id_has_a_page(
    console: Console, worker: Service, new_account: NewAccount, contact: str
) -> None:
    """A contact whose id has signs of addresses in it is found, and its links lead to itself."""
    account = await scored(worker, new_account)
    await worker.batch([happened(account, "deal.won", datetime.now(UTC), subject=contact)])
    person = await console.as_(account)
    listed = await person.open(f"/console/{account}/leads")
    link = next(
        each
        for each in re.findall(r'href="(/console/[^"]+/contacts/[^"]+)"', listed.text)
        if "ann" not in each and "bob" not in each
    )
    page = await person.open(link.replace("&amp;", "&"))
    assert page.status_code == 200
    assert '<p class="score-number">50</p>' in page.text
    opened = re.search(r'href="([^"]+)"[^>]*>Deal won</a>', page.text)
    assert opened is not None
    assert (await person.open(opened[1].replace("&amp;", "&"))).status_code == 200


async def test_the_page_in_the_browser(window: OpenWindow, worker: Service, new_account: NewAccount) -> None:
    """The page has no serious finding of axe, in both themes, on a desk and on a phone, and no script complains."""
    account = await sales_account(worker, new_account)
    ann = await window(account)
    await ann.open(f"/console/{account}/contacts/ann")
    assert await ann.looked_at("contact") == {}
    await ann.page.locator(".item summary").first.click()
    await ann.page.locator(".item-data pre").first.wait_for()
    await ann.page.locator("#adjust summary").click()
    await ann.page.locator("#history-table summary").click()
    assert await ann.looked_at("contact-opened") == {}
    assert ann.complaints == []


async def test_the_page_follows_what_happens(
    window: OpenWindow, worker: Service, new_account: NewAccount
) -> None:
    """A new event is on the page by itself; what was typed, opened and focused, and the place of reading stay."""
    account = await sales_account(worker, new_account)
    ann = await window(account)
    await ann.open(f"/console/{account}/contacts/dora")
    page = ann.page
    await page.locator("#adjust summary").click()
    await page.locator(".item summary").first.click()
    await page.locator(".item-data pre").first.wait_for()
    await page.locator("#field-reason").fill("half a sent")
    summary = await page.locator(".item summary").first.get_attribute("id")
    await page.locator(f"#{summary}").focus()
    at = datetime.now(UTC) - timedelta(minutes=5)
    await worker.batch([happened(account, "deal.won", at, subject="dora", objectid="d9")])
    await page.locator("strong", has_text="Deal won").wait_for()
    assert await page.locator(".score-number").inner_text() == "60"
    assert await page.locator("#announcer").inner_text() == "Score: 60"
    assert await page.evaluate("document.activeElement.id") == summary
    assert await page.locator("#field-reason").input_value() == "half a sent"
    assert await page.locator(".item-data pre").first.is_visible()
    assert ann.complaints == []


async def test_an_open_page_asks_for_little(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """A page that is open asks for what changes alone: scores, why, and the newest of the timeline."""
    account = await sales_account(worker, new_account)
    person = await console.as_(account)
    path = f"/console/{account}/contacts/ann"
    page, live = await person.get(path), await person.get(path, headers={"engagement-live": "true"})
    parts = re.findall(r'id="([\w-]+)"[^>]*data-live', page.text)
    assert {"about", "scores", "why", "xp", "timeline-days"} <= {*parts}
    for each in parts:
        assert f'id="{each}"' in live.text
    items = re.findall(r'id="item-(\w+)"', live.text)
    assert items == re.findall(r'id="item-(\w+)"', page.text)[: len(items)]
    assert len(live.content) < 0.6 * len(page.content)


async def test_script_in_every_field_is_text(
    window: OpenWindow, api: Api, worker: Service, new_account: NewAccount
) -> None:
    """Script in an id, a name, a field, an event, its data or a reason is shown, and never run."""
    account = await sales_account(worker, new_account)
    at, contact = datetime.now(UTC), f"a/{HOSTILE}"
    fields = dict.fromkeys(("name", "owner", "email", "phone"), HOSTILE)
    hostile = {"objectid": HOSTILE, "actorid": HOSTILE, "actortype": "rep", "data": {HOSTILE: HOSTILE}}
    await worker.batch(
        [
            upserted(account, contact, at, **fields, url="javascript:alert(3)", tags=[HOSTILE]),
            happened(account, "deal.won", at, subject=contact, **hostile),
            happened(account, f"x.{HOSTILE}", at, subject=contact),
        ]
    )
    await flush_inbox(api, worker)
    manager = api.as_(account, actor=HOSTILE)
    made = await manager.post(
        "/adjustments",
        json={
            "items": [
                {"contact": contact, "group": "support", "points": 3, "reason": HOSTILE, "client_key": "k"}
            ]
        },
    )
    assert made.json()["created"] == 1, made.text
    ann = await window(account)
    dialogs: list[str] = []
    ann.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    await ann.open(f"/console/{account}/leads")
    await ann.page.locator('a[href*="contacts/a%2F"]').first.click()
    await ann.page.locator(".item summary").first.click()
    await ann.page.locator(".item-data pre").first.wait_for()
    shown = await ann.page.locator("main").inner_text()
    assert shown.count("<script>alert(1)</script>") >= 8
    assert await ann.page.locator("main script, main img, a[href^='javascript']").count() == 0
    assert await ann.looked_at("contact-hostile") == {}
    assert dialogs == []
    assert ann.complaints == []
