"""The webhooks of an account: listed, created, changed and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from consumer.web.console import shown_once
from consumer.web.console.api_client import ApiProblem, part
from consumer.web.console.navigation import N_
from consumer.web.console.settings.tabs import tab_page
from consumer.web.console.visit import Done, Faults

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Form, Visit

_CONFLICT, _CHANGED, _INVALID = 409, 412, 422
# What can be sent, in words.
TYPES: Final = {
    "engagement.score.changed": N_("Scores that change, and contacts that are removed"),
    "engagement.band.changed": N_("Contacts that enter another band"),
    "engagement.xp.credited": N_("XP that reps earn"),
    "engagement.job.ended": N_("Publishes and other jobs that end"),
}
STATES: Final = {
    "working": N_("working"),
    "failing": N_("failing"),
    "paused": N_("paused"),
    "off": N_("off"),
}
_FRESH: Final = {
    "url": "",
    "types": ["engagement.score.changed", "engagement.band.changed"],
    "description": "",
    "active": True,
}


def path_of(visit: Visit) -> str:
    """Return the API's path of the webhook in the page's."""
    return f"webhooks/{part(visit.request.path_params['webhook'])}"


async def show_all(visit: Visit) -> Response:
    """List them."""
    webhooks = (await visit.api.get("webhooks")).body["items"]
    return tab_page(visit, "webhooks", "settings/webhooks.html", webhooks=webhooks, states=STATES)


async def show_new(visit: Visit) -> Response:
    """Show the form of a new one."""
    return _form(visit, _FRESH)


async def create(visit: Visit) -> Response:
    """Create one; its page shows the secret, this once."""
    sent = _sent(visit.form)
    try:
        made = (await visit.api.send("POST", "webhooks", sent)).body
    except ApiProblem as problem:
        if problem.status not in {_CONFLICT, _INVALID}:
            raise
        return _form(visit, sent, problem=problem)
    to = visit.redirect(
        visit.url("settings", "webhooks", made["id"]), Done(visit.say("The webhook was created."))
    )
    return shown_once.carry(visit, to, made["id"], {"secret": made["secret"]})


async def show_form(visit: Visit) -> Response:
    """Show what can be changed."""
    found = await visit.api.get(path_of(visit))
    return _form(visit, found.body, revision=found.revision)


async def save(visit: Visit) -> Response:
    """Change a webhook."""
    sent, path, revision = _sent(visit.form), path_of(visit), visit.form.text("revision")
    try:
        await visit.api.send("PATCH", path, sent, revision=revision)
    except ApiProblem as problem:
        if problem.status == _CHANGED:
            revision = (await visit.api.get(path)).revision
        elif problem.status != _INVALID:
            raise
        return _form(visit, sent, revision=revision, problem=problem)
    to = visit.url("settings", "webhooks", visit.request.path_params["webhook"])
    return visit.redirect(to, Done(visit.say("The webhook was saved.")))


async def show_delete(visit: Visit) -> Response:
    """Say what is lost."""
    found = await visit.api.get(path_of(visit))
    context = {"webhook": found.body, "revision": found.revision}
    return tab_page(visit, "webhooks", "settings/delete_webhook.html", **context)


async def delete(visit: Visit) -> Response:
    """Delete a webhook."""
    await visit.api.send("DELETE", path_of(visit), revision=visit.form.text("revision"))
    return visit.redirect(visit.url("settings", "webhooks"), Done(visit.say("The webhook was deleted.")))


def _sent(form: Form) -> dict[str, Any]:
    return {
        "url": form.text("url"),
        "types": form.texts("types"),
        "description": form.text("description"),
        "active": form.is_set("active"),
    }


def _form(
    visit: Visit, values: dict[str, Any], *, revision: str = "", problem: ApiProblem | None = None
) -> Response:
    is_stale = problem is not None and problem.status == _CHANGED
    return tab_page(
        visit,
        "webhooks",
        "settings/webhook_form.html",
        status=problem.status if problem else 200,
        values=values,
        revision=revision,
        types=TYPES,
        webhook=visit.request.path_params.get("webhook"),
        is_stale=is_stale,
        faults=Faults.of(problem) if problem is not None and not is_stale else None,
    )
