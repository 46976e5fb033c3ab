"""The console in Chromium: windows of people who are signed in, what pages complain of, axe, and screenshots."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axe_playwright_python.async_playwright import Axe

from tests.tracker.browsing import serving
from tests.web.api_client import EVERYTHING, mint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

    from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page

    from tests.console.console_client import Console

# Left by `make screens`, for people to look at.
SCREENS = Path(__file__).parents[2] / "tests" / "out" / "screens"
WIDTHS = {"desk": 1440, "phone": 390}
_SERIOUS = {"serious", "critical"}
# Rules of axe that look at colours.
_OF_COLOURS = ("color-contrast", "link-in-text-block")


@dataclass
class Window:
    """A window of one person. complaints: errors of pages, and what they wrote to the console as one."""

    base: str
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Note complaints from now on."""

        def complain(line: ConsoleMessage) -> None:
            if line.type in {"error", "warning"}:
                self.complaints.append(line.text)

        self.context.on("console", complain)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    async def open(self, path: str) -> None:
        """Go to a page of the console."""
        await self.page.goto(f"{self.base}{path}")

    async def findings(self, rules: Sequence[str] = ()) -> list[str]:
        """Return what axe finds serious on the page that is open. rules: ids of those it asks; all, if none."""
        only = {"runOnly": list(rules)} if rules else {}
        found = await Axe().run(self.page, options={"resultTypes": ["violations"], **only})
        return [
            f"{each['id']}: {each['help']}: {[node['target'] for node in each['nodes']][:3]}"
            for each in found.response["violations"]
            if each["impact"] in _SERIOUS
        ]

    async def overflow(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        found: int = await self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return max(0, found)

    async def looked_at(self, name: str) -> dict[str, list[str]]:
        """Look at the page in both themes and at both widths; return what is wrong, by picture."""
        faults: dict[str, list[str]] = {}
        for width_name, width in WIDTHS.items():
            await self.page.set_viewport_size({"width": width, "height": 900})
            for theme in ("light", "dark"):
                await self.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                # In the other theme the page is the same but for its colours.
                found = await self.findings(_OF_COLOURS if theme == "dark" else ())
                if (wider := await self.overflow()) > 0:
                    found.append(f"the page is {wider} px wider than the window")
                picture = f"{name}-{width_name}-{theme}"
                await self.page.evaluate("scrollTo(0, 0)")
                await take(self.page, picture, full_page=True)
                if found:
                    faults[picture] = found
        return faults


async def take(page: Page, picture: str, **options: Any) -> None:
    """Take a picture where they are wanted, for it takes long. options: of Playwright's `screenshot`."""
    if os.environ.get("ENGAGEMENT_TEST_SCREENS"):
        SCREENS.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=SCREENS / f"{picture}.png", **options)


@asynccontextmanager
async def windows(console: Console, browser: Browser) -> AsyncIterator[Callable[..., Awaitable[Window]]]:
    """Serve the console on a port, and give what opens windows of it."""
    opened: list[BrowserContext] = []
    async with serving(console.app) as base:

        async def open_window(
            account: str, permissions: Iterable[str] = EVERYTHING, *, actor: str = "ann", **options: Any
        ) -> Window:
            """Open a window. options: of Playwright's `new_context`."""
            context = await browser.new_context(**{"locale": "en-GB", **options})
            opened.append(context)
            window = Window(base, context, await context.new_page())
            window.listen()
            await window.open(f"/console/sign-in?token={mint(account, permissions, actor=actor)}")
            return window

        yield open_window
        for context in opened:
            await context.close()
