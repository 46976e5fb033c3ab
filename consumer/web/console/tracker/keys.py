"""Keys of a token: replaced, with the old one valid for a while, and revoked for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from consumer.web.console import shown_once
from consumer.web.console.api_client import part
from consumer.web.console.navigation import N_
from consumer.web.console.visit import Done

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_DAY: Final = 86_400
# Seconds for which old keys stay valid, and what the choice is called.
GRACE: Final = (
    (0, N_("not at all")),
    (3_600, N_("for an hour")),
    (_DAY, N_("for a day")),
    (7 * _DAY, N_("for a week")),
    (30 * _DAY, N_("for 30 days")),
    (365 * _DAY, N_("for a year")),
)


def secrets_of(made: Mapping[str, Any]) -> dict[str, str]:
    """Return what an answer shows once."""
    return {name: made[name] for name in ("key", "signing_secret")}


def path_of(visit: Visit) -> str:
    """Return the API's path of the token in the page's."""
    return f"tracker-tokens/{part(visit.request.path_params['token'])}"


async def rotate(visit: Visit) -> Response:
    """Give a token a new key, and show it."""
    token = visit.request.path_params["token"]
    body = {"old_valid_for": visit.form.number("old_valid_for")}
    made = (await visit.api.send("POST", f"{path_of(visit)}/rotate", body)).body
    done = Done(visit.say("The token has a new key. Put it in the place of the old one."))
    return shown_once.carry(visit, visit.redirect(visit.url("tracker", token), done), token, secrets_of(made))


async def show_revoke(visit: Visit) -> Response:
    """Say what will be lost."""
    token = await visit.api.get(path_of(visit))
    return visit.page("tracker/revoke.html", token=token.body, revision=token.revision)


async def revoke(visit: Visit) -> Response:
    """Revoke a token for ever."""
    await visit.api.send("DELETE", path_of(visit), revision=visit.form.text("revision"))
    done = Done(visit.say("The token was revoked. Its keys record nothing from now on."))
    return visit.redirect(visit.url("tracker"), done)
