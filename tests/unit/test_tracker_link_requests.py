"""Pixels and links of e-mails: whose event they make, and that nobody can make them for another contact."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from consumer.domain.tracker_links import Link, signature
from consumer.web.tracker.calls.links import LinkRequest, read_link, record_of_link, signature_refusal
from consumer.web.tracker.calls.outcome import Refusal
from tests.builders.tracker import NOW, AllRobots, NoRobots, browser, decoded, write_key

if TYPE_CHECKING:
    from consumer.domain.model import Event

OPENED = Link("email.opened", "ann", "mail-1")
CLICKED = Link("email.clicked", "ann", "mail-1", "https://shop.example/x?token=1&utm_source=mail")
READER = browser(origin=None, by_pixel=True, referrer="https://mail.example/inbox?id=5")


def request(link: Link, **others: str) -> LinkRequest:
    """Return what the server reads of a signed link, with other parameters where they are given."""
    named = {"t": "key", "e": link.event, "c": link.contact, "o": link.object_id}
    if link.url is not None:
        named["u"] = link.url
    named["s"] = signature(b"secret", link)
    read = read_link(urlencode({**named, **others}).encode(), is_click=link.url is not None)
    assert isinstance(read, LinkRequest)
    return read


def event(of: LinkRequest, **settings: Any) -> Event:
    record = record_of_link(of, write_key(), READER, NoRobots(), **settings)
    assert not isinstance(record, Refusal), record
    return decoded(record)


def refusal(of: LinkRequest, **settings: Any) -> tuple[str, str | None]:
    refused = record_of_link(of, write_key(**settings), READER, NoRobots())
    assert isinstance(refused, Refusal), refused
    return refused.reason.value, refused.field


def test_a_pixel_is_an_opened_mail_of_its_contact() -> None:
    """A signed pixel records its event, of its contact, about its object, now; the page is that which showed it."""
    opened = event(request(OPENED))
    assert (opened.type, opened.subject, opened.object_id) == ("track.email.opened", "ann", "mail-1")
    assert opened.occurred_at == NOW
    assert json.loads(opened.data) == {
        "event": "email.opened",
        "properties": {},
        "context": {"page": {"url": "https://mail.example/inbox"}, "userAgent": READER.user_agent},
        "user_id": "ann",
    }


def test_a_click_has_the_address_that_it_leads_to() -> None:
    """A signed link records its event, with the address in properties, cut as pages are."""
    assert signature_refusal(request(CLICKED), write_key()) is None
    clicked = event(request(CLICKED))
    assert clicked.type == "track.email.clicked"
    assert json.loads(clicked.data)["properties"] == {"link": "https://shop.example/x?utm_source=mail"}


@pytest.mark.parametrize("link", [OPENED, CLICKED])
@pytest.mark.parametrize(
    "others",
    [{"s": ""}, {"s": "A" * 43}, {"e": "deal"}, {"c": "bob"}, {"o": "mail-2"}, {"u": "https://evil.example"}],
)
def test_a_link_of_another_signature_is_refused(link: Link, others: dict[str, str]) -> None:
    """A signature is of event, contact, object and address: none can be another's, and it cannot be left out."""
    if link is OPENED and "u" in others:
        return  # a pixel leads nowhere: the parameter is ignored
    assert refusal(request(link, **others)) == ("signature_invalid", "s")


def test_a_signature_of_a_pixel_is_none_of_a_link() -> None:
    """The signature of a pixel does not let a link lead anywhere."""
    signed = signature(b"secret", OPENED)
    assert refusal(request(OPENED._replace(url="https://evil.example"), s=signed)) == (
        "signature_invalid",
        "s",
    )


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//evil.example", "", "ftp://x"])
def test_a_link_leads_to_a_page(url: str) -> None:
    """Even where it is signed, a link leads to an address of http or https only."""
    refused = signature_refusal(request(CLICKED._replace(url=url)), write_key())
    assert refused is not None
    assert (refused.reason, refused.field) == ("malformed", "u")


def test_a_scheme_in_capitals_leads_there_too() -> None:
    """A signed address is led to however its scheme is written: a person waits."""
    assert signature_refusal(request(CLICKED._replace(url="HTTPS://shop.example")), write_key()) is None


def test_a_pixel_of_an_anonymous_contact_needs_no_signature() -> None:
    """A pixel that names no contact records an event of an anonymous one; `page` is a page view."""
    viewed = event(request(Link("page", "", ""), s="", a="7"))
    assert (viewed.type, viewed.subject, viewed.object_id) == ("track.page", "anonymous:7", None)
    assert "event" not in json.loads(viewed.data)


@pytest.mark.parametrize(
    ("link", "others", "field"),
    [
        (Link("", "ann", ""), {}, "e"),
        (Link("identify", "ann", ""), {}, "e"),
        (Link("x" * 251, "ann", ""), {}, "e"),
        (Link("Seen", "", ""), {}, "c"),
        (Link("Seen", "anonymous:7", ""), {}, "c"),
        (Link("Seen", "x" * 257, ""), {}, "c"),
        (Link("Seen", "", ""), {"a": "x" * 247}, "a"),
        (Link("Seen", "ann", "x" * 257), {}, "o"),
    ],
)
def test_links_that_are_malformed(link: Link, others: dict[str, str], field: str) -> None:
    """A link names an event and a contact; what is wrong is refused by its parameter."""
    assert refusal(request(link, **others)) == ("malformed", field)


def test_tokens_restrict_links() -> None:
    """The names of a token hold for links; one for anonymous contacts only may have signed links all the same."""
    assert refusal(request(OPENED), event_names=frozenset({"page"})) == ("name_not_allowed", "e")
    record = record_of_link(request(OPENED), write_key(anonymous_only=True), READER, NoRobots())
    assert not isinstance(record, Refusal)


def test_robots_follow_links_too() -> None:
    """The event of a robot, or of a scan of all links of a mail, has the mark."""
    assert not event(request(CLICKED)).robot
    assert event(request(CLICKED), is_scan=True).robot
    robots = AllRobots()
    nameless = browser(origin=None, by_pixel=True, user_agent=None)
    record = record_of_link(request(OPENED), write_key(), nameless, robots)
    assert not isinstance(record, Refusal)
    assert decoded(record).robot
    assert robots.seen == ("", "192.0.2.7")


def test_queries_are_bounded() -> None:
    """A query that is too long, or has too many parameters, is refused."""
    for query, reason in ((b"a=" + b"x" * 8192, "too_large"), (b"&".join([b"a=1"] * 21), "malformed")):
        refused = read_link(query, is_click=False)
        assert isinstance(refused, Refusal)
        assert refused.reason == reason
