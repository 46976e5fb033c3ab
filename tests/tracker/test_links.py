"""Images and links: always answered, signed where they name a contact, and marked where a scanner follows them."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING

import pytest

from consumer.domain.tracker_links import CLICKED, OPENED, Link, address
from consumer.web.tracker.http_answers import GIF
from tests.builders.tracker import CHROME
from tests.web.api_client import bearer

if TYPE_CHECKING:
    import httpx

    from tests.tracker.site import Site, Token

TARGET = "https://shop.example/offer?id=7&utm_source=mail#top"


async def _get(site: Site, path: str, **headers: str) -> httpx.Response:
    return await site.client.get(path, headers={"user-agent": CHROME, **headers})


def _pixel(token: Token, contact: str = "ann", object_id: str = "mail-1") -> str:
    return address("", token.key, token.signing_secret.encode(), Link(OPENED, contact, object_id))


def _click(token: Token, url: str = TARGET, contact: str = "ann", object_id: str = "mail-1") -> str:
    return address("", token.key, token.signing_secret.encode(), Link(CLICKED, contact, object_id, url))


def _assert_pixel(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.content, len(answer.content)) == (200, GIF, 43)
    assert answer.headers["content-type"] == "image/gif"
    assert "no-store" in answer.headers["cache-control"]


async def test_an_opened_mail(site: Site) -> None:
    """A signed image records that its contact has opened the e-mail."""
    token = await site.token(anonymous_only=True, origins=["https://shop.example"])
    _assert_pixel(await _get(site, _pixel(token)))
    [event] = await site.until_events(token.account, 1)
    assert (event["type"], event["subject"], event["objectid"]) == ("track.email.opened", "ann", "mail-1")
    assert "robot" not in event


async def test_a_followed_link(site: Site) -> None:
    """A signed link records the click and leads on, exactly to where it was signed for."""
    token = await site.token()
    answer = await _get(site, _click(token))
    assert (answer.status_code, answer.headers["location"]) == (302, TARGET)
    assert answer.headers["cache-control"] == "no-store"
    [event] = await site.until_events(token.account, 1)
    assert (event["type"], event["subject"], event["objectid"]) == ("track.email.clicked", "ann", "mail-1")


async def test_links_of_the_api(site: Site) -> None:
    """The links that the API makes are those that the tracker takes."""
    token = await site.token()
    made = await site.client.post(
        f"/v1/accounts/{token.account}/tracker-tokens/{token.id}/links",
        json={
            "key": token.key,
            "base_url": f"http://127.0.0.1:{site.port}",
            "recipients": [{"contact": "bob & co", "object": "mail/2", "url": TARGET}],
        },
        headers=bearer(token.account),
    )
    [links] = made.json()["links"]
    _assert_pixel(await _get(site, links["pixel"]))
    assert (await _get(site, links["click"])).headers["location"] == TARGET
    events = await site.until_events(token.account, 2)
    assert {(event["subject"], event["objectid"]) for event in events} == {("bob & co", "mail/2")}


async def test_forged_links(site: Site) -> None:
    """A link that was changed in any part leads nowhere and records nothing; an image is shown all the same."""
    token, other = await site.token(), await site.token()
    good = _click(token)
    assert "c=ann" in good
    forged = [
        good.replace("c=ann", "c=bob"),
        good.replace("mail-1", "mail-2"),
        good.replace("shop.example", "evil.example"),
        good.replace(token.key, other.key),
        good.partition("&s=")[0],
        good[:-1],
        f"/v1/click?t={token.key}&e=email.clicked&u=https://evil.example",
    ]
    for link in forged:
        answer = await _get(site, link)
        assert answer.status_code == 400, link
        assert "location" not in answer.headers
        assert answer.json()["reason"] in {"signature_invalid", "malformed"}
    for image in (
        _pixel(token).replace("c=ann", "c=bob"),
        f"/v1/pixel.gif?t={token.key}&c=ann&e=a",
        "/v1/pixel.gif",
    ):
        _assert_pixel(await _get(site, image))
    # Held back like the others would have been, and after them.
    _assert_pixel(await _get(site, _pixel(token, contact="cem")))
    [event] = await site.until_events(token.account, 1)
    assert event["subject"] == "cem"
    reasons = {request.get("reason") for request in await site.requests(token)}
    assert "signature_invalid" in reasons


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://a.example/\r\nSet-Cookie: x=y", "//evil.example"]
)
async def test_where_a_link_may_lead(site: Site, url: str) -> None:
    """Even a signed link leads to web pages only, and its address makes no header."""
    token = await site.token()
    link = Link(CLICKED, "ann", "mail-1", url.replace("\n", ""))
    answer = await _get(site, address("", token.key, token.signing_secret.encode(), link))
    assert answer.status_code in {302, 400}
    assert "set-cookie" not in answer.headers
    if answer.status_code == 302:
        assert answer.headers["location"].isascii()


async def test_signed_links_have_no_limit_by_address(site: Site) -> None:
    """Mails that are opened through one proxy are all recorded; forged ones are limited by address first."""
    token = await site.token(per_second_by_address=1)
    for number in range(15):
        _assert_pixel(await _get(site, _pixel(token, object_id=f"mail-{number}")))
    await site.until_events(token.account, 15)
    for _ in range(15):
        await _get(site, _pixel(token) + "x")
    reasons = [request.get("reason") for request in await site.requests(token)]
    assert [reasons.count(each) for each in (None, "signature_invalid", "rate_limited")] == [15, 10, 5]


async def test_a_page_without_scripts(site: Site) -> None:
    """An image of a page records a page view of an anonymous contact, from the token's pages only."""
    token = await site.token(origins=["https://shop.example"])
    path = f"/v1/pixel.gif?t={token.key}&a=visitor-1&e=page"
    _assert_pixel(await _get(site, path, referer="https://evil.example/"))
    _assert_pixel(await _get(site, path, referer="https://shop.example/hats?session=secret"))
    [event] = await site.until_events(token.account, 1)
    assert (event["type"], event["subject"]) == ("track.page", "anonymous:visitor-1")
    assert "secret" not in json.dumps(event)


async def test_calls_as_images(site: Site) -> None:
    """A call may be the parameter of an image, as Segment's pixels have it, in either alphabet of base64."""
    token = await site.token()
    body = json.dumps(
        {"writeKey": token.key, "event": "Mail ÿ opened?", "userId": "ann", "messageId": "m1"},
        ensure_ascii=False,
    ).encode()
    for encoded in (base64.b64encode(body), base64.urlsafe_b64encode(body).rstrip(b"=")):
        answer = await site.client.get(
            "/v1/pixel/track", params={"data": encoded.decode()}, headers={"user-agent": CHROME}
        )
        _assert_pixel(answer)
    for rubbish in ("", "%%%", "e30", "A" * 100_000):
        _assert_pixel(await site.client.get("/v1/pixel/track", params={"data": rubbish[:8000]}))
    events = await site.until_events(token.account, 2)
    assert {event["id"] for event in events} == {"m1"}


async def test_scanners_of_mails(site: Site) -> None:
    """All links of a mail at once are a scanner's: recorded with the mark; a person's click later is not."""
    token = await site.token()
    links = [_click(token, f"https://shop.example/{number}") for number in range(6)]
    await asyncio.gather(*(_get(site, link) for link in links))
    events = await site.until_events(token.account, 6)
    assert all(event["robot"] is True for event in events)
    await _get(site, _click(token, object_id="mail-2"))
    events = await site.until_events(token.account, 7)
    assert [event.get("robot", False) for event in events if event["objectid"] == "mail-2"] == [False]


async def test_asking_for_headers_only_records_nothing(site: Site) -> None:
    """HEAD is answered like GET, without a body; nobody has seen or followed anything."""
    token = await site.token()
    answer = await site.client.head(_pixel(token))
    assert (answer.status_code, answer.headers["content-length"]) == (200, "43")
    assert (await site.client.head(_click(token))).status_code == 302
    call = json.dumps({"event": "Seen", "anonymousId": "x", "writeKey": token.key}).encode()
    data = base64.urlsafe_b64encode(call).decode()
    assert (await site.client.head(f"/v1/pixel/track?data={data}")).status_code == 200
    assert (await _get(site, _pixel(token, object_id="mail-9"))).status_code == 200
    [event] = await site.until_events(token.account, 1)
    assert event["objectid"] == "mail-9"


async def test_known_robots_are_marked(site: Site) -> None:
    """A crawler's page view is recorded with the mark `robot`."""
    token = await site.token()
    agent = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    _assert_pixel(await _get(site, f"/v1/pixel.gif?t={token.key}&a=x&e=page", **{"user-agent": agent}))
    [event] = await site.until_events(token.account, 1)
    assert event["robot"] is True
