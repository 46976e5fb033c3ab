"""One definition: what it does, who changed it, and what is going on with its history."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.api_client import part
from consumer.web.console.catalog.dedup_drawing import draw
from consumer.web.console.catalog.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_ENTRIES: Final = 20
_JOBS: Final = 3
_RECENT: Final = 20


async def show(visit: Visit) -> Response:
    """Show a definition."""
    key = visit.request.path_params["definition"]
    path, cursor = f"definitions/{part(key)}", visit.request.query_params.get("cursor", "")
    found, groups, uses, rejudgements, backfills, history = await asyncio.gather(
        visit.api.get(path),
        visit.api.get("groups"),
        visit.api.get(f"{path}/uses"),
        visit.api.get(f"{path}/rejudgements", limit=_JOBS),
        visit.api.get("backfills", limit=_RECENT),
        _history(visit, key, cursor),
    )
    definition, words = found.body, Words(visit.reader)
    jobs = [each for each in backfills.body["items"] if _is_about(each, definition["events"])][:_JOBS]
    return visit.page(
        "catalog/definition.html",
        definition=definition,
        group=_group(groups.body["items"], definition["group"]),
        uses=uses.body,
        rejudgements=rejudgements.body["items"],
        backfills=jobs,
        is_running=any(each["state"] == "running" for each in (*rejudgements.body["items"], *jobs)),
        is_judged_by_now=_is_judged_by_now(definition, rejudgements.body["items"]),
        history=history,
        drawing=await draw(visit, words, definition["dedup"]),
        words=words,
    )


async def _history(visit: Visit, key: str, cursor: str) -> dict[str, Any] | None:
    """Return a page of who changed what; None: the person may not see it."""
    if not visit.can("manage"):
        return None
    found: dict[str, Any] = (
        await visit.api.get("audit", subject="definition", key=key, limit=_ENTRIES, cursor=cursor)
    ).body
    return found


def _group(groups: Iterable[Mapping[str, Any]], key: str) -> dict[str, Any]:
    for number, each in enumerate(groups):
        if each["key"] == key:
            return {**each, "number": number}
    return {"key": key, "name": key, "icon": "star", "number": 0}


def _is_about(backfill: Mapping[str, Any], events: list[str]) -> bool:
    types = backfill["types"]
    return backfill["since"] is not None and (types is None or bool({*types} & {*events}))


def _is_judged_by_now(definition: Mapping[str, Any], rejudgements: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether all of the history was judged by the policy of now, or will be."""
    if definition["edition"] == 1 or not definition["counted"]:
        return True
    return any(
        each["edition"] == definition["edition"] and each["state"] in {"running", "done"}
        for each in rejudgements
    )
