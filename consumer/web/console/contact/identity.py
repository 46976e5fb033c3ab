"""Joining a contact to another, and taking a join back: each shows first what it will do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.api_client import ApiProblem, part
from consumer.web.console.visit import Done, Faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from consumer.web.console.visit import Visit

# Contacts that a search offers.
_OFFERED: Final = 8
# Of a join that makes no sense: it is said beside what was asked for.
_REFUSED: Final = frozenset({409, 422})


async def show_join(visit: Visit) -> Response:
    """Search for the contact to join to; with `into`, say what that will do."""
    return await _join_page(visit, Faults())


async def join(visit: Visit) -> Response:
    """Join the contact to another."""
    contact, into = visit.request.path_params["contact"], visit.form.text("into")
    try:
        made = (await visit.api.send("POST", f"contacts/{part(contact)}/joins", {"into": into})).body
    except ApiProblem as problem:
        if problem.status not in _REFUSED:
            raise
        return await _join_page(visit, Faults.of(problem), into)
    undo = {"action": visit.url("contact", "split", contact), "join": made["id"]}
    text = visit.say("%(contact)s is being joined to %(into)s.", contact=contact, into=into)
    return visit.redirect(visit.url("contacts", into), Done(text, undo))


async def _join_page(visit: Visit, faults: Faults, into: str = "") -> Response:
    contact, asked = visit.request.path_params["contact"], visit.request.query_params
    q, into = asked.get("q", "").strip(), into or asked.get("into", "")
    about = (await visit.api.get(f"contacts/{part(contact)}")).body
    preview: Mapping[str, Any] | None = None
    if into and not faults:
        path = f"contacts/{part(contact)}/joins/preview"
        try:
            preview = (await visit.api.send("POST", path, {"into": into})).body
        except ApiProblem as problem:
            if problem.status not in _REFUSED:
                raise
            faults = Faults.of(problem)
    found: list[Any] = []
    if q and not into:
        listed = await visit.api.get("contacts", q=q, limit=_OFFERED)
        found = [each for each in listed.body["items"] if each["id"] != about["id"]]
    return visit.page(
        "contact/join.html",
        status=422 if faults else 200,
        contact=about,
        into=into,
        q=q,
        found=found,
        preview=preview,
        names=await _names(visit, about),
        faults=faults,
    )


async def show_split(visit: Visit) -> Response:
    """Say what taking a join back will do."""
    contact, join_id = visit.request.path_params["contact"], visit.request.query_params.get("join", "")
    path = f"contacts/{part(contact)}/joins/{part(join_id)}/preview"
    preview = (await visit.api.send("POST", path)).body
    about = (await visit.api.get(f"contacts/{part(contact)}")).body
    return visit.page(
        "contact/split.html",
        contact=about,
        contact_id=contact,
        join_id=join_id,
        preview=preview,
        names=await _names(visit, about),
    )


async def split(visit: Visit) -> Response:
    """Take a join back."""
    contact, join_id = visit.request.path_params["contact"], visit.form.text("join")
    path = f"contacts/{part(contact)}/joins"
    joins = (await visit.api.get(path)).body["items"]
    await visit.api.send("DELETE", f"{path}/{part(join_id)}")
    into = next((each["into"] for each in joins if each["id"] == join_id), None)
    undo = None if into is None else {"action": visit.url("contact", "join", contact), "into": into}
    text = visit.say("%(contact)s is being split off again.", contact=contact)
    return visit.redirect(visit.url("contacts", into or contact), Done(text, undo))


async def _names(visit: Visit, about: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of profiles and groups by key, as previews have them."""
    groups = (await visit.api.get("groups")).body["items"]
    return {
        **{each["key"]: each["name"] for each in groups},
        **{f"profile {each['profile']}": each["name"] for each in about["profiles"]},
    }
