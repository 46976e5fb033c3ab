"""What people do from beginning to end, in Chromium, on an installation as operators run it: web, worker, Kafka."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.async_api import expect

from tests.builders.events import AT, dated_event
from tests.console.in_browser import Window
from tests.kafka.worker_process import WorkerProcess
from tests.waiting import eventually
from tests.web.api_client import EVERYTHING, SECRET, mint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser, Page

    from tests.kafka.installation import Installation

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(240)]

# Milliseconds for what travels through Kafka, a worker and the page that follows.
_TRAVELS = 30_000


# What htmx writes of a request that a newer one, or another page, has ended.
_ENDED = {"htmx:afterRequest", "htmx:sendAbort"}


class _Web(WorkerProcess):
    command = "web"


@asynccontextmanager
async def _running(installation: Installation, folder: Path, browser: Browser) -> AsyncIterator[Window]:
    """Give a window of a manager on an installation that runs."""
    async with (
        WorkerProcess(installation, folder) as worker,
        _Web(installation, folder, jwt_secret=SECRET) as web,
    ):
        await worker.until(200, within=60)
        await web.until(200, within=60)
        context = await browser.new_context(locale="en-GB")
        window = Window(f"http://127.0.0.1:{web.port}", context, await context.new_page())
        window.listen()
        await window.open(f"/console/sign-in?token={mint('acme', EVERYTHING)}")
        yield window
        await context.close()


def _faults(window: Window) -> list[str]:
    """Return complaints but for requests that were ended, as happens to people who are quicker than the server."""
    return [line for line in window.complaints if line not in _ENDED]


async def test_from_an_empty_account_to_a_published_profile(
    installation: Installation, tmp_path: Path, browser: Browser
) -> None:
    """A new account gets catalog, groups, a dedup policy, a timeline, a segment, the tracker, and new weights."""
    await installation.create_topics(1)
    await installation.apply({"engagement_catalog": 1, "account": "acme", "name": "Acme"})
    async with _running(installation, tmp_path, browser) as window:
        await expect(window.page.get_by_role("heading", name="Getting started")).to_be_visible()
        await _make_catalog(window.page)
        asked = [
            dated_event("a1", AT, type="demo.asked"),
            dated_event("a2", AT + timedelta(days=1), type="demo.asked"),
            dated_event("b1", AT, type="demo.asked", subject="bob"),
        ]
        await installation.produce(asked)
        await _track_a_page(window)
        await _read_the_timeline(window)
        await _keep_a_segment(window.page)
        await _publish_weights(window.page)
        await window.open("/console/acme/start")
        await expect(window.page.locator("#content")).to_contain_text(
            "7 of 7 steps are done", timeout=_TRAVELS
        )
        assert _faults(window) == []


async def _make_catalog(page: Page) -> None:
    """Make a group and two definitions, of which one counts once in a week."""
    await page.get_by_role("link", name="Do this next").click()
    await page.locator("#content").get_by_role("link", name="New group").first.click()
    await page.get_by_label("Name", exact=True).fill("Interest")
    await page.get_by_label("Key", exact=True).fill("interest")
    await page.get_by_role("button", name="Create group").click()
    await page.get_by_role("link", name="New definition", exact=True).click()
    await _fill_definition(page, "Demo asked", "demo.asked", 30)
    await page.get_by_label("Once, then not again for a while").check()
    await page.get_by_role("spinbutton", name="Not again for").fill("7")
    await page.get_by_label("Unit").select_option("d")
    await expect(page.locator("#drawing")).to_contain_text("does not count")
    await page.get_by_role("button", name="Create definition").click()
    await page.get_by_role("link", name="Catalog", exact=True).click()
    await page.get_by_role("link", name="New definition", exact=True).click()
    await _fill_definition(page, "Page seen", "track.page", 2)
    await page.get_by_role("button", name="Create definition").click()
    await expect(page.get_by_role("heading", name="Page seen")).to_be_visible()


async def _fill_definition(page: Page, name: str, event: str, points: int) -> None:
    await page.get_by_label("Event type 1").fill(event)
    await page.get_by_label("Name", exact=True).fill(name)
    await page.get_by_label("Key", exact=True).fill(name.lower().replace(" ", "_"))
    await page.get_by_label("Points", exact=True).fill(str(points))


async def _track_a_page(window: Window) -> None:
    """Make a token of the tracker, and let ann see a page of the site that has its key."""
    page = window.page
    await page.get_by_role("link", name="Tracker", exact=True).click()
    await page.get_by_role("link", name="New token").first.click()
    await page.get_by_label("Name", exact=True).fill("Shop")
    await page.get_by_role("button", name="Create token").click()
    await expect(page.locator("#content")).to_contain_text(re.compile(r"wk_\w+"))
    [key, *_] = re.findall(r"wk_[\w-]+", await page.locator("#content").inner_text())
    call = {"userId": "ann", "name": "Pricing", "messageId": "m1", "writeKey": key}

    async def taken() -> bool:
        # The tracker sees a new token a moment later.
        async with httpx.AsyncClient(base_url=window.base) as site:
            return (await site.post("/v1/page", json=call)).status_code == 200

    await eventually(taken, within=20, what="the tracker to know the token")


async def _read_the_timeline(window: Window) -> None:
    """See on ann's page what counted, what did not and why, and the sum."""
    content = window.page.locator("#content")

    async def arrived() -> bool:
        await window.open("/console/acme/contacts/ann")
        return await content.get_by_text("Page seen").first.is_visible()

    await eventually(arrived, within=30, what="the page to be on the timeline")
    await expect(content.get_by_text(re.compile("not counted: cooling down")).first).to_be_visible()
    await expect(content).to_contain_text("32")


async def _keep_a_segment(page: Page) -> None:
    """Sort the leads, take those with more than 30 points, and keep them as a segment."""
    await page.get_by_role("link", name="Leads", exact=True).click()
    names = page.locator("[data-row-link]")
    await expect(names).to_have_text(["ann", "bob"])
    await page.get_by_label("Score from").fill("31")
    await page.get_by_label("Score from").press("Tab")
    await expect(names).to_have_text(["ann"])
    await page.get_by_role("link", name="Save as segment").click()
    await page.get_by_label("Name", exact=True).fill("Interested")
    await page.locator("#content").get_by_role("button", name=re.compile("^(Save|Create)")).last.click()
    await expect(page.locator("#content")).to_contain_text("Interested")


async def _publish_weights(page: Page) -> None:
    """Draft a weight, preview it, publish what was previewed, and read the new score of ann."""
    await page.get_by_role("link", name="Score profiles", exact=True).click()
    await page.locator("#content").get_by_role("link", name=re.compile("ead score")).first.click()
    await page.locator("#weight-demo_asked").fill("80")
    await page.locator("#weight-demo_asked").press("Tab")
    await expect(page.locator("#draft-saved")).to_contain_text("Draft saved")
    await page.get_by_role("link", name="Preview and publish").click()
    await expect(page.locator(".mover-table")).to_contain_text("+80 instead of +30", timeout=_TRAVELS)
    await page.locator("#publish").click()
    await expect(page.locator("#live-demo_asked")).to_have_text("+80", timeout=_TRAVELS)
    await page.get_by_role("link", name="Leads", exact=True).click()
    await expect(page.locator("[data-row-link]")).to_have_text(["ann", "bob"])
    await expect(page.locator("#content")).to_contain_text("82")


async def test_a_dead_letter_from_the_page_to_its_replay(
    installation: Installation, tmp_path: Path, browser: Browser
) -> None:
    """An operator finds a record that could not be an event, reads it, replays it, and discards what stays dead."""
    await installation.create_topics(1)
    await installation.apply({"engagement_catalog": 1, "account": "acme", "name": "Acme"})
    await installation.produce([dated_event("d1", AT, data='{"amount": "much"}')])
    async with _running(installation, tmp_path, browser) as window:
        page = window.page

        async def arrived() -> bool:
            await window.open("/console/acme/health/dead-letters")
            return await page.get_by_role("link", name="data_invalid").is_visible()

        await eventually(arrived, within=30, what="the dead letter to be on the page")
        await page.get_by_role("link", name="data_invalid").click()
        await expect(page.locator("#content")).to_contain_text('"amount": "much"')
        await page.go_back()
        await page.get_by_role("checkbox", name=re.compile("^Choose")).check()
        await page.get_by_role("button", name="Replay").click()
        await expect(page.locator("#content")).to_contain_text("Replayed: 1.")
        await page.get_by_role("checkbox", name=re.compile("^Choose")).check()
        await page.get_by_role("button", name="Discard").click()
        await page.get_by_role("button", name=re.compile("Discard|Delete")).click()
        await expect(page.locator("#content")).to_contain_text("Discarded: 1.")
        await expect(page.locator("#content")).to_contain_text("No dead letters")
        assert _faults(window) == []
