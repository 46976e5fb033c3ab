"""Contacts in pages of the host product: a panel in a frame, a badge as an image, by signed addresses alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from consumer.web.http.auth import Permission
from consumer.web.http.embed_addresses import Embed, EmbedKind, address_of
from consumer.web.http.seal import InstallationSeal, Seal, current
from tests.console.console_client import console_over
from tests.console.in_browser import Window, take
from tests.console.sample import happened, sales_account, upserted
from tests.tracker.browsing import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from playwright.async_api import Browser
    from starlette.requests import Request

    from consumer.infra.postgres.connection import Connection
    from tests.console.console_client import Console
    from tests.pipeline.service import Service
    from tests.web.api_client import Api

    NewAccount = Callable[..., Awaitable[str]]

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'


@pytest.fixture
async def account(worker: Service, new_account: NewAccount) -> str:
    """Name an account as a sales team has it."""
    return await sales_account(worker, new_account)


@pytest.fixture
async def visitor(console: Console) -> AsyncIterator[httpx.AsyncClient]:
    """Give a browser without a session."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(console.app), base_url="http://console"
    ) as client:
        yield client


async def _addresses(api: Api, account: str, *contacts: str, **options: Any) -> list[dict[str, str]]:
    async with api.as_(account, [Permission.READ]) as client:
        answer = await client.post("/embeds", json={"contacts": contacts, **options})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, str]] = answer.json()["items"]
    return items


async def _sealed(observer: Connection, account: str, **changed: Any) -> str:
    """Return an address as the installation seals it, of what nobody would be given."""
    await InstallationSeal().bind(observer)
    soon = int((datetime.now(UTC) + timedelta(minutes=1)).timestamp())
    values = {"kind": EmbedKind.PANEL, "account": account, "contact": "ann", "profile": None, "actor": "ann"}
    return address_of(current(), Embed(**{**values, "expires_at": soon, **changed}))


async def test_an_address_shows_the_contact_without_a_session(
    api: Api, account: str, visitor: httpx.AsyncClient
) -> None:
    """The panel has the score, why, and what happened last, and no form and no way to change anything."""
    [item] = await _addresses(api, account, "ann")
    page = await visitor.get(item["panel"])
    assert page.status_code == 200, page.text
    assert '<p class="score-number">100</p>' in page.text
    assert "Big deal won" in page.text
    assert "3 × 5" in page.text
    assert "<form" not in page.text
    assert "csrf" not in page.text
    assert not page.cookies


async def test_an_address_is_good_for_what_it_names_alone(
    api: Api, account: str, visitor: httpx.AsyncClient
) -> None:
    """The token of a contact opens no other contact, no other account, and neither badge nor panel the other."""
    ann, bruno = await _addresses(api, account, "ann", "bruno")
    token = ann["panel"].partition("?")[2]
    badge_token = ann["badge"].partition("?")[2]
    for path in (
        f"{bruno['panel'].partition('?')[0]}?{token}",
        f"/embed/other/contacts/ann?{token}",
        f"{ann['badge'].partition('?')[0]}?{token}",
        f"{ann['panel'].partition('?')[0]}?{badge_token}",
        f"/embed/{account}/contacts/ann/x?{token}",
    ):
        refused = await visitor.get(path)
        assert refused.status_code == 403, path
        assert "100" not in refused.text
    for path in (f"/console/{account}/contacts/ann?{token}", f"/console/~api/v1/accounts/{account}?{token}"):
        assert (await visitor.get(path)).headers["location"].startswith("/console/sign-in")
    assert (await visitor.get(f"/v1/accounts/{account}/contacts/ann?{token}")).status_code == 401


@pytest.mark.parametrize("token", ["", "x", "QUJD", "é", "A" * 5000, "none"])
async def test_a_forged_address_is_refused(account: str, visitor: httpx.AsyncClient, token: str) -> None:
    """What this installation has not sealed opens nothing, whatever it is."""
    for kind in ("", "/badge"):
        asked = {} if token == "none" else {"token": token}
        refused = await visitor.get(f"/embed/{account}/contacts/ann{kind}", params=asked)
        assert refused.status_code == 403


async def test_another_installation_and_a_changed_letter_are_refused(
    api: Api, account: str, visitor: httpx.AsyncClient
) -> None:
    """An address sealed with another key, or with any letter changed, opens nothing."""
    soon = int((datetime.now(UTC) + timedelta(minutes=1)).timestamp())
    foreign = address_of(Seal(b"another salt"), Embed(EmbedKind.PANEL, account, "ann", None, "ann", soon))
    assert (await visitor.get(foreign)).status_code == 403
    [item] = await _addresses(api, account, "ann")
    path, _, token = item["panel"].partition("?token=")
    for place in (0, len(token) // 2, len(token) - 2):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert (await visitor.get(f"{path}?token={changed}")).status_code == 403


async def test_an_address_expires(
    api: Api, observer: Connection, account: str, visitor: httpx.AsyncClient
) -> None:
    """After its time an address says so: the panel in words, the badge without a number."""
    past = int(datetime.now(UTC).timestamp()) - 1
    panel = await visitor.get(await _sealed(observer, account, expires_at=past))
    assert panel.status_code == 410
    assert "This view has expired" in panel.text
    badge = await visitor.get(await _sealed(observer, account, expires_at=past, kind=EmbedKind.BADGE))
    assert badge.status_code == 410
    assert "100" not in badge.text
    for seconds in (59, 28_801):
        async with api.as_(account) as client:
            asked = {"contacts": ["ann"], "seconds": seconds}
            assert (await client.post("/embeds", json=asked)).status_code == 422


async def test_only_allowed_origins_frame_a_panel(api: Api, account: str) -> None:
    """The policy of every embedded answer names the origins that may frame it: without a setting none."""
    [item] = await _addresses(api, account, "ann")
    for origins, said in (
        ((), "frame-ancestors 'none'"),
        (
            ("https://a.example", "https://b.example:8443"),
            "frame-ancestors https://a.example https://b.example:8443",
        ),
        (("*",), "frame-ancestors *"),
    ):
        app = console_over(api, embed_origins=origins).app
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://console") as client:
            for path in (item["panel"], item["badge"], f"/embed/{account}/contacts/ann?token=x"):
                headers = (await client.get(path)).headers
                assert headers["content-security-policy"].endswith(said)
                assert "unsafe" not in headers["content-security-policy"]
                assert headers["referrer-policy"] == "no-referrer"
                assert "x-frame-options" not in headers
            pages = (await client.get("/console/sign-in")).headers
            assert "frame-ancestors 'none'" in pages["content-security-policy"]


async def test_a_badge_is_an_image_with_score_and_band(
    api: Api, account: str, visitor: httpx.AsyncClient
) -> None:
    """It is 40 pixels high, says the same in words, may be in any page, and is kept for half a minute."""
    ann, nobody = await _addresses(api, account, "ann", "nobody")
    badge = await visitor.get(ann["badge"])
    assert badge.headers["content-type"].startswith("image/svg+xml")
    assert badge.headers["cache-control"] == "private, max-age=30"
    assert badge.headers["cross-origin-resource-policy"] == "cross-origin"
    svg = ET.fromstring(badge.text)
    assert svg.attrib["height"] == "40"
    texts = ["".join(each.itertext()) for each in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["100", "hot"]
    assert svg.findtext("{http://www.w3.org/2000/svg}title") == "Score 100, hot"
    unknown = await visitor.get(nobody["badge"])
    assert unknown.status_code == 200
    assert "No score yet" in unknown.text


async def test_a_contact_that_was_not_seen_yet(api: Api, account: str, visitor: httpx.AsyncClient) -> None:
    """An address of an unknown id is made; its panel says that it was not seen yet."""
    [item] = await _addresses(api, account, "a/b?c#d")
    page = await visitor.get(item["panel"])
    assert page.status_code == 200
    assert "Not seen yet." in page.text


async def test_two_hundred_addresses_by_one_request(api: Api, account: str) -> None:
    """Up to 200 contacts get addresses by one request, in order; more, or a caller without `read`, are refused."""
    names = [f"c{number}" for number in range(200)]
    items = await _addresses(api, account, *names)
    assert [item["contact"] for item in items] == names
    async with api.as_(account) as client:
        assert (await client.post("/embeds", json={"contacts": [*names, "x"]})).status_code == 422
    async with api.as_(account, [Permission.MANAGE]) as client:
        assert (await client.post("/embeds", json={"contacts": ["ann"]})).status_code == 403


async def test_language_and_theme_are_the_hosts(api: Api, account: str, visitor: httpx.AsyncClient) -> None:
    """The host's page chooses language and theme by parameters; what there is not is ignored."""
    [item] = await _addresses(api, account, "ann")
    page = await visitor.get(f"{item['panel']}&language=pt&theme=dark")
    assert '<html lang="pt" data-theme="dark">' in page.text
    page = await visitor.get(f"{item['panel']}&language=xx&theme=<b>")
    assert '<html lang="en" data-theme="auto">' in page.text


_ICON = '<link rel="icon" href="data:,">'
# As docs/console.md says: the frame becomes as high as what is in it.
_HOST_SCRIPT = """<script>
window.heights = [];
addEventListener("message", (event) => {
  if (event.data?.type !== "engagement:height") return;
  window.heights.push([event.origin, event.data.height]);
  const frame = document.querySelector("iframe");
  if (event.source === frame.contentWindow) frame.style.height = `${event.data.height}px`;
});
</script>"""


def _host(frames: list[str]) -> Starlette:
    """Return a host product's page with a frame; frames: its address, put in once it is known."""

    async def show(_request: Request) -> HTMLResponse:
        frame = f'<iframe id="frame" title="Score" width="360" height="60" src="{frames[0]}"></iframe>'
        page = f"<title>Host</title>{_ICON}<main><h1>Host</h1>{_HOST_SCRIPT}{frame}</main>"
        return HTMLResponse(f'<!doctype html><html lang="en">{page}')

    return Starlette(routes=[Route("/", show)])


async def test_a_panel_in_a_page_of_an_allowed_origin(
    api: Api, worker: Service, browser: Browser, account: str
) -> None:
    """In a frame of an allowed origin a panel says its height as it changes, and follows what happens."""
    [item] = await _addresses(api, account, "dora")
    frames: list[str] = []
    async with (
        serving(_host(frames)) as around,
        serving(console_over(api, embed_origins=(around,)).app) as base,
    ):
        frames.append(f"{base}{item['panel']}")
        context = await browser.new_context()
        page, complaints = await context.new_page(), list[str]()
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        await page.goto(around)
        frame = page.frame_locator("#frame")
        await frame.locator(".score-number", has_text="10").wait_for()
        await page.wait_for_function("window.heights.length > 0")
        closed = await page.evaluate("document.getElementById('frame').clientHeight")
        assert await page.evaluate("window.heights[0][0]") == base
        await frame.locator("#embed-why summary").click()
        await page.wait_for_function(f"document.getElementById('frame').clientHeight > {closed}")
        at = datetime.now(UTC)
        await worker.batch([happened(account, "deal.won", at, subject="dora", objectid="d-live")])
        await frame.locator("strong", has_text="Deal won").wait_for()
        assert await frame.locator("#embed-why table").is_visible()
        assert await frame.locator(".score-number").inner_text() == "60"
        window = Window(base, context, page, complaints)
        assert await window.looked_at("embed-in-host") == {}
        assert complaints == []
        await context.close()


async def test_a_panel_in_a_page_of_another_origin(api: Api, browser: Browser, account: str) -> None:
    """A page whose origin is not allowed shows nothing of a panel, and is not told its height."""
    [item] = await _addresses(api, account, "dora")
    frames: list[str] = []
    app = console_over(api, embed_origins=("https://else.example",)).app
    async with serving(_host(frames)) as around, serving(app) as base:
        frames.append(f"{base}{item['panel']}")
        context = await browser.new_context()
        page, complaints = await context.new_page(), list[str]()
        page.on("console", lambda line: complaints.append(line.text))
        await page.goto(around, wait_until="networkidle")
        assert any("frame-ancestors" in each for each in complaints)
        assert await page.frame_locator("#frame").locator(".score-number").count() == 0
        assert await page.evaluate("window.heights") == []
        await context.close()


async def test_script_in_every_field_is_text_in_a_panel_and_a_badge(
    api: Api, worker: Service, browser: Browser, console: Console, account: str
) -> None:
    """Script in an id, a name, an event or a reason is shown by a panel, and never run; a badge has none of it."""
    contact, at = f"h/{HOSTILE}", datetime.now(UTC)
    hostile = {"objectid": HOSTILE, "actorid": HOSTILE, "actortype": "rep"}
    await worker.batch(
        [
            upserted(account, contact, at, name=HOSTILE, owner=HOSTILE),
            happened(account, "deal.won", at, subject=contact, **hostile),
        ]
    )
    async with api.as_(account, actor=HOSTILE) as client:
        adjustment = {
            "contact": contact,
            "group": "support",
            "points": 3,
            "reason": HOSTILE,
            "client_key": "k",
        }
        assert (await client.post("/adjustments", json={"items": [adjustment]})).json()["created"] == 1
        asked = {"contacts": [contact]}
        [item] = (await client.post("/embeds", json=asked)).json()["items"]
    async with serving(console.app) as base:
        context = await browser.new_context()
        page, complaints, dialogs = await context.new_page(), list[str](), list[str]()
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        await page.goto(f"{base}{item['panel']}")
        await page.locator("#embed-why summary").click()
        shown = await page.locator("main").inner_text()
        assert shown.count("<script>alert(1)</script>") >= 5
        assert await page.locator("main script, main img").count() == 0
        assert await Window(base, context, page).looked_at("embed-hostile") == {}
        await page.goto(f"{base}{item['badge']}")
        assert "script" not in await page.content()
        assert (dialogs, complaints) == ([], [])
        await context.close()


async def test_badges_in_a_list_of_conversations(
    api: Api, browser: Browser, console: Console, account: str
) -> None:
    """Badges are images that load in a page of any origin, each 40 pixels high."""
    items = await _addresses(api, account, "ann", "bruno", "crm/77", "nobody")

    async def show(_request: Request) -> HTMLResponse:
        rows = "".join(
            f'<li><img alt="" height="40" src="{base}{item["badge"]}&theme={theme}"> {item["contact"]}</li>'
            for item in items
            for theme in ("light", "dark")
        )
        return HTMLResponse(f"<!doctype html><title>Host</title><ul>{rows}</ul>")

    async with serving(console.app) as base, serving(Starlette(routes=[Route("/", show)])) as around:
        page = await browser.new_page(viewport={"width": 390, "height": 500})
        await page.goto(around, wait_until="networkidle")
        sizes = await page.evaluate(
            "[...document.images].map((image) => [image.naturalWidth > 5, image.naturalHeight])"
        )
        assert sizes == [[True, 40]] * (2 * len(items))
        await take(page, "embed-badges")
        await page.close()
