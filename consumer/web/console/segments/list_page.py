"""The list of segments: what each asks for, how many contacts fit, and their order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console import reordering
from consumer.web.console.api_client import part, query
from consumer.web.console.segments.words import Words

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

# Seconds after which the API counts anew.
_OLD: Final = 60


async def show(visit: Visit) -> Response:
    """Show the segments: at once with their last counts, and with `counted` in the address with new ones."""
    is_counted = bool(visit.request.query_params.get("counted"))
    segments, groups, definitions = await asyncio.gather(
        visit.api.get("segments", renew=is_counted), visit.api.get("groups"), visit.api.get("definitions")
    )
    items = segments.body["items"]
    words = Words(visit, _names(groups.body["items"]), _names(definitions.body["items"]))
    return visit.page(
        "segments/segments.html",
        segments=items,
        words=words,
        counts_anew=not is_counted and any(_is_old(each["count"]) for each in items),
        export=lambda key: _export(visit, key),
    )


def _names(items: list[dict[str, Any]]) -> dict[str, str]:
    return {each["key"]: each["name"] for each in items}


def _is_old(count: dict[str, Any]) -> bool:
    return count["age_seconds"] is None or count["age_seconds"] > _OLD


def _export(visit: Visit, key: str) -> str:
    asked = query({"segment": key, "change": True, "for": "spreadsheet"})
    return f"/console/~api/v1/accounts/{part(visit.key)}/contacts.csv?{asked}"


async def move(visit: Visit) -> Response:
    """Move a segment before or after another one."""
    return await reordering.move(
        visit,
        "segment",
        action=visit.url("segments", "order"),
        to=visit.url("segments"),
        changed=visit.say("The segments were changed meanwhile. This is how they are now: move it again."),
    )
