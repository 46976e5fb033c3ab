"""The way from a contact's page back to the list one came from, and to the contacts before and after it there.

Links of the list name it: `list` has its filters, as its own address does, and `place` where the contact was in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from consumer.web.console.api_client import ApiProblem, part, query
from consumer.web.console.leads.filters import FILTERS, api_filters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.web.console.visit import Visit

_GONE = 410
# What a list may be refused for after its filters have changed: then there is no way back into it.
_REFUSED = frozenset({400, 404, 409, 422, 429, 503})


@dataclass(frozen=True, slots=True)
class ListLinks:
    """Addresses of pages. list: of the list. previous, next: of contacts, None at its ends; names: of these."""

    list: str
    previous: str | None = None
    next: str | None = None
    previous_name: str = ""
    next_name: str = ""


def contact_url(visit: Visit, contact: str, filters: Mapping[str, str], place: str | None) -> str:
    """Return the address of a contact's page, with the list that leads there."""
    return visit.url("contacts", contact, list=query(filters) or "-", place=place)


async def read_list_links(visit: Visit, contact: str) -> ListLinks | None:
    """Return the links for the page of a contact; None: its address names no list."""
    named = visit.request.query_params.get("list", "")
    if not named:
        return None
    filters = {name: value for name, value in parse_qsl(named) if name in FILTERS}
    back = visit.url("leads", **filters)
    try:
        found = await _neighbours(visit, contact, filters)
    except ApiProblem as problem:
        if problem.status not in _REFUSED:
            raise
        return ListLinks(back)
    urls, names = {}, {}
    for side in ("previous", "next"):
        other = found[side]
        urls[side] = other and contact_url(visit, other["id"], filters, other["place"])
        names[f"{side}_name"] = (other["name"] or other["id"]) if other else ""
    return ListLinks(back, **urls, **names)


async def _neighbours(visit: Visit, contact: str, filters: Mapping[str, str]) -> dict[str, Any]:
    path, asked = f"contacts/{part(contact)}/neighbours", api_filters(visit, filters)
    try:
        answer = await visit.api.get(path, **asked, place=visit.request.query_params.get("place"))
    except ApiProblem as problem:
        if problem.status != _GONE:
            raise
        # Places of before a publish: where it is now.
        answer = await visit.api.get(path, **asked)
    found: dict[str, Any] = answer.body
    return found
