"""The list of leads in Chromium: keys, search, the chart, pages without jumps, and rows that follow."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from consumer.web.console.leads import distribution
from tests.console.hostile import IMAGE, SCRIPT
from tests.console.sample import happened, upserted
from tests.console.sample_leads import leads_account
from tests.pipeline.service import apply_document

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from playwright.async_api import Page, Route

    from tests.console.in_browser import Window
    from tests.pipeline.service import Service
    from tests.web.api_client import Api

    OpenWindow = Callable[..., Awaitable[Window]]

_COUNTED = "[data-range][data-ready]"


@pytest.fixture(scope="module")
async def account(api: Api, worker: Service) -> str:
    """Name an account with 120 leads that the tests of this module only read."""

    async def create(**sections: object) -> str:
        document = {"engagement_catalog": 1, "account": "leads", "name": "Leads", **sections}
        await apply_document(api.dsn, document)
        return "leads"

    return await leads_account(worker, create)


async def _opened(window: OpenWindow, account: str, query: str = "") -> Window:
    opened = await window(account)
    await opened.open(f"/console/{account}/leads{query}")
    await opened.page.wait_for_selector(_COUNTED)
    return opened


def _focused(page: Page) -> Awaitable[str | None]:
    return page.evaluate("document.activeElement.closest('[data-row]')?.dataset.contact ?? null")


async def test_the_list_is_accessible_in_both_themes_and_widths(window: OpenWindow, account: str) -> None:
    """Axe finds nothing serious, and nothing is wider than the window: the list, an empty one, the list of keys."""
    ann = await _opened(window, account)
    assert await ann.looked_at("leads") == {}
    await ann.page.keyboard.press("?")
    assert await ann.looked_at("leads-keys") == {}
    await ann.open(f"/console/{account}/leads?q=nobody-has-this-name&min=30&sort=-score.purchase")
    await ann.page.wait_for_selector(_COUNTED, state="attached")
    await ann.page.evaluate("document.getElementById('show-facets').checked = true")
    assert await ann.looked_at("leads-none") == {}
    assert ann.complaints == []


async def test_what_is_typed_stays_when_the_chart_comes(
    window: OpenWindow, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chart that arrives after a range was typed leaves the fields as they are, and shows the range."""
    monkeypatch.setattr(distribution, "_PATIENCE", 0.0)
    ann = await window(account)
    typed = asyncio.Event()

    async def hold(route: Route) -> None:
        await typed.wait()
        await route.continue_()

    await ann.page.route("**/leads?chart=1*", hold)
    await ann.open(f"/console/{account}/leads")
    least = ann.page.get_by_label("Score from")
    await least.fill("31")
    typed.set()
    await ann.page.wait_for_selector(_COUNTED)
    await expect(least).to_have_value("31")
    await expect(ann.page.get_by_label("Least points")).not_to_have_value("0")
    await least.press("Tab")
    await expect(ann.page).to_have_url(re.compile(r"min=31"))
    assert ann.complaints == []


async def test_keys_lead_through_the_list(window: OpenWindow, account: str) -> None:
    """`j` and `k` move, beyond the end of a page too; Enter opens; `/` searches, and Escape leaves the field."""
    ann = await _opened(window, account)
    page = ann.page
    rows = [await row.get_attribute("data-contact") for row in await page.query_selector_all("[data-row]")]
    for key in "jjk":
        await page.keyboard.press(key)
    assert await _focused(page) == rows[0]
    await page.focus(f'[data-contact="{rows[-1]}"] a')
    await page.keyboard.press("j")
    await expect(page.locator("#results-count")).to_contain_text("51–100")
    second = await page.get_attribute("[data-row]", "data-contact")
    await page.wait_for_function("document.activeElement.matches('[data-row-link]')")
    assert await _focused(page) == second
    await page.keyboard.press("k")
    await expect(page.locator("#results-count")).to_contain_text("1–50")
    await page.wait_for_function("document.activeElement.matches('[data-row-link]')")
    assert await _focused(page) == rows[-1]
    await page.keyboard.press("/")
    await page.keyboard.type("jj")
    assert await page.input_value("#field-q") == "jj"
    await page.keyboard.press("Escape")
    assert await page.evaluate("document.activeElement.id") != "field-q"
    await ann.open(f"/console/{account}/leads")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/contacts/**")
    assert ann.complaints == []


async def test_keys_export(window: OpenWindow, account: str) -> None:
    """`e` downloads the list, and `?` says which keys there are."""
    ann = await _opened(window, account)
    async with ann.page.expect_download() as download:
        await ann.page.keyboard.press("e")
    assert (await download.value).suggested_filename.endswith(".csv")
    await ann.page.keyboard.press("?")
    await expect(ann.page.locator("#keys")).to_contain_text("Export the list")
    await ann.page.keyboard.press("Escape")
    await expect(ann.page.locator("#keys")).not_to_be_visible()


async def test_search_as_one_types(window: OpenWindow, account: str) -> None:
    """The list follows what is typed, under an address to share and to go back from; the field keeps the focus."""
    ann = await _opened(window, account)
    page = ann.page
    await page.keyboard.press("/")
    await page.keyboard.type("amara alm")
    await expect(page.locator("[data-row]")).to_have_count(1)
    assert page.url.endswith("/leads?q=amara%20alm")
    assert await page.evaluate("document.activeElement.id") == "field-q"
    assert "q=amara+alm" in str(await page.get_attribute("#export", "href"))
    await page.select_option("#field-group", "purchase")
    await page.wait_for_url("**group=purchase")
    assert await page.input_value("#field-q") == "amara alm"
    await page.go_back()
    await page.wait_for_url("**?q=amara%20alm")
    await expect(page.locator("#field-group")).to_have_value("")
    assert ann.complaints == []


async def test_the_chart_is_dragged_and_moved_by_keys(window: OpenWindow, account: str) -> None:
    """Dragging over bars, arrow keys on the sliders and typing all set the same range."""
    ann = await _opened(window, account)
    page = ann.page
    box = await page.locator(".chart").bounding_box()
    assert box
    bars = await page.locator(".chart-bar").count()
    edges = await page.evaluate("JSON.parse(document.querySelector('[data-range]').dataset.edges)")
    middle = box["y"] + box["height"] / 2
    await page.mouse.move(box["x"] + box["width"] * 4.5 / bars, middle)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * 8.5 / bars, middle)
    await page.mouse.up()
    await page.wait_for_url(f"**min={edges[4]}&max={edges[9] - 1}")
    await page.wait_for_selector(_COUNTED)
    await expect(page.locator(".chart-bar.inside")).to_have_count(5)
    await page.focus("[data-end=from]")
    await page.keyboard.press("ArrowRight")
    await page.wait_for_url(f"**min={edges[5]}&max={edges[9] - 1}")
    await page.fill("#field-max", "")
    await page.keyboard.press("Tab")
    await page.wait_for_url(f"**min={edges[5]}")
    await expect(page.locator(".chart-bar.inside")).to_have_count(bars - 5)
    assert ann.complaints == []


async def test_pages_do_not_jump(window: OpenWindow, account: str) -> None:
    """A further page takes the place of the one before: the window stays where it was scrolled to."""
    ann = await _opened(window, account)
    page = ann.page
    await page.evaluate("scrollTo(0, 240)")
    await page.keyboard.press("n")
    await expect(page.locator("#results-count")).to_contain_text("51–100")
    assert await page.evaluate("scrollY") == 240
    await page.keyboard.press("p")
    await expect(page.locator("#results-count")).to_contain_text("1–50")
    assert await page.evaluate("scrollY") == 240


async def test_rows_move_only_when_asked(
    window: OpenWindow, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """While one is at work, a row shows its new points in its place, and a button says how many would move."""
    account = await leads_account(worker, new_account, 12)
    ann = await _opened(window, account)
    page = ann.page
    order = "[...document.querySelectorAll('[data-row]')].map((row) => row.dataset.contact)"
    before = await page.evaluate(order)
    last = before[-1]
    await page.mouse.move(400, 400)
    await page.keyboard.press("j")
    await worker.batch([happened(account, "deal.won", datetime.now(UTC), subject=last, objectid="live")])
    button = page.locator("[data-changes]")
    await expect(button).to_have_text("1 change: show")
    row = page.locator(f'[data-contact="{last}"]')
    await expect(row).to_contain_text("Deal won")
    assert await page.evaluate(order) == before
    await button.click()
    await expect(button).not_to_be_visible()
    after = await page.evaluate(order)
    assert after != before
    assert sorted(after) == sorted(before)
    assert after.index(last) < len(after) - 1
    assert ann.complaints == []


async def test_a_list_that_nobody_reads_moves_by_itself(
    window: OpenWindow, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """A contact that rises goes up at once where neither pointer nor keys were used."""
    account = await leads_account(worker, new_account, 12)
    ann = await _opened(window, account)
    last = await ann.page.locator("[data-row]").last.get_attribute("data-contact")
    won = [
        happened(account, kind, datetime.now(UTC), subject=str(last), objectid="live")
        for kind in ("deal.won", "order.placed", "payment.succeeded")
    ]
    await worker.batch(won)
    await expect(ann.page.locator("[data-row]").last).not_to_have_attribute("data-contact", str(last))
    await expect(ann.page.locator("[data-changes]")).not_to_be_visible()


async def test_script_in_names_does_not_run(
    window: OpenWindow, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """Script in a name, an id and an owner is shown as text, in the list and where rows are renewed."""
    account = await leads_account(worker, new_account, 3)
    now = datetime.now(UTC)
    await worker.batch([upserted(account, IMAGE, now, name=SCRIPT, owner=IMAGE)])
    ann = await window(account)
    ran: list[str] = []
    ann.page.on("dialog", lambda dialog: ran.append(dialog.message))
    await ann.open(f"/console/{account}/leads")
    await ann.page.keyboard.press("j")
    await worker.batch([happened(account, "deal.won", now, subject=IMAGE, objectid="x")])
    await expect(ann.page.locator("[data-row]", has_text=SCRIPT)).to_contain_text("Deal won")
    assert ran == []
    assert ann.complaints == []
