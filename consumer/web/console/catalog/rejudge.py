"""Judges a definition's history again by the policy of now: what that would change, and the start of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.api_client import ApiProblem, part
from consumer.web.console.catalog.words import Words
from consumer.web.console.visit import Done

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_CONFLICT: Final = 409


async def show(visit: Visit) -> Response:
    """Show what judging again means, before it is previewed."""
    return await _page(visit)


async def answer(visit: Visit) -> Response:
    """Preview it, or start it."""
    path = f"definitions/{part(visit.request.path_params['definition'])}/rejudgements"
    body = {"xp": visit.form.is_set("xp")}
    try:
        if visit.form.text("do") == "preview":
            return await _page(visit, preview=await _preview(visit, path, body))
        await visit.api.send("POST", path, body)
    except ApiProblem as problem:
        if problem.status != _CONFLICT:
            raise
        return await _page(visit, problem=problem)
    done = Done(visit.say("The history is judged again. Scores follow contact by contact."))
    return visit.redirect(_of_definition(visit), done)


async def cancel(visit: Visit) -> Response:
    """Cancel it; contacts that were gone through keep their new verdicts."""
    names = visit.request.path_params
    path = f"definitions/{part(names['definition'])}/rejudgements/{part(names['rejudgement'])}/cancel"
    await visit.api.send("POST", path)
    done = Done(visit.say("Cancelled. Contacts that were gone through keep their new verdicts."))
    return visit.redirect(_of_definition(visit), done)


def _of_definition(visit: Visit) -> str:
    return visit.url("catalog", "definitions", visit.request.path_params["definition"])


async def _preview(visit: Visit, path: str, body: dict[str, Any]) -> dict[str, Any]:
    last = (await visit.api.send("POST", f"{path}/preview", body)).body[-1]
    if problem := last.get("problem"):
        raise ApiProblem(problem["status"], problem, {})
    found: dict[str, Any] = last["preview"]
    return found


async def _page(
    visit: Visit, *, preview: dict[str, Any] | None = None, problem: ApiProblem | None = None
) -> Response:
    path = f"definitions/{part(visit.request.path_params['definition'])}"
    definition, done = await asyncio.gather(
        visit.api.get(path), visit.api.get(f"{path}/rejudgements", limit=5)
    )
    return visit.page(
        "catalog/rejudge.html",
        status=problem.status if problem else 200,
        definition=definition.body,
        rejudgements=done.body["items"],
        preview=preview,
        with_xp=visit.form.is_set("xp"),
        refused=problem.detail if problem else "",
        words=Words(visit.reader),
    )
