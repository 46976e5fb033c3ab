"""Cuts addresses of pages: queries and fragments have what identifies a person or opens a session. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

# Those that name a campaign. Not gclid, fbclid and the like: they identify one click of one person.
CAMPAIGN_PARAMETERS: Final = frozenset(
    {"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "utm_id"}
)

_LONGEST = 2048
_LOGIN = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#]*@")


def cut_url(url: str, allowed: AbstractSet[str]) -> str:
    """Return an address or a path without login, with those query parameters only that are allowed.

    A fragment is left out, unless it is the route of a single-page site: that is cut likewise. allowed: beside
    those of campaigns.
    """
    if "@" in url:
        url = _LOGIN.sub(r"\1//", url)
    page, _, fragment = url.partition("#")
    cut = _cut(page, allowed) if "?" in page else page
    if fragment.startswith(("/", "!")):
        cut = f"{cut}#{_cut(fragment.partition('#')[0], allowed)}"
    return cut[:_LONGEST]


def _cut(address: str, allowed: AbstractSet[str]) -> str:
    start, mark, query = address.partition("?")
    kept = cut_query(query, allowed) if mark else ""
    return f"{start}?{kept}" if kept else start


def cut_search(search: str, allowed: AbstractSet[str]) -> str:
    """Return a query with its question mark, as `location.search` has it; '' where nothing is left."""
    kept = cut_query(search.partition("#")[0].removeprefix("?"), allowed)
    return f"?{kept}"[:_LONGEST] if kept else ""


def cut_query(query: str, allowed: AbstractSet[str]) -> str:
    """Return the parameters of a query that are allowed, as they are written."""
    names = CAMPAIGN_PARAMETERS | allowed if allowed else CAMPAIGN_PARAMETERS
    return "&".join([part for part in query.split("&") if part.partition("=")[0] in names])
