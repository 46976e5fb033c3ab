"""The whole way: Chromium on the sample site, the tracker, Kafka, a worker, and the timeline that the API shows."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from consumer.demo.sample_site import Tracking
from tests.builders.catalog_documents import definition, groups
from tests.kafka.worker_in_process import working
from tests.pipeline.service import apply_document
from tests.tracker.browsing import visiting
from tests.tracker.privacy_signals import DO_NOT_TRACK, PRIVACY_CONTROL
from tests.waiting import eventually
from tests.web.api_client import bearer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

    from tests.tracker.browsing import Visit
    from tests.tracker.site import Site, Token

pytestmark = pytest.mark.real_kafka

# Everything that may come, so that nothing goes unseen.
_TYPES = (
    "page",
    "identify",
    "content_downloaded",
    "form_submitted",
    "link_clicked",
    "plan_bought",
    "wish_added",
    "email.opened",
    "email.clicked",
)


@pytest.fixture(scope="module")
async def worker(site: Site) -> AsyncIterator[None]:
    """Run a worker on the topics of the tracker."""
    async with working(site.installation):
        yield


@dataclass
class Shop:
    """A visit of a site that is tracked for an account of its own."""

    tracker: Site
    token: Token
    visit: Visit

    async def visitor(self) -> str:
        """Return the id of the visitor's contact."""
        number: str = await self.visit.page.evaluate("engagement.anonymousId()")
        return f"anonymous:{number}"

    async def timeline(self, contact: str) -> list[str]:
        """Return the events of a contact, oldest first: each by its page, or its name and object."""
        items = (await self._get(f"/contacts/{contact}/timeline?data=true&limit=200")).get("items", [])
        return [_in_words(item["event"]) for item in reversed(items)]

    async def contacts(self) -> set[str]:
        """Return all contacts of the account."""
        return {item["id"] for item in (await self._get("/contacts?sort=-score"))["items"]}

    async def until(self, contact: str, *events: str) -> None:
        """Wait until these events are on the timeline of a contact, and nothing else."""
        await eventually(
            lambda: self._has(contact, len(events)), within=30, what=f"{events} on the timeline of {contact}"
        )
        assert sorted(await self.timeline(contact)) == sorted(events)

    async def nothing_else(self, *contacts: str) -> None:
        """Wait until an event that is sent now is on its timeline; then there are these contacts and no others."""
        marker = {"userId": "marker", "event": "wish_added"}
        origin = {"origin": self.visit.site}
        assert (await self.tracker.post(self.token, "track", marker, **origin)).status_code == 200
        await self.until("marker", "wish_added")
        assert await self.contacts() == {"marker", *contacts}

    async def _has(self, contact: str, number: int) -> bool:
        return len(await self.timeline(contact)) >= number

    async def _get(self, path: str) -> dict[str, Any]:
        account = self.token.account
        answer = await self.tracker.client.get(f"/v1/accounts/{account}{path}", headers=bearer(account))
        found: dict[str, Any] = answer.json()
        return found


@asynccontextmanager
async def shop(
    browser: Browser, tracker: Site, *, asks_first: bool = False, before: str = "", origin: str | None = None
) -> AsyncIterator[Shop]:
    """Give a visit of a shop. origin: the one that its token allows, that of its pages unless given."""
    account = await tracker.account()
    document = {
        "engagement_catalog": 1,
        "account": account,
        "name": account,
        "groups": groups("purchase"),
        "definitions": [
            definition(name.replace(".", "_"), f"track.{name}", default_points=1) for name in _TYPES
        ],
    }
    await apply_document(tracker.installation.dsn, document)
    host = str(tracker.client.base_url).rstrip("/")
    tokens: list[Token] = []

    async def track(site: str) -> Tracking:
        token = await tracker.token(account, origins=[origin or site])
        tokens.append(token)
        recipient = {
            "contact": "customer-7",
            "object": "letter-1",
            "url": f"{site}/pricing?utm_source=letter",
        }
        made = await tracker.client.post(
            f"/v1/accounts/{account}/tracker-tokens/{token.id}/links",
            json={"key": token.key, "base_url": host, "recipients": [recipient]},
            headers=bearer(account),
        )
        [links] = made.json()["links"]
        return Tracking(host, token.key, asks_first, mail_pixel=links["pixel"], mail_click=links["click"])

    async with visiting(browser, track, before=before) as visit:
        yield Shop(tracker, tokens[0], visit)
        assert await visit.context.cookies() == []


def _in_words(event: dict[str, Any]) -> str:
    name = event["type"].removeprefix("track.")
    if name == "page":
        path: str = event["data"]["context"]["page"]["path"]
        return path
    return f"{name} {event['object']}" if event["object"] else name


@pytest.mark.usefixtures("worker")
async def test_a_visit(browser: Browser, site: Site) -> None:
    """What a visitor does is on the visitor's timeline, each event once, and after signing in on the contact's."""
    async with shop(browser, site) as made:
        visit = made.visit
        await visit.open("/?utm_source=letter&token=abc")
        await visit.click("plain")
        await visit.click("brochure")
        await visit.page.click("text=See the prices")
        await visit.page.click("text=Small")
        await visit.click("buy")
        await visit.page.click("nav >> text=Contact")
        for name, text in {"name": "Ann", "id": "ann@fern.example"}.items():
            await visit.page.fill(f"[name={name}]", text)
        await visit.page.click("text=Send")
        await visit.page.wait_for_url("**/thanks")
        visitor = await made.visitor()
        seen = [
            "/",
            "content_downloaded brochure-1",
            "/article",
            "link_clicked",
            "/pricing",
            "/pricing/small",
        ]
        seen += ["plan_bought", "/contact", "form_submitted contact", "/thanks"]
        await made.until(visitor, *seen)
        await visit.open()
        await visit.page.click("text=Sign in >> nth=-1")
        await made.until("customer-7", *seen, "/", "identify")
        await visit.click("wish")
        await visit.leave()
        await made.until("customer-7", *seen, "/", "identify", "wish_added fern-3")
        await made.nothing_else("customer-7")
        assert visit.complaints == []


@pytest.mark.usefixtures("worker")
async def test_offline_and_back(browser: Browser, site: Site) -> None:
    """What happened offline is on the timeline once the visitor is back, each event once."""
    async with shop(browser, site) as made:
        await made.visit.open("/pricing")
        visitor = await made.visitor()
        await made.until(visitor, "/pricing")
        await made.visit.context.set_offline(offline=True)
        await made.visit.click("buy")
        await made.visit.page.click("text=Large")
        await made.visit.all_timers()
        await made.visit.leave()
        await made.visit.context.set_offline(offline=False)
        await made.visit.open("/article")
        await made.until(visitor, "/pricing", "plan_bought", "/pricing/large", "/article")
        await made.nothing_else(visitor)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    ("asks_first", "before", "click"),
    [(True, "", "deny"), (True, "", None), (False, DO_NOT_TRACK, None), (False, PRIVACY_CONTROL, None)],
    ids=["denied", "not asked", "DNT", "GPC"],
)
async def test_visitors_who_are_not_recorded(
    browser: Browser, site: Site, *, asks_first: bool, before: str, click: str | None
) -> None:
    """Without consent, and with a signal against it, nothing of a visit arrives."""
    async with shop(browser, site, asks_first=asks_first, before=before) as made:
        await made.visit.open()
        if click is not None:
            await made.visit.click(click)
        await made.visit.click("wish")
        await made.visit.click("brochure")
        await made.visit.all_timers()
        await made.visit.leave()
        assert made.visit.sent == []
        await made.nothing_else()


@pytest.mark.usefixtures("worker")
async def test_consent_and_opting_out(browser: Browser, site: Site) -> None:
    """What happened after consent is on the timeline, what happened before it and after opting out is not."""
    async with shop(browser, site, asks_first=True) as made:
        await made.visit.open()
        await made.visit.click("wish")
        await made.visit.click("accept")
        visitor = await made.visitor()
        await made.visit.open("/privacy")
        await made.until(visitor, "/", "/privacy")
        await made.visit.click("opt-out")
        await made.visit.open("/article")
        await made.visit.all_timers()
        await made.visit.leave()
        await made.nothing_else(visitor)
        assert sorted(await made.timeline(visitor)) == ["/", "/privacy"]


@pytest.mark.usefixtures("worker")
async def test_an_email(browser: Browser, site: Site) -> None:
    """A pixel alone says that an e-mail was opened, a link that it was clicked; a forged pixel says nothing."""
    async with shop(browser, site) as made:
        await made.visit.open("/mail")
        await made.until("customer-7", "email.opened letter-1")
        await made.visit.page.evaluate(
            "new Image().src = document.images[0].src.replace('customer-7', 'customer-8')"
        )
        await made.visit.click("offer")
        await made.visit.page.wait_for_url("**/pricing?utm_source=letter")
        await made.until("customer-7", "email.opened letter-1", "email.clicked letter-1")
        visitor = await made.visitor()
        await made.until(visitor, "/pricing")
        await made.nothing_else("customer-7", visitor)
        reasons = [request.get("reason") for request in await site.requests(made.token)]
        assert reasons.count("signature_invalid") == 1


@pytest.mark.usefixtures("worker")
async def test_pages_of_another_site(browser: Browser, site: Site) -> None:
    """A key on the pages of a site that its token does not name records nothing, and the live view says so."""
    async with shop(browser, site, origin="https://shop.example.com") as made:
        await made.visit.open()

        async def refused() -> bool:
            requests = await site.requests(made.token)
            return {request.get("reason") for request in requests} == {"origin_not_allowed"}

        await eventually(refused, within=15, what="the reason in the live view")
        assert await made.contacts() == set()
