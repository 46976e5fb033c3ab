"""A new profile: a draft, with the points of the catalog, without any, or as another profile has them."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from consumer.web.console.api_client import ApiProblem
from consumer.web.console.profiles.stale import is_kept
from consumer.web.console.visit import Done, Faults

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_MOST_KEY = 64
# What one begins with, beside the keys of profiles.
_CATALOG, _NOTHING = ":catalog", ":nothing"


async def show(visit: Visit) -> Response:
    """Show the form."""
    return await _form(visit, {"name": "", "key": "", "description": "", "from": _CATALOG})


async def create(visit: Visit) -> Response:
    """Create the profile, and lead to its weights."""
    typed = {name: visit.form.text(name) for name in ("name", "key", "description", "from")}
    key = typed["key"] or key_of(typed["name"])
    try:
        begun = await _beginning(visit, typed["from"])
        body = {"key": key, "name": typed["name"], "description": typed["description"], **begun}
        await visit.api.send("POST", "profiles", body)
    except ApiProblem as problem:
        if not is_kept(problem):
            raise
        return await _form(visit, typed, status=problem.status, faults=Faults.of(problem))
    return visit.redirect(
        visit.url("profiles", key),
        Done(visit.say("Created as a draft. Readers see it once it is published.")),
    )


async def _form(visit: Visit, typed: dict[str, str], **more: Any) -> Response:
    profiles = (await visit.api.get("profiles")).body["items"]
    return visit.page("profiles/new.html", typed=typed, profiles=profiles, **more)


async def _beginning(visit: Visit, chosen: str) -> dict[str, Any]:
    if chosen in {_CATALOG, _NOTHING, ""}:
        return {"inherits": chosen != _NOTHING}
    profiles = (await visit.api.get("profiles")).body["items"]
    of = next((each for each in profiles if each["key"] == chosen), None)
    if of is None:
        return {}
    return {name: of[name] for name in ("inherits", "weights", "overall", "groups")}


def key_of(name: str) -> str:
    """Return a key made of a name: `lead_score` of `Lead score`; empty where nothing of it can be in a key."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_0123456789")[:_MOST_KEY]
