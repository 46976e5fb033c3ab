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

_NOT_FOUND: Final = 404
# Adjustments of which is known whether they are undone.
_ADJUSTMENTS: Final = 200


async def show(visit: Visit) -> Response:
    """Show a contact; one that was never seen with what came under its id all the same."""
    return await show_with(visit, visit.request.path_params["contact"])


async def show_with(
    visit: Visit, contact: str, *, faults: Faults | None = None, typed: Mapping[str, str] | None = None
) -> Response:
    """Show a contact. faults, typed: of an adjustment that was refused, and what was typed then."""
    asked = Asked.of(visit.request.query_params)
    path = f"contacts/{part(contact)}"
    about, groups, definitions, ignored, list_links = await asyncio.gather(
        _read(visit, path),
        visit.api.get("groups"),
        visit.api.get("definitions"),
        visit.api.get(f"{path}/ignored"),
        read_list_links(visit, contact),
    )
    if about is None:
        context = {"contact_id": contact, "ignored": ignored.body}
        return visit.page("contact/unknown.html", status=_NOT_FOUND, **context)
    profile = _profile(about, asked)
    scores = {} if profile is None else await _scores(visit, path, profile, asked)
    return visit.page(
        "contact/contact.html",
        status=422 if faults else 200,
        contact=about,
        contact_id=contact,
        asked=asked,
        ranges=RANGES,
        profile=profile,
        places=places_of(groups.body["items"]),
        groups=groups.body["items"],
        definitions=definitions.body["items"],
        icons={each["key"]: each["icon"] for each in definitions.body["items"]},
        ignored=ignored.body,
        list_links=list_links,
        verdicts=timeline.VERDICTS,
        links=links,
        faults=faults,
        typed=typed or {},
        client_key=(typed or {}).get("client_key") or str(uuid4()),
        **scores,
    )


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


async def _scores(visit: Visit, path: str, profile: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
    """Return what the page shows of scores under a profile: explanation, history and timeline."""
    key, api = profile["profile"], visit.api
    since = asked.since_day(visit.reader.now.astimezone(visit.reader.zone).date())
    answers, bands = await asyncio.gather(
        asyncio.gather(
            api.get(f"{path}/score/explanation", profile=key),
            api.get(f"{path}/score/history", profile=key, since=since),
            api.get(f"{path}/timeline", profile=key, **asked.of_timeline(visit.reader.zone)),
            api.get(f"{path}/adjustments", limit=_ADJUSTMENTS),
            api.get(f"{path}/ids"),
            api.get(f"{path}/xp"),
        ),
        read_bands(visit, key, profile["version"]),
    )
    explanation, days, items, adjustments, ids, xp = answers
    page = items.body
    return {
        "why": why(explanation.body, adjustments.body["items"]),
        "history": history.draw(days.body, visit.reader, since=since, bands=bands.overall),
        "days": timeline.days(page["items"], visit.reader, continues=not asked.is_first_page),
        "older": timeline.older(asked, page["next"]),
        "bands": bands,
        "ids": ids.body,
        "xp": xp.body,
    }
