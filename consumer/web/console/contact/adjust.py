"""Points that a person gives or takes, and takes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.web.console.api_client import ApiProblem, part
from consumer.web.console.contact.page import show_with
from consumer.web.console.visit import Done, Faults

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_REFUSED = {409, 422}
_FIELDS = ("group", "points", "reason", "client_key", "profile")


async def adjust(visit: Visit) -> Response:
    """Give or take points; what is refused is shown in the form, as it was typed."""
    contact = visit.request.path_params["contact"]
    typed = {name: visit.form.text(name) for name in _FIELDS}
    body = {**typed, "points": visit.form.number("points"), "profile": typed["profile"] or None}
    try:
        made = await visit.api.send("POST", f"contacts/{part(contact)}/adjustments", body)
    except ApiProblem as problem:
        if problem.status not in _REFUSED:
            raise
        return await show_with(visit, contact, faults=Faults.of(problem), typed=typed)
    points = visit.reader.points(made.body["points"])
    group = (await visit.api.get(f"groups/{part(typed['group'])}")).body["name"]
    text = visit.say("%(points)s points in %(group)s.", points=points, group=group)
    undo = {
        "action": visit.url("contact", "undo-adjustment", contact),
        "adjustment": made.body["id"],
        "profile": typed["profile"],
    }
    return visit.redirect(_page(visit, contact), Done(text, undo))


async def undo_adjustment(visit: Visit) -> Response:
    """Give the opposite points of an adjustment."""
    contact, adjustment = visit.request.path_params["contact"], visit.form.text("adjustment")
    path = f"contacts/{part(contact)}/adjustments/{part(adjustment)}/undo"
    made = await visit.api.send("POST", path)
    text = visit.say("Undone: %(points)s points.", points=visit.reader.points(made.body["points"]))
    return visit.redirect(_page(visit, contact), Done(text))


def _page(visit: Visit, contact: str) -> str:
    return visit.url("contacts", contact, profile=visit.form.text("profile"))
