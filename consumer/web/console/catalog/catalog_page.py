"""`/console/{account}/catalog`: definitions by group, edited in place."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.api_client import ApiProblem, part
from consumer.web.console.catalog.words import Words
from consumer.web.console.visit import Done, Faults

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.responses import Response

    from consumer.web.console.visit import Visit

# Definitions of a page.
_LIMIT: Final = 100
_CHANGED: Final = 412
FAULTY: Final = (409, 412, 422)


async def show(visit: Visit) -> Response:
    """Show the catalog; `edit` names what is edited in place, as `definition:deal_won`."""
    return await _page(visit, visit.request.query_params.get("edit", ""))


async def save_definition(visit: Visit) -> Response:
    """Save what was edited in place: name, points and XP."""
    form, key = visit.form, visit.request.path_params["definition"]
    body = {
        "name": form.text("name"),
        "default_points": form.number("default_points"),
        "xp": form.number("xp"),
    }
    return await _save(
        visit, "definition", key, {name: each for name, each in body.items() if each is not None}
    )


async def save_group(visit: Visit) -> Response:
    """Save what was edited in place: name and icon."""
    key = visit.request.path_params["group"]
    body = {"name": visit.form.text("name"), "icon": visit.form.text("icon")}
    return await _save(visit, "group", key, body)


async def switch(visit: Visit) -> Response:
    """Activate or deactivate a definition."""
    key, active = visit.request.path_params["definition"], visit.form.text("active") == "1"
    path = f"definitions/{part(key)}"
    before = await visit.api.get(path)
    changed = await visit.api.send("PATCH", path, {"active": active}, revision=before.revision)
    said = (
        visit.say("%(name)s takes events again.", name=changed.body["name"])
        if active
        else visit.say("%(name)s takes no events from now on. Its points stay.", name=changed.body["name"])
    )
    undo = {
        "action": visit.request.url.path,
        "active": "" if active else "1",
        "back": visit.form.text("back"),
    }
    to = (
        visit.url("catalog", "definitions", key)
        if visit.form.text("back")
        else _place(visit, "definition", key)
    )
    return visit.redirect(to, Done(said, undo))


async def _save(visit: Visit, kind: str, key: str, body: dict[str, Any]) -> Response:
    path, revision = f"{kind}s/{part(key)}", visit.form.text("revision")
    try:
        before = (await visit.api.get(path)).body
        saved = (await visit.api.send("PATCH", path, body, revision=f'"{revision}"')).body
    except ApiProblem as problem:
        if problem.status not in FAULTY:
            raise
        return await _page(visit, f"{kind}:{key}", problem, {**visit.form.fields})
    undo = {
        "action": visit.request.url.path,
        "revision": saved["revision"],
        **{name: str(before[name]) for name in body},
    }
    return visit.redirect(_place(visit, kind, key), Done(visit.say("Saved."), undo))


def _place(visit: Visit, kind: str, key: str) -> str:
    return f"{visit.url('catalog')}#{kind}-{key}"


async def _page(
    visit: Visit, edited: str, problem: ApiProblem | None = None, typed: Mapping[str, list[str]] | None = None
) -> Response:
    asked = {name: visit.request.query_params.get(name, "") for name in ("q", "cursor")}
    groups, definitions, icons = await asyncio.gather(
        visit.api.get("groups"),
        visit.api.get("definitions", limit=_LIMIT, cursor=asked["cursor"]),
        visit.api.get("icons"),
    )
    found = [each for each in definitions.body["items"] if _fits(each, asked["q"])]
    return visit.page(
        "catalog/catalog.html",
        status=problem.status if problem else 200,
        asked=asked,
        groups=groups.body["items"],
        by_group=_by_group(found),
        count=len(found),
        following=definitions.body["next"],
        icons=icons.body["icons"],
        words=Words(visit.reader),
        edited=edited if visit.can("manage") else "",
        typed={name: texts[-1] for name, texts in (typed or {}).items() if texts},
        is_stale=problem is not None and problem.status == _CHANGED,
        faults=Faults.of(problem) if problem else None,
    )


def _by_group(definitions: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for each in definitions:
        found.setdefault(each["group"], []).append(each)
    return found


def _fits(definition: Mapping[str, Any], asked: str) -> bool:
    words = asked.casefold().split()
    text = " ".join([definition["key"], definition["name"], *definition["events"]]).casefold()
    return all(word in text for word in words)
