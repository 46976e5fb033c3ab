"""The tracker's script in Chromium, on the sample site: what it keeps, and sends to a stand-in for the tracker."""

from __future__ import annotations

import gzip
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from consumer.demo.sample_site import Tracking
from consumer.web.tracker.script import SCRIPT, SCRIPT_GZIP
from tests.tracker.browsing import Visit, serving, visiting
from tests.tracker.privacy_signals import DO_NOT_TRACK, PRIVACY_CONTROL
from tests.tracker.recording_tracker import KEY, RecordingTracker
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

_NO_STORAGE = (
    "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('', 'SecurityError') }})"
)


@asynccontextmanager
async def shop(
    browser: Browser, *, asks_first: bool = False, before: str = "", complaints: bool = False
) -> AsyncIterator[tuple[Visit, RecordingTracker]]:
    """Give a visit, and the tracker; at the end no page may have complained, unless complaints are expected."""
    tracker = RecordingTracker()
    async with serving(tracker.application()) as host:

        async def track(_site: str) -> Tracking:
            return Tracking(host, KEY, asks_first=asks_first)

        async with visiting(browser, track, before=before) as visit:
            yield visit, tracker
            assert complaints or visit.complaints == []
            assert await visit.context.cookies() == []
    assert set(tracker.methods) <= {"POST"}, "no preflight"
    assert tracker.media_types <= {"text/plain;charset=UTF-8"}


def test_it_is_small() -> None:
    """The script has less than 3 kB as it is sent, and is served without its comments."""
    assert len(SCRIPT_GZIP) < 3000
    assert gzip.decompress(SCRIPT_GZIP) == SCRIPT
    assert b"// " not in SCRIPT


async def test_a_page_view(browser: Browser) -> None:
    """A page view has the page, the campaign, the language, and the visitor's number, which stays the same."""
    async with shop(browser) as (visit, tracker):
        await visit.open("/article?utm_source=letter&utm_campaign=spring&token=abc#care")
        await tracker.until("/article")
        await visit.page.click("text=See the prices")
        await tracker.until("/article", "link_clicked", "/pricing")
        first, _, last = sorted(tracker.events, key=lambda event: str(event["timestamp"]))
        assert first["properties"] == first["context"]["page"]
        assert first["properties"] == {
            "url": f"{visit.site}/article?utm_source=letter&utm_campaign=spring&token=abc",
            "path": "/article",
            "search": "?utm_source=letter&utm_campaign=spring&token=abc",
            "title": "How to water a fern",
            "referrer": "",
        }
        assert first["context"]["campaign"] == {"source": "letter", "name": "spring"}
        assert first["context"]["locale"] == "en-US"
        assert last["properties"]["referrer"].startswith(f"{visit.site}/article")
        assert first["anonymousId"] == last["anonymousId"]
        assert len(first["anonymousId"]) == 32
        assert json.loads(tracker.bodies[0])["writeKey"] == KEY
        assert "sentAt" in json.loads(tracker.bodies[0])


async def test_views_of_a_page_that_changes_its_address(browser: Browser) -> None:
    """In a single-page site each new address is a page view, forth and back, with its title and its referrer."""
    async with shop(browser) as (visit, tracker):
        await visit.open("/pricing")
        await tracker.until("/pricing")
        await visit.page.click("text=Small")
        await tracker.until("/pricing", "/pricing/small")
        await visit.page.go_back()
        await tracker.until("/pricing", "/pricing/small", "/pricing")
        await visit.page.evaluate("history.replaceState(null, '', location.href)")
        await visit.page.evaluate("location.hash = 'chapter'")
        await visit.page.evaluate("location.hash = '#/route?token=abc'")
        await tracker.until("/pricing", "/pricing/small", "/pricing", "/pricing#/route")
        titles = [event["properties"]["title"] for event in tracker.events]
        assert titles == ["Pricing", "The small plan", "Pricing", "Pricing"]
        assert [event["properties"]["referrer"] for event in tracker.events] == [
            "",
            f"{visit.site}/pricing",
            f"{visit.site}/pricing/small",
            f"{visit.site}/pricing",
        ]
        assert tracker.events[-1]["properties"]["url"] == f"{visit.site}/pricing#/route"


async def test_clicks(browser: Browser) -> None:
    """A click is an event where its element says so, with the properties there, and the link without its query."""
    async with shop(browser) as (visit, tracker):
        await visit.open()
        await visit.click("plain")
        await visit.page.click("#wish", button="right")
        await visit.page.click("#wish", button="middle")
        await visit.click("brochure")
        await tracker.until("/", "wish_added", "content_downloaded", "/article")
        of = {event.get("event"): event["properties"] for event in tracker.events}
        assert of["wish_added"] == {"object_id": "fern-3"}
        assert of["content_downloaded"] == {
            "href": f"{visit.site}/article",
            "object_id": "brochure-1",
            "place": "home",
        }


async def test_forms(browser: Browser) -> None:
    """A form that says so is an event when it is sent, with its name, and with nothing that was written in it."""
    written = {"name": "Ann Fern", "id": "ann@fern.example", "message": "My number is 0123 456"}
    async with shop(browser) as (visit, tracker):
        await visit.open("/contact")
        await visit.page.click("text=Send")
        for name, text in written.items():
            await visit.page.fill(f"[name={name}]", text)
        await visit.page.click("text=Send")
        await tracker.until("/contact", "form_submitted", "/thanks")
        of = {event.get("event"): event["properties"] for event in tracker.events}
        assert of["form_submitted"] == {
            "form": "contact",
            "object_id": "contact",
            "topic": "plants",
        }
        assert not [text for text in written.values() if text in "".join(visit.sent)]


async def test_events_of_the_site(browser: Browser) -> None:
    """The site's code records events with properties."""
    async with shop(browser) as (visit, tracker):
        await visit.open("/pricing")
        await visit.click("buy")
        await tracker.until("/pricing", "plan_bought")
        assert tracker.events[-1]["properties"] == {"plan": "large", "amount": 120}


async def test_calls_before_the_script_is_there(browser: Browser) -> None:
    """Calls wait in a list until the script is loaded; one that fails is a warning, and no error of the site."""
    early = "window.engagement = [['track', 'early', {number: 1}], ['nonsense'], ['page', 'Start', {section: 'a'}]]"
    async with shop(browser, before=early, complaints=True) as (visit, tracker):
        await visit.open()
        await tracker.until("early", "/")
        assert tracker.events[1]["name"] == "Start"
        assert tracker.events[1]["properties"]["section"] == "a"
        assert [each[:11] for each in visit.complaints] == ["engagement:"]


async def test_people_who_sign_in(browser: Browser) -> None:
    """`identify` names visitor and person; another person, and a visitor who signs out, has a new number."""
    async with shop(browser) as (visit, tracker):
        await visit.open()
        await visit.page.evaluate("engagement.identify(7, {plan: 'pro'})")
        await visit.page.evaluate("engagement.identify('7')")
        await visit.page.evaluate("engagement.identify('8')")
        await visit.page.evaluate("engagement.track('second')")
        await visit.page.evaluate("engagement.reset()")
        await visit.page.evaluate("engagement.track('third')")
        await tracker.until("/", "identify", "identify", "identify", "second", "third")
        view, seven, again, eight, second, third = tracker.events
        assert (seven["userId"], seven["traits"]) == ("7", {"plan": "pro"})
        assert view["anonymousId"] == seven["anonymousId"] == again["anonymousId"]
        assert eight["anonymousId"] == second["anonymousId"]
        assert len({event["anonymousId"] for event in (seven, eight, third)}) == 3
        assert "userId" not in second


async def test_leaving_the_page(browser: Browser) -> None:
    """What happened in the last moment is sent while the page is left, and is sent again under the same id."""
    async with shop(browser) as (visit, tracker):
        await visit.open()
        await tracker.until("/")
        await visit.page.clock.pause_at("2100-01-01")
        await visit.click("wish")
        await visit.leave()
        await tracker.until("/", "wish_added")
        before = len(tracker.bodies)
        await visit.page.clock.resume()
        await visit.open("/article")
        await tracker.until("/", "wish_added", "/article")
        await eventually(lambda: _no_events(visit), within=15, what="an empty queue")
        assert "".join(tracker.bodies[before:]).count("wish_added") == 1


async def test_offline_and_back(browser: Browser) -> None:
    """What happens offline waits in the browser, is sent once it is online again, and each event arrives."""
    async with shop(browser, complaints=True) as (visit, tracker):
        await visit.open("/pricing")
        await tracker.until("/pricing")
        await visit.context.set_offline(offline=True)
        await visit.click("buy")
        await visit.page.click("text=Small")
        await visit.all_timers()
        # What a page sends while it is left gets through Chromium's imitation of being offline.
        tracker.status = 503
        await visit.leave()
        assert tracker.names == ["/pricing"]
        await visit.context.set_offline(offline=False)
        tracker.status = 200
        await visit.open("/article")
        await tracker.until("/pricing", "plan_bought", "/pricing/small", "/article")
        await visit.context.set_offline(offline=True)
        await visit.page.evaluate("engagement.track('later')")
        await visit.all_timers()
        await visit.context.set_offline(offline=False)
        await tracker.until("/pricing", "plan_bought", "/pricing/small", "/article", "later")


async def test_a_tracker_that_is_away(browser: Browser) -> None:
    """Events wait while the tracker answers 503 or 429, and are sent again later; refused ones are not."""
    async with shop(browser, complaints=True) as (visit, tracker):
        tracker.status = 503
        await visit.open()
        await eventually(lambda: tracker.methods, within=15, what="a first try")
        tracker.status = 429
        await visit.page.clock.fast_forward(20_000)
        await eventually(lambda: len(tracker.methods) >= 2, within=15, what="a second try")
        tracker.status = 200
        await visit.page.clock.fast_forward(600_000)
        await tracker.until("/")
        tracker.status = 400
        await visit.click("wish")
        await eventually(lambda: _no_events(visit), within=15, what="an empty queue")
        tracker.status = 200
        await visit.page.evaluate("engagement.track('good')")
        await tracker.until("/", "good")
        assert 'engagement: {"reason":"malformed"}' in visit.complaints


async def test_the_queue_is_bounded(browser: Browser) -> None:
    """Offline the newest 200,000 characters are kept; they go in batches that a page may send while it is left."""
    async with shop(browser, complaints=True) as (visit, tracker):
        await visit.open()
        await tracker.until("/")
        await visit.context.set_offline(offline=True)
        for number in range(60):
            await visit.page.evaluate(
                "number => engagement.track('event ' + number, {text: 'ä'.repeat(4000)})", number
            )
        kept = [text for name, text in (await visit.kept()).items() if name.startswith("engagement.event.")]
        assert 195_000 < sum(map(len, kept)) <= 200_000
        await visit.page.evaluate("engagement.track('huge', {text: 'a'.repeat(30000)})")
        assert "engagement: event too large" in visit.complaints
        await visit.context.set_offline(offline=False)
        await tracker.until("/", *(f"event {number}" for number in range(60 - len(kept), 60)))
        assert max(len(body.encode()) for body in tracker.bodies) < 64_000


async def test_batches_are_small(browser: Browser) -> None:
    """What has gathered offline goes in batches of ten, one after the other: narrow limits refuse none of them."""
    async with shop(browser, complaints=True) as (visit, tracker):
        await visit.open()
        await tracker.until("/")
        await visit.context.set_offline(offline=True)
        await visit.page.evaluate("for (let i = 0; i < 25; i++) engagement.track('event')")
        await visit.context.set_offline(offline=False)
        await tracker.until("/", *["event"] * 25)
        assert [body.count("messageId") for body in tracker.bodies] == [1, 10, 10, 5]


async def test_old_events_are_dropped(browser: Browser) -> None:
    """An event that could not be sent for 7 days is dropped."""
    async with shop(browser, complaints=True) as (visit, tracker):
        await visit.open()
        await tracker.until("/")
        await visit.context.set_offline(offline=True)
        await visit.page.evaluate("engagement.track('old')")
        await visit.page.clock.fast_forward(8 * 86_400_000)
        await visit.page.evaluate("engagement.track('new')")
        await visit.context.set_offline(offline=False)
        await tracker.until("/", "new")
        assert await _no_events(visit)


async def test_before_consent_nothing_is_kept_or_sent(browser: Browser) -> None:
    """A site that asks first records nothing before the answer, then from the page on which it was given."""
    async with shop(browser, asks_first=True) as (visit, tracker):
        await visit.open()
        await visit.click("wish")
        await visit.page.evaluate("engagement.identify('ann')")
        assert await visit.page.evaluate("engagement.anonymousId() === undefined")
        await visit.all_timers()
        await visit.open("/article")
        assert await visit.kept() == {}
        assert visit.sent == []
        await visit.click("accept")
        await tracker.until("/article")
        await visit.open("/pricing")
        await tracker.until("/article", "/pricing")


async def test_a_refusal(browser: Browser) -> None:
    """Of a visitor who refuses the refusal alone is kept, and nothing is sent."""
    async with shop(browser, asks_first=True) as (visit, tracker):
        await visit.open()
        await visit.click("deny")
        await visit.click("wish")
        await visit.all_timers()
        await visit.open("/article")
        await visit.all_timers()
        await visit.leave()
        assert (visit.sent, tracker.names) == ([], [])
        await visit.open()
        assert await visit.kept() == {"engagement.consent": "no"}


async def test_consent_that_is_withdrawn(browser: Browser) -> None:
    """Withdrawn consent deletes the visitor's number and queue; consent given again begins a new number."""
    async with shop(browser, asks_first=True, complaints=True) as (visit, tracker):
        await visit.open()
        await visit.click("accept")
        await tracker.until("/")
        await visit.context.set_offline(offline=True)
        await visit.click("wish")
        await visit.page.evaluate("engagement.consent(false)")
        await visit.context.set_offline(offline=False)
        await visit.all_timers()
        assert await visit.kept() == {"engagement.consent": "no"}
        await visit.page.evaluate("engagement.consent(true)")
        await tracker.until("/", "/")
        assert len({event["anonymousId"] for event in tracker.events}) == 2


@pytest.mark.parametrize("signal", [DO_NOT_TRACK, PRIVACY_CONTROL], ids=["DNT", "GPC"])
async def test_browsers_that_object(browser: Browser, signal: str) -> None:
    """With Do Not Track or Global Privacy Control nothing is kept or sent, whatever the site's code says."""
    async with shop(browser, before=signal) as (visit, tracker):
        await visit.open()
        await visit.page.evaluate("localStorage.setItem('engagement.id', '1 abc')")
        await visit.open()
        await visit.page.evaluate("engagement.consent(true)")
        await visit.page.evaluate("engagement.optIn()")
        await visit.click("wish")
        await visit.all_timers()
        assert await visit.kept() == {}
        await visit.leave()
        assert (visit.sent, tracker.names) == ([], [])


async def test_opting_out(browser: Browser) -> None:
    """Who opts out is not recorded any more, on this and later pages and in other tabs, until opting in."""
    async with shop(browser) as (visit, tracker):
        await visit.open("/privacy")
        await tracker.until("/privacy")
        other = await visit.context.new_page()
        await other.goto(f"{visit.site}/article")
        await tracker.until("/privacy", "/article")
        await visit.click("opt-out")
        await other.evaluate("engagement.track('elsewhere')")
        sent = len(visit.sent)
        await visit.open()
        await visit.click("wish")
        await visit.all_timers()
        await visit.open("/privacy")
        assert len(visit.sent) == sent
        assert await visit.kept() == {"engagement.consent": "no"}
        await visit.click("opt-in")
        await tracker.until("/privacy", "/article", "/privacy")


async def test_without_storage(browser: Browser) -> None:
    """A browser that keeps nothing for the site is not recorded, and the site works."""
    async with shop(browser, before=_NO_STORAGE) as (visit, tracker):
        await visit.open("/pricing")
        await visit.click("buy")
        await visit.page.evaluate("engagement.identify('ann')")
        await visit.page.evaluate("engagement.optOut()")
        await visit.page.evaluate("engagement.reset()")
        await visit.all_timers()
        await visit.leave()
        assert (visit.sent, tracker.names) == ([], [])


async def test_two_tabs_are_one_visitor(browser: Browser) -> None:
    """Tabs share the visitor's number and the queue, and no event of either is lost."""
    async with shop(browser, complaints=True) as (visit, tracker):
        other = await visit.context.new_page()
        await visit.open()
        await other.goto(f"{visit.site}/pricing")
        await visit.context.set_offline(offline=True)
        for page in (visit.page, other) * 5:
            await page.evaluate("engagement.track('seen')")
        await visit.context.set_offline(offline=False)
        await tracker.until("/", "/pricing", *["seen"] * 10)
        assert len({event["anonymousId"] for event in tracker.events}) == 1
        assert len(tracker.events) == 12


async def test_a_number_lasts_13_months(browser: Browser) -> None:
    """After 13 months a visitor has a new number."""
    async with shop(browser) as (visit, tracker):
        await visit.open()
        await tracker.until("/")
        await visit.page.evaluate(
            "localStorage.setItem('engagement.id', (Date.now() - 396 * 864e5) + ' an-old-one')"
        )
        await visit.open()
        await tracker.until("/", "/")
        assert "an-old-one" not in {event["anonymousId"] for event in tracker.events}


async def test_a_page_that_comes_back_from_the_cache(browser: Browser) -> None:
    """A page that the browser had kept and shows again is viewed again."""
    async with shop(browser) as (visit, tracker):
        await visit.open()
        await tracker.until("/")
        # Playwright turns the cache itself off.
        await visit.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
        await tracker.until("/", "/")


async def test_a_page_that_is_prepared_in_advance(browser: Browser) -> None:
    """A page that the browser loads before the visitor wants it is viewed once it is shown."""
    unseen = "Object.defineProperty(document, 'prerendering', {get: () => !window.seen})"
    async with shop(browser, before=unseen) as (visit, tracker):
        await visit.open()
        await visit.all_timers()
        assert visit.sent == []
        await visit.page.evaluate(
            "window.seen = true; document.dispatchEvent(new Event('prerenderingchange'))"
        )
        await tracker.until("/")


async def test_a_script_that_is_loaded_twice(browser: Browser) -> None:
    """A second tag changes nothing: each view and click is one event."""
    async with shop(browser) as (visit, tracker):
        await visit.open()
        await tracker.until("/")
        again = """() => new Promise((loaded) => {
            const script = document.createElement("script");
            script.src = document.querySelector("script[data-write-key]").src;
            script.dataset.writeKey = "another";
            script.onload = loaded;
            document.head.append(script);
        })"""
        await visit.page.evaluate(again)
        await visit.click("wish")
        await tracker.until("/", "wish_added")


async def test_events_meanwhile(browser: Browser) -> None:
    """Events that happen while others wait for their answer follow them, and none is sent twice."""
    async with shop(browser) as (visit, tracker):
        tracker.held.clear()
        await visit.open()
        await eventually(lambda: tracker.methods, within=15, what="a request")
        await visit.click("wish")
        await visit.all_timers()
        assert len(tracker.methods) == 1
        tracker.held.set()
        await tracker.until("/", "wish_added")
        assert "".join(tracker.bodies).count("messageId") == 2


async def _no_events(visit: Visit) -> bool:
    kept: dict[str, Any] = await visit.kept()
    return not [name for name in kept if name.startswith("engagement.event.")]
