"""Deletes a definition, after a page that says what goes with it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from consumer.web.console.api_client import ApiProblem, part
from consumer.web.console.visit import Done

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_CONFLICT: Final = 409


async def show(visit: Visit) -> Response:
    """Show what names a definition, and why it cannot be deleted."""
    return await _page(visit)


async def delete(visit: Visit) -> Response:
    """Delete a definition."""
    path = f"definitions/{part(visit.request.path_params['definition'])}"
    found = (await visit.api.get(path)).body
    try:
        await visit.api.send("DELETE", path, revision=f'"{visit.form.text("revision")}"')
    except ApiProblem as problem:
        if problem.status != _CONFLICT:
            raise
        return await _page(visit, problem)
    said = visit.say("The definition %(name)s was deleted.", name=found["name"])
    return visit.redirect(visit.url("catalog"), Done(said))


async def _page(visit: Visit, problem: ApiProblem | None = None) -> Response:
    path = f"definitions/{part(visit.request.path_params['definition'])}"
    definition, uses = await asyncio.gather(visit.api.get(path), visit.api.get(f"{path}/uses"))
    return visit.page(
        "catalog/delete_definition.html",
        status=problem.status if problem else 200,
        definition=definition.body,
        uses=uses.body,
        refused=problem.detail if problem else "",
    )
