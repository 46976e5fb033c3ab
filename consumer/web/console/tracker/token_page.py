"""One token: how it is used, what arrives, what to copy; and its settings."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from consumer.web.console import shown_once
from consumer.web.console.api_client import ApiProblem
from consumer.web.console.tracker import keys, snippets, token_form
from consumer.web.console.tracker.refusals import advice
from consumer.web.console.tracker.requests import read_requests
from consumer.web.console.visit import Done, Faults

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_CHANGED = 412


async def show(visit: Visit) -> Response:
    """Show a token."""
    path = keys.path_of(visit)
    token, requests = await asyncio.gather(visit.api.get(path), read_requests(visit, f"{path}/requests"))
    base = snippets.tracker_address(visit)
    secrets = shown_once.carried(visit, token.body["id"])
    response = visit.page(
        "tracker/token.html",
        token=token.body,
        requests=requests,
        secrets=secrets,
        grace=keys.GRACE,
        advice=partial(advice, visit),
        base=base,
        snippets=snippets.filled(base, secrets.get("key", snippets.NO_KEY)),
    )
    return shown_once.forget(response) if secrets else response


async def show_form(visit: Visit) -> Response:
    """Show what a token may do, to change it."""
    token = await visit.api.get(keys.path_of(visit))
    return _form(visit, token_form.of_token(token.body), token.body["name"], token.revision)


async def save(visit: Visit) -> Response:
    """Change what a token may do."""
    form = visit.form
    path, revision, name = keys.path_of(visit), form.text("revision"), form.text("was_name")
    try:
        await visit.api.send("PATCH", path, token_form.body(form), revision=revision)
    except ApiProblem as problem:
        if problem.status == _CHANGED:
            revision = (await visit.api.get(path)).revision
        elif problem.status not in token_form.FAULTY:
            raise
        return _form(visit, token_form.typed(form), name, revision, problem)
    done = Done(visit.say("Saved. The tracker goes by it within two seconds."))
    return visit.redirect(visit.url("tracker", visit.request.path_params["token"]), done)


def _form(
    visit: Visit, values: dict[str, Any], name: str, revision: str, problem: ApiProblem | None = None
) -> Response:
    return visit.page(
        "tracker/edit_token.html",
        status=problem.status if problem else 200,
        values=values,
        name=name,
        revision=revision,
        is_stale=problem is not None and problem.status == _CHANGED,
        faults=Faults.of(problem) if problem is not None and problem.status != _CHANGED else None,
        token=visit.request.path_params["token"],
    )
