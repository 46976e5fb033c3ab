"""Signed links of e-mails: a pixel that records that a contact has opened one, and a redirect that records a click.

A link names a contact, so it is signed: nobody can make one for another contact, or change where it leads.
docs/contracts.md has the form, for mailers that sign by themselves. Pure.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import NamedTuple
from urllib.parse import quote, urlencode

OPENED = "email.opened"
CLICKED = "email.clicked"
PIXEL_PATH = "/v1/pixel.gif"
CLICK_PATH = "/v1/click"
# Bytes of a link's query: longer ones are refused.
LONGEST_QUERY = 8192
_SEPARATOR = "\n"


class Link(NamedTuple):
    """What a link records; object_id: of the e-mail. url: where a click leads; None: it is a pixel."""

    event: str
    contact: str
    object_id: str
    url: str | None = None


def signature(secret: bytes, link: Link) -> str:
    """Return the signature of a link; raises ValueError if a part of it holds a newline."""
    parts = [part for part in link if part is not None]
    if any(_SEPARATOR in part for part in parts):
        raise ValueError("no part of a link may hold a newline")
    signed = _SEPARATOR.join(parts).encode("utf-8", "surrogatepass")
    digest = hmac.digest(secret, signed, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_signed(secret: bytes, link: Link, given: str) -> bool:
    """Return whether a signature is that of the link, in constant time."""
    try:
        expected = signature(secret, link)
    except ValueError:
        return False
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass"))


def address(base_url: str, key: str, secret: bytes, link: Link) -> str:
    """Return the address of a link; raises ValueError if a part of it holds a newline.

    base_url: of the tracker, without a slash at its end. key: of its token, to which the secret belongs.
    """
    values = {
        "t": key,
        "c": link.contact,
        "e": link.event,
        "o": link.object_id,
        "u": link.url,
        "s": signature(secret, link),
    }
    given = {name: value for name, value in values.items() if value}
    path = PIXEL_PATH if link.url is None else CLICK_PATH
    return f"{base_url}{path}?{urlencode(given, quote_via=quote, safe='')}"
