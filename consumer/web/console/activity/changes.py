"""The audit trail: who changed what, with filters in the address."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.api_client import ApiProblem
from consumer.web.console.navigation import N_
from consumer.web.console.visit import Faults

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_FILTERS: Final = ("subject", "key", "actor", "since", "until", "cursor")
# What changes are about, in words.
SUBJECTS: Final = {
    "account": N_("Account"),
    "group": N_("Group"),
    "definition": N_("Definition"),
    "profile": N_("Score profile"),
    "segment": N_("Segment"),
    "contact": N_("Contact"),
    "webhook": N_("Webhook"),
    "tracker_token": N_("Token of the tracker"),
    "rejudgement": N_("Rejudgement"),
    "backfill": N_("Backfill"),
    "dead_letters": N_("Dead letters"),
    "groups": N_("Order of groups"),
    "definitions": N_("Order of definitions"),
    "profiles": N_("Order of score profiles"),
    "segments": N_("Order of segments"),
}
# Parts of the console that show a subject by its key.
_PLACES: Final = {
    "contact": ("contacts",),
    "profile": ("profiles",),
    "segment": ("segments",),
    "webhook": ("settings", "webhooks"),
    "tracker_token": ("tracker",),
}
_GONE: Final = frozenset({"deleted"})


async def show(visit: Visit) -> Response:
    """Show what was changed."""
    asked = {name: visit.request.query_params.get(name, "").strip() for name in _FILTERS}
    try:
        found = (await visit.api.get("audit", **_of_api(visit, asked))).body
    except ApiProblem as problem:
        if problem.status != 422:  # noqa: PLR2004 - the API's words are shown at the filters
            raise
        found = {"items": [], "next": None}
        return _page(visit, asked, found, Faults.of(problem))
    return _page(visit, asked, found)


def _page(
    visit: Visit, asked: dict[str, str], found: dict[str, Any], faults: Faults | None = None
) -> Response:
    def place(entry: dict[str, Any]) -> str | None:
        """Return the address of what an entry is about; None: it has none, or is gone."""
        parts = _PLACES.get(entry["subject"])
        is_there = parts is not None and entry["key"] and entry["action"] not in _GONE
        return visit.url(*parts, entry["key"]) if is_there and parts else None

    return visit.page(
        "activity/changes.html",
        status=422 if faults else 200,
        faults=faults,
        asked=asked,
        changes=found["items"],
        following=found["next"],
        subjects=SUBJECTS,
        place=place,
        readable=partial(json.dumps, indent=2, ensure_ascii=False),
    )


def _of_api(visit: Visit, asked: dict[str, str]) -> dict[str, str]:
    """Return the filters as the API takes them: days are those of the account's zone, the last one included."""
    days = {"since": 0, "until": 1}
    return asked | {name: _instant(visit, asked[name], later) for name, later in days.items()}


def _instant(visit: Visit, day: str, later: int) -> str:
    try:
        found = date.fromisoformat(day) + timedelta(days=later)
    except (ValueError, OverflowError):
        return day
    return datetime.combine(found, time(), visit.reader.zone).isoformat()
