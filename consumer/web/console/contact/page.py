"""`/console/{account}/contacts/{contact}`: the page of one contact, put together from the API's answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from consumer.web.console.api_client import ApiProblem, part
from consumer.web.console.bands import read_bands
from consumer.web.console.contact import history, links, timeline
from consumer.web.console.contact.asked import RANGES, Asked
from consumer.web.console.contact.places import places_of
from consumer.web.console.contact.why import why
from consumer.web.console.leads.neighbours import read_list_links

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from consumer.web.console.visit import Faults, Visit

# Sent by the script of a page that is open.
LIVE_HEADER: Final = "engagement-live"
_NOT_FOUND, _INVALID = 404, 422
# Items of the timeline that a page which is open gets anew: it has the others.
_LATEST: Final = 8
# Adjustments of which is known whether they are undone.
_ADJUSTMENTS: Final = 200


async def show(visit: Visit) -> Response:
    """Show a contact; one that was never seen with what came under its id all the same."""
    return await show_with(visit, visit.request.path_params["contact"])


async def show_with(
    visit: Visit, contact: str, *, faults: Faults | None = None, typed: Mapping[str, str] | None = None
) -> Response:
    """Show a contact. faults, typed: of an adjustment that was refused, and what was typed then."""
    if LIVE_HEADER in visit.request.headers:
        return await _show_live(visit, contact)
    asked, path = Asked.of(visit.request.query_params), f"contacts/{part(contact)}"
    shown, ignored, definitions, list_links = await asyncio.gather(
        _shown(visit, path, asked),
        visit.api.get(f"{path}/ignored"),
        visit.api.get("definitions"),
        read_list_links(visit, contact),
    )
    if shown is None:
        context = {"contact_id": contact, "ignored": ignored.body}
        return visit.page("contact/unknown.html", status=_NOT_FOUND, **context)
    return visit.page(
        "contact/contact.html",
        status=_INVALID if faults else 200,
        contact_id=contact,
        definitions=definitions.body["items"],
        ids=(await visit.api.get(f"{path}/ids")).body,
        ignored=ignored.body,
        list_links=list_links,
        verdicts=timeline.VERDICTS,
        faults=faults,
        typed=typed or {},
        client_key=(typed or {}).get("client_key") or str(uuid4()),
        **shown,
    )


async def _show_live(visit: Visit, contact: str) -> Response:
    """Show what changes by itself alone, for a page that is open: people watch all day."""
    asked = Asked.of(visit.request.query_params)
    shown = await _shown(visit, f"contacts/{part(contact)}", asked, latest=_LATEST)
    if shown is None:
        return visit.page(
            "contact/unknown.html", status=_NOT_FOUND, contact_id=contact, ignored={"items": []}
        )
    return visit.page("contact/live.html", **shown)


async def _shown(
    visit: Visit, path: str, asked: Asked, *, latest: int | None = None
) -> dict[str, Any] | None:
    """Return what the page and its live parts show; None: there is no such contact.

    latest: items of the timeline, the newest; None: a page of them.
    """
    about, groups = await asyncio.gather(_read(visit, path), visit.api.get("groups"))
    if about is None:
        return None
    profile = _profile(about, asked)
    return {
        "contact": about,
        "asked": asked,
        "ranges": RANGES,
        "profile": profile,
        "places": places_of(groups.body["items"]),
        "groups": groups.body["items"],
        "links": links,
        **({} if profile is None else await _scores(visit, path, profile, asked, latest)),
    }


async def _read(visit: Visit, path: str) -> Mapping[str, Any] | None:
    """Return a contact; None: there is none."""
    try:
        found: Mapping[str, Any] = (await visit.api.get(path)).body
    except ApiProblem as problem:
        if problem.status != _NOT_FOUND:
            raise
        return None
    return found


def _profile(about: Mapping[str, Any], asked: Asked) -> Mapping[str, Any] | None:
    """Return the scores under the profile that was asked for, or the primary one; None: none is published."""
    profiles = about["profiles"]
    named = [each for each in profiles if each["profile"] == asked.value("profile")]
    primary = [each for each in profiles if each["primary"]]
    return next(iter((*named, *primary, *profiles)), None)


async def _scores(
    visit: Visit, path: str, profile: Mapping[str, Any], asked: Asked, latest: int | None
) -> dict[str, Any]:
    """Return what is shown of scores under a profile: explanation, history and timeline, and XP."""
    key, api = profile["profile"], visit.api
    since = asked.since_day(visit.reader.now.astimezone(visit.reader.zone).date())
    of_timeline = {**asked.of_timeline(visit.reader.zone), "limit": latest}
    explanation, days, items, bands, xp = await asyncio.gather(
        api.get(f"{path}/score/explanation", profile=key),
        api.get(f"{path}/score/history", profile=key, since=since),
        api.get(f"{path}/timeline", profile=key, **of_timeline),
        read_bands(visit, key, profile["version"]),
        _xp(visit, path),
    )
    adjusted = any(group["adjustments"] for group in explanation.body["groups"])
    adjustments = await _items(visit, f"{path}/adjustments", _ADJUSTMENTS) if adjusted else []
    return {
        "why": why(explanation.body, adjustments),
        "history": history.draw(days.body, visit.reader, since=since, bands=bands.overall),
        "days": timeline.days(items.body["items"], visit.reader, continues=not asked.is_first_page),
        "older": timeline.older(asked, items.body["next"]),
        "bands": bands,
        "xp": xp,
    }


async def _xp(visit: Visit, path: str) -> list[Any]:
    """Return what actors earned by the contact; nothing while the account's sales module is off."""
    return await _items(visit, f"{path}/xp") if visit.account and visit.account.sales else []


async def _items(visit: Visit, path: str, limit: int | None = None) -> list[Any]:
    found: list[Any] = (await visit.api.get(path, limit=limit)).body["items"]
    return found
