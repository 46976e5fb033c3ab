"""A visitor with Chromium on the sample site, and what the visit asks of the tracker. Never asserts anything.

Chromium is the system's, driven by Playwright. Timers of pages run in real time, and on request faster.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from playwright.async_api import async_playwright

from consumer.demo import sample_site
from consumer.infra import http_server

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Awaitable, Callable

    from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request
    from starlette.types import ASGIApp

    from consumer.demo.sample_site import Tracking

# Of a visitor: Chromium without a screen says that it is one, and robots say so.
AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
# Longer than any timer of the script but that of a queue that waits for its server.
_ALL_TIMERS = 2_000


@dataclass
class Visit:
    """A visit: of one browser profile, empty at first.

    complaints: errors of pages, and what they wrote to the console as one. sent: bodies of requests to the tracker.
    """

    site: str
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    async def open(self, path: str = "/") -> None:
        """Go to a page of the site."""
        await self.page.goto(f"{self.site}{path}")

    async def leave(self) -> None:
        """Leave the site."""
        await self.page.goto("about:blank")

    async def all_timers(self) -> None:
        """Let everything happen that the script has planned."""
        await self.page.clock.run_for(_ALL_TIMERS)

    async def click(self, element: str) -> None:
        """Click the element with this id."""
        await self.page.click(f"#{element}")

    async def kept(self) -> dict[str, str]:
        """Return what the tracker keeps in the browser."""
        found: dict[str, str] = await self.page.evaluate("({...localStorage})")
        return {name: value for name, value in found.items() if name.startswith("engagement.")}


@asynccontextmanager
async def started(chromium: str) -> AsyncIterator[Browser]:
    """Give a running Chromium."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium)
        yield browser
        await browser.close()


@asynccontextmanager
async def visiting(
    browser: Browser, track: Callable[[str], Awaitable[Tracking]], *, before: str = ""
) -> AsyncIterator[Visit]:
    """Give a visit of the sample site, no page of it open yet.

    track: says how a site of this address is tracked. before: a script that runs first in each page.
    """
    context = await browser.new_context(user_agent=AGENT)
    await context.clock.install()
    if before:
        await context.add_init_script(before)
    page = await context.new_page()
    listener = http_server.listen("127.0.0.1", 0)
    site = f"http://127.0.0.1:{listener.getsockname()[1]}"
    tracking = await track(site)
    visit = Visit(site, context, page)

    def note(request: Request) -> None:
        if request.url.startswith(tracking.host) and request.method == "POST":
            visit.sent.append(request.post_data or "")

    def complain(line: ConsoleMessage) -> None:
        if line.type in {"error", "warning"}:
            visit.complaints.append(line.text)

    context.on("request", note)
    context.on("console", complain)
    context.on("weberror", lambda error: visit.complaints.append(str(error.error)))
    async with _served(sample_site.application(tracking), listener):
        yield visit
        await context.close()


@asynccontextmanager
async def serving(application: ASGIApp) -> AsyncIterator[str]:
    """Serve an application on a port of its own, and give its address."""
    listener = http_server.listen("127.0.0.1", 0)
    async with _served(application, listener):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@asynccontextmanager
async def _served(application: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    task = asyncio.create_task(http_server.serve(application, listener, patience=0))
    yield
    task.cancel()
    await asyncio.wait([task])
