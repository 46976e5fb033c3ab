"""Segments in Chromium: conditions as one sets them, the count that follows, and the order by keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playwright.async_api import expect

from tests.console.sample_leads import leads_account
from tests.console.segment_rules import EVERYTHING, HOT, WARM

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.console.console_client import Console
    from tests.console.in_browser import Window
    from tests.pipeline.service import Service

    OpenWindow = Callable[..., Awaitable[Window]]
    NewAccount = Callable[..., Awaitable[str]]


async def _account(console: Console, worker: Service, new_account: NewAccount, **segments: Any) -> str:
    account = await leads_account(worker, new_account, 40)
    client = console.api.as_(account)
    for key, match in segments.items():
        body = {"key": key, "name": key.title(), "description": f"What {key} is for", "match": match}
        assert (await client.post("/segments", json=body)).status_code == 201
    return account


def _faults_of(window: Window) -> list[str]:
    """Return complaints, but for the answer to what is wrong, and a count that is cut off when one saves."""
    return [each for each in window.complaints if "422" not in each and not each.startswith("htmx:")]


async def test_pages_are_accessible_in_both_themes_and_widths(
    console: Console, window: OpenWindow, worker: Service, new_account: NewAccount
) -> None:
    """Axe finds nothing serious, and nothing is wider than the window: the list, forms, and one with faults."""
    account = await _account(console, worker, new_account, hot=HOT, every=EVERYTHING)
    ann = await window(account)
    await ann.open(f"/console/{account}/segments")
    await expect(ann.page.locator("#segments[data-counting]")).to_have_count(0)
    assert await ann.looked_at("segments") == {}
    await ann.open(f"/console/{account}/segments/edit/every")
    await ann.page.wait_for_selector("#count .score")
    assert await ann.looked_at("segment") == {}
    await ann.page.fill("#c-0-min", "90")
    await ann.page.fill("#field-name", "")
    await ann.page.click("button[value=save]")
    assert await ann.looked_at("segment-faults") == {}
    await ann.open(f"/console/{account}/segments/new")
    await expect(ann.page.locator("#count")).to_contain_text("Complete the conditions")
    assert await ann.looked_at("segment-new") == {}
    assert _faults_of(ann) == []


async def test_the_count_follows_the_conditions(
    console: Console, window: OpenWindow, worker: Service, new_account: NewAccount
) -> None:
    """Rows are added and filled in by keys, each change is counted, and what was made is saved."""
    account = await _account(console, worker, new_account)
    ann = await window(account)
    page = ann.page
    client = console.api.as_(account)

    async def counted(*conditions: dict[str, Any]) -> str:
        answer = await client.post("/segments/count", json={"match": {"all": conditions}})
        return str(answer.json()["contacts"])

    await ann.open(f"/console/{account}/segments/new")
    await expect(page.locator("#count")).to_contain_text("Complete the conditions")
    await page.fill("#c-0-min", "20")
    await page.keyboard.press("Tab")
    score = {"score": {"min": 20}}
    await expect(page.locator("#count .score")).to_have_text(await counted(score))
    assert await page.evaluate("document.activeElement.id") == "c-0-max"
    await page.focus("#add")
    await page.keyboard.press("Enter")
    await page.select_option("#c-1-kind", "count")
    await page.select_option("#c-1-add", "email_opened")
    await expect(page.locator("#c-1 .chip")).to_contain_text("Email opened")
    await page.fill("#c-1-min", "1")
    await page.fill("#field-name", "Readers")
    opened = {"count": {"definitions": ["email_opened"], "min": 1}}
    await expect(page.locator("#count .score")).to_have_text(await counted(score, opened))
    await page.click("button[value=save]")
    await page.wait_for_url("**/leads?segment=readers")
    await expect(page.locator("[data-row]")).to_have_count(int(await counted(score, opened)))
    assert _faults_of(ann) == []


async def test_the_order_by_keys_and_deletion_with_undo(
    console: Console, window: OpenWindow, worker: Service, new_account: NewAccount
) -> None:
    """Alt and an arrow move a segment; the bin deletes it at once, and undo brings it back in its place."""
    account = await _account(console, worker, new_account, hot=HOT, warm=WARM, cold=WARM)
    ann = await window(account)
    page = ann.page
    names = page.locator(".segment h2")
    await ann.open(f"/console/{account}/segments")
    await expect(page.locator("#segments[data-counting]")).to_have_count(0)
    await page.focus("#handle-segment-cold")
    await page.keyboard.press("Alt+ArrowUp")
    await expect(names).to_have_text(["Hot", "Cold", "Warm"])
    await expect(page.locator(".notice.done")).to_contain_text("Moved")
    await page.get_by_role("button", name="Delete Cold").click()
    await expect(names).to_have_text(["Hot", "Warm"])
    await page.get_by_role("button", name="Undo").click()
    await expect(names).to_have_text(["Hot", "Cold", "Warm"])
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/leads?segment=hot")
    assert ann.complaints == []
