"""Name, time zone and modules of an account."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import available_timezones

from consumer.web.console.api_client import ApiProblem
from consumer.web.console.settings.tabs import tab_page
from consumer.web.console.visit import Done, Faults

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Form, Visit

_CHANGED, _INVALID = 412, 422
_TEXTS: Final = ("name", "time_zone")
_SWITCHES: Final = ("engagement", "sales", "count_robots")


async def show(visit: Visit) -> Response:
    """Show the settings; to people who operate the account as a form."""
    found = await visit.api.get("")
    return _page(visit, found.body, found.revision)


async def save(visit: Visit) -> Response:
    """Change them; the way back is offered."""
    sent, revision = _sent(visit.form), visit.form.text("revision")
    try:
        before = (await visit.api.get("")).body
        changed = await visit.api.send("PATCH", "", sent, revision=revision)
    except ApiProblem as problem:
        if problem.status == _CHANGED:
            revision = (await visit.api.get("")).revision
        elif problem.status != _INVALID:
            raise
        return _page(visit, sent, revision, problem)
    undo = {"action": visit.url("settings", "general"), "revision": changed.revision}
    undo |= {name: before[name] for name in _TEXTS} | {name: "1" for name in _SWITCHES if before[name]}
    return visit.redirect(visit.url("settings"), Done(visit.say("The settings were saved."), undo))


def _sent(form: Form) -> dict[str, Any]:
    return {name: form.text(name) for name in _TEXTS} | {name: form.is_set(name) for name in _SWITCHES}


def _page(visit: Visit, values: dict[str, Any], revision: str, problem: ApiProblem | None = None) -> Response:
    is_stale = problem is not None and problem.status == _CHANGED
    return tab_page(
        visit,
        "",
        "settings/general.html",
        status=problem.status if problem else 200,
        values=values,
        revision=revision,
        is_stale=is_stale,
        faults=Faults.of(problem) if problem is not None and not is_stale else None,
        zones=[(zone, zone) for zone in sorted({*_zones(), values["time_zone"]})],
    )


@cache
def _zones() -> frozenset[str]:
    """Return time zones of places, and UTC."""
    other = ("Etc/", "SystemV/", "US/", "Canada/", "Mexico/", "Brazil/", "Chile/")
    return frozenset(
        zone
        for zone in available_timezones()
        if zone == "UTC" or ("/" in zone and not zone.startswith(other))
    )
