"""A list that is saved as a segment: its filters as conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.web.console.api_client import part
from consumer.web.console.leads.filters import axis_of, filters_of
from consumer.web.console.segments.draft import Block, Draft, Row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.web.console.visit import Visit


async def draft_of_list(visit: Visit) -> tuple[Draft, str, list[str]]:
    """Return the conditions of the list in the address, its profile (empty: the primary one), and what is left out.

    What is left out is in words: a search is no condition.
    """
    filters = filters_of(visit)
    draft, profile, left_out = Draft(), filters.get("profile", ""), list[str]()
    if "segment" in filters:
        stored = (await visit.api.get(f"segments/{part(filters['segment'])}")).body
        profile = profile or stored["profile"] or ""
        _take(visit, draft, stored, left_out)
    draft.items += _rows(visit, filters)
    if "q" in filters:
        left_out.append(visit.say("Search: %(text)s", text=filters["q"]))
    if "group" in filters and not {"min", "max", "band"} & filters.keys():
        left_out.append(visit.say("Group: %(name)s", name=filters["group"]))
    draft.items = draft.items or [Row()]
    return draft, profile, left_out


def _take(visit: Visit, draft: Draft, stored: Mapping[str, Any], left_out: list[str]) -> None:
    """Add the conditions of a segment."""
    inside = Draft.of(stored["match"])
    if inside.how == "all" or len(inside.items) == 1:
        draft.items += inside.items
    elif rows := [each for each in inside.items if isinstance(each, Row)]:
        draft.items.append(Block(inside.how, rows))
        if len(rows) < len(inside.items):
            left_out.append(visit.say("Parts of segment: %(name)s", name=stored["name"]))


def _rows(visit: Visit, filters: Mapping[str, str]) -> list[Row]:
    group = axis_of(filters) or ""
    rows = []
    if {"min", "max"} & filters.keys():
        bounds = {name: filters.get(name, "") for name in ("min", "max")}
        rows.append(Row("score", values={"group": group, **bounds}))
    if "band" in filters:
        rows.append(Row("band", values={"group": group}, several=[filters["band"]]))
    owner = visit.session.claims.actor if "mine" in filters else filters.get("owner")
    if owner:
        rows.append(Row("owner", values={"which": "any_of"}, several=[owner]))
    return rows
