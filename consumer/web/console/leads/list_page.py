"""The page of the list: what it asks the API, and what it shows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.api_client import ApiProblem, part, query
from consumer.web.console.bands import read_bands
from consumer.web.console.leads.distribution import read_chart
from consumer.web.console.leads.filters import (
    FILTERS,
    Choices,
    api_filters,
    axis_of,
    chips,
    filters_of,
    order_of,
)
from consumer.web.console.leads.rows import columns, rows, sort_link
from consumer.web.console.visit import Done, Faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_INVALID, _GONE, _MALFORMED = 422, 410, 400
LIMIT: Final = 50
_MOST_DIGITS: Final = 9
_NO_CONTACTS: Final[dict[str, Any]] = {
    "items": [],
    "next": None,
    "previous": None,
    "total": None,
    "apart": [],
}


async def show(visit: Visit) -> Response:
    """Answer with the list that the address asks for."""
    sent = filters_of(visit)
    groups, profiles, segments = await asyncio.gather(
        visit.api.get("groups"), visit.api.get("profiles"), visit.api.get("segments", renew=False)
    )
    published = [each for each in profiles.body["items"] if each["version"] is not None]
    if not published:
        return visit.page("leads/nothing_published.html")
    profile = _profile(published, sent.get("profile"))
    bands = await read_bands(visit, profile["key"], profile["version"])
    choices = Choices(published, groups.body["items"], segments.body["items"], bands)
    filters, left_out = choices.without_unknown(sent)
    if filters.get("profile", profile["key"]) != profile["key"]:
        left_out.append(("profile", filters.pop("profile")))
    faults, contacts = Faults(), _NO_CONTACTS
    chart = asyncio.ensure_future(read_chart(visit, profile["key"], filters))
    try:
        contacts = await _contacts(visit, filters)
    except ApiProblem as problem:
        if problem.status in {_GONE, _MALFORMED} and _is_further(visit):
            text = visit.say("The list has changed: this is its beginning.")
            return visit.redirect(visit.url("leads", **filters), Done(text))
        if problem.status != _INVALID:
            raise
        faults = Faults.of(problem)
    finally:
        drawn = await chart
    items = contacts["items"]
    return visit.page(
        "leads/leads.html",
        status=_INVALID if faults else 200,
        faults=faults,
        filters=filters,
        asked={name: filters.get(name, "") for name in FILTERS},
        left_out=left_out,
        choices=choices,
        profile=profile,
        axis=axis_of(filters),
        axis_name=choices.axis_name(visit, filters),
        order=order_of(filters),
        orders=_orders(visit, filters, choices),
        chips=chips(visit, filters, choices),
        chart=drawn,
        contacts=contacts,
        rows=rows(visit, filters, items),
        columns=columns(visit, filters, choices, items),
        last_event=sort_link(visit, filters, "last_event_at"),
        **_pages(visit, filters, contacts),
        export=_export(visit, filters),
        segment_url=visit.url("segments", "new", **filters),
    )


def _profile(published: list[dict[str, Any]], key: str | None) -> dict[str, Any]:
    """Return the profile of this key, or else the primary one, or the first one."""
    primary = next((each for each in published if each["primary"]), published[0])
    return next((each for each in published if each["key"] == key), primary)


def _is_counted(visit: Visit, filters: Mapping[str, str]) -> bool:
    """Return whether the list is to be counted: by points that takes milliseconds, otherwise perhaps seconds."""
    by_points = order_of(filters).removeprefix("-").startswith("score")
    return by_points and not _is_further(visit) and not {"q", "segment"} & filters.keys()


def _is_further(visit: Visit) -> bool:
    return any(visit.request.query_params.get(name) for name in ("cursor", "before"))


async def _contacts(visit: Visit, filters: Mapping[str, str]) -> dict[str, Any]:
    sent = visit.request.query_params
    found: dict[str, Any] = (
        await visit.api.get(
            "contacts",
            **api_filters(visit, filters),
            cursor=sent.get("cursor"),
            before=sent.get("before"),
            limit=LIMIT,
            trend=True,
            places=True,
            total=True if _is_counted(visit, filters) else None,
        )
    ).body
    return found


def _orders(visit: Visit, filters: Mapping[str, str], choices: Choices) -> list[tuple[str, str]]:
    """Return the orders to choose from, and how they are called."""
    known = [
        ("-score", visit.say("Highest score")),
        ("score", visit.say("Lowest score")),
        ("-last_event_at", visit.say("Latest event")),
        ("last_event_at", visit.say("Earliest last event")),
    ]
    for group in choices.groups:
        if not group["deleted"]:
            known.append((f"-score.{group['key']}", visit.say("Most in %(group)s", group=group["name"])))
            least = f"score.{group['key']}"
            if order_of(filters) == least:
                known.append((least, visit.say("Least in %(group)s", group=group["name"])))
    return known


def _pages(visit: Visit, filters: Mapping[str, str], contacts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the addresses of the pages around this one, and which contacts it has: `first` to `last`.

    Where it is in the list is carried along in the addresses: contacts that move meanwhile make it inexact.
    """
    at = visit.request.query_params.get("at", "")
    first = int(at) if at.isdecimal() and len(at) <= _MOST_DIGITS and _is_further(visit) else 0
    count = len(contacts["items"])
    total = contacts["total"]
    if total is None and contacts["next"] is None:
        total = {"contacts": first + count, "exact": True}
    return {
        "first": first + 1 if count else 0,
        "last": first + count,
        "total": total,
        "next_url": visit.url("leads", **filters, cursor=contacts["next"], at=first + count)
        if contacts["next"]
        else None,
        "previous_url": visit.url(
            "leads", **filters, before=contacts["previous"], at=max(0, first - LIMIT) or None
        )
        if contacts["previous"]
        else None,
    }


def _export(visit: Visit, filters: Mapping[str, str]) -> str:
    asked = query({**api_filters(visit, filters), "change": True, "for": "spreadsheet"})
    return f"/console/~api/v1/accounts/{part(visit.key)}/contacts.csv?{asked}"
