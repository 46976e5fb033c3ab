"""Segment's own library for browsers, unmodified, in Chromium: only host and key are those of the tracker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from tests.npm_packages import installed
from tests.tracker.browsing import AGENT, serving

if TYPE_CHECKING:
    from playwright.async_api import Browser
    from starlette.requests import Request
    from starlette.responses import Response

    from tests.tracker.site import Site

pytestmark = pytest.mark.real_kafka

_PAGE = """<!doctype html>
<title>Library</title>
<script src="/library/index.js"></script>
<script>
const analytics = AnalyticsNext.AnalyticsBrowser.load(
    {{writeKey: "{key}", cdnURL: "http://{host}"}},
    {{integrations: {{"Segment.io": {{apiHost: "{host}/v1", protocol: "http"}}}}}},
);
const calls = async () => {{
    await analytics.page("Start");
    await analytics.track("bought", {{plan: "pro", object_id: "order-1"}});
    await analytics.identify("ann", {{email: "ann@fern.example"}});
    await analytics.group("fern");
    await analytics.screen("Home");
}};
calls();
</script>
"""


async def test_every_call_of_the_browser_library_arrives(browser: Browser, site: Site) -> None:
    """Its calls arrive, each once, on the anonymous contact, and on the known one after `identify`."""
    token = await site.token()
    host = urlsplit(str(site.client.base_url)).netloc
    page = _PAGE.format(key=token.key, host=host)

    async def show(_request: Request) -> Response:
        return HTMLResponse(page)

    files = StaticFiles(
        directory=installed(Path(__file__).with_name("browser_library"))
        / "@segment"
        / "analytics-next"
        / "dist"
        / "umd"
    )
    application = Starlette(routes=[Route("/", show), Mount("/library", files)])
    async with serving(application) as address:
        context = await browser.new_context(user_agent=AGENT)
        await (await context.new_page()).goto(address)
        events = await site.until_events(token.account, 5)
        await context.close()
    by_type = {event["type"]: event for event in events}
    assert set(by_type) == {"track.page", "track.bought", "track.identify", "track.group", "track.screen"}
    visitor = by_type["track.page"]["subject"]
    assert visitor.startswith("anonymous:")
    assert by_type["track.bought"]["subject"] == by_type["track.identify"]["subject"] == visitor
    assert by_type["track.identify"]["data"]["into"] == "ann"
    assert by_type["track.group"]["subject"] == by_type["track.screen"]["subject"] == "ann"
    assert by_type["track.bought"]["objectid"] == "order-1"
    assert by_type["track.page"]["data"]["context"]["page"]["url"] == f"{address}/"
    assert not [event for event in events if event.get("robot")]
