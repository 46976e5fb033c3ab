"""Groups: create and delete them. They are renamed on the page of the catalog."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.web.console.api_client import ApiProblem, part
from consumer.web.console.catalog.catalog_page import FAULTY
from consumer.web.console.visit import Done, Faults

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit


async def show_new(visit: Visit) -> Response:
    """Show the form of a new group."""
    return await _form(visit, {"key": "", "name": "", "icon": "star"})


async def create(visit: Visit) -> Response:
    """Create a group."""
    body = {name: visit.form.text(name) for name in ("key", "name", "icon")}
    try:
        await visit.api.send("POST", "groups", body)
    except ApiProblem as problem:
        if problem.status not in FAULTY:
            raise
        return await _form(visit, body, problem)
    done = Done(visit.say("The group %(name)s was created.", name=body["name"]))
    return visit.redirect(f"{visit.url('catalog')}#group-{body['key']}", done)


async def _form(visit: Visit, values: dict[str, str], problem: ApiProblem | None = None) -> Response:
    icons = (await visit.api.get("icons")).body["icons"]
    return visit.page(
        "catalog/new_group.html",
        status=problem.status if problem else 200,
        values=values,
        icons=icons,
        faults=Faults.of(problem) if problem else None,
    )


async def show_delete(visit: Visit) -> Response:
    """Show what deleting a group does, or why it cannot be deleted."""
    path = f"groups/{part(visit.request.path_params['group'])}"
    group, uses = await asyncio.gather(visit.api.get(path), visit.api.get(f"{path}/uses"))
    return visit.page("catalog/delete_group.html", group=group.body, uses=uses.body)


async def delete(visit: Visit) -> Response:
    """Delete a group."""
    key = visit.request.path_params["group"]
    group = await visit.api.get(f"groups/{part(key)}")
    revision = f'"{visit.form.text("revision")}"'
    await visit.api.send("DELETE", f"groups/{part(key)}", revision=revision)
    undo = {
        "action": visit.url("catalog", "groups", "new"),
        **{name: group.body[name] for name in ("key", "name", "icon")},
    }
    said = visit.say("The group %(name)s was deleted.", name=group.body["name"])
    return visit.redirect(visit.url("catalog"), Done(said, undo))
