"""Links of e-mails are signed for one event, contact, object and page each."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import parse_qsl, urlsplit

import pytest

from consumer.domain.tracker_links import CLICKED, OPENED, Link, address, is_signed, signature

SECRET = b"0123456789abcdef0123456789abcdef"
BASE = "https://track.example.com"
PAGE = "https://shop.example.com/?a=1&b=2#c"


def _read(link: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(link)
    return f"{parts.scheme}://{parts.netloc}{parts.path}", dict(parse_qsl(parts.query, strict_parsing=True))


def test_a_signature_is_what_the_recipe_says() -> None:
    """It is base64url, without padding, of HMAC-SHA256 over the parts, one a line; the page comes last."""
    for link, signed in (
        (Link(OPENED, "ann@example.com", "mail-7"), b"email.opened\nann@example.com\nmail-7"),
        (Link(CLICKED, "ann", "m", PAGE), b"email.clicked\nann\nm\n" + PAGE.encode()),
    ):
        digest = hmac.new(SECRET, signed, hashlib.sha256).digest()
        assert signature(SECRET, link) == base64.urlsafe_b64encode(digest).decode().rstrip("=")


def test_a_pixel_carries_what_it_records() -> None:
    """Its parameters are read as they were given, whatever characters they have, and are signed."""
    link = Link(OPENED, "anna+müller&co@example.com", "mail 7/ü?#")
    where, values = _read(address(BASE, "wk_1", SECRET, link))
    assert where == "https://track.example.com/v1/pixel.gif"
    signed = values.pop("s")
    assert values == {"t": "wk_1", "c": link.contact, "e": OPENED, "o": link.object_id}
    assert is_signed(SECRET, link, signed)


def test_a_click_leads_where_it_was_signed_for() -> None:
    """The page is part of the signature: with another page it is not valid, nor is that of a pixel."""
    link = Link(CLICKED, "ann", "mail-7", PAGE)
    where, values = _read(address(BASE, "wk_1", SECRET, link))
    assert (where, values["u"]) == ("https://track.example.com/v1/click", PAGE)
    assert is_signed(SECRET, link, values["s"])
    assert not is_signed(SECRET, link._replace(url="https://evil.example.com/"), values["s"])
    assert not is_signed(SECRET, link._replace(url=None), values["s"])
    assert not is_signed(SECRET, link, signature(SECRET, link._replace(url=None)))


@pytest.mark.parametrize(
    "forged",
    [
        Link(CLICKED, "ann", "mail-7"),
        Link(OPENED, "bob", "mail-7"),
        Link(OPENED, "ann", "mail-8"),
        Link(OPENED, "ann", "mail-7", ""),
        Link("email.opened\nann", "mail-7", ""),
        Link(OPENED, "ann\nmail-7", ""),
        Link(OPENED, "ann", "mail-7\n"),
    ],
)
def test_a_signature_is_for_nothing_else(forged: Link) -> None:
    """For another event, contact or object it is not valid; newlines cannot shift the parts."""
    assert not is_signed(SECRET, forged, signature(SECRET, Link(OPENED, "ann", "mail-7")))


@pytest.mark.parametrize("given", ["", "x", "ü", "\ud800", "a" * 43])
def test_what_is_no_signature_is_none(given: str) -> None:
    """Any other text is no signature."""
    assert not is_signed(SECRET, Link(OPENED, "ann", "mail-7"), given)


def test_a_newline_cannot_be_signed() -> None:
    """A part with a newline is refused."""
    with pytest.raises(ValueError, match="newline"):
        address(BASE, "wk_1", SECRET, Link(OPENED, "ann\nbob", "mail-7"))
