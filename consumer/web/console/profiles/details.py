"""Name and description of a profile, whether it is primary, its archive, and its deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.web.console.api_client import ApiProblem
from consumer.web.console.profiles.profile_page import load, quoted
from consumer.web.console.profiles.stale import is_kept, is_stale
from consumer.web.console.visit import Done, Faults

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_FIELDS = ("name", "description")


async def show(visit: Visit) -> Response:
    """Show name and description, and what can be done with the profile as a whole."""
    page = await load(visit)
    typed = {name: page.profile[name] for name in _FIELDS}
    return page.show("profiles/details.html", "details", typed=typed, stale=False, last_change=None)


async def save(visit: Visit) -> Response:
    """Save name and description: they change at once."""
    page = await load(visit)
    typed = {name: visit.form.text(name) for name in _FIELDS}
    before = {name: page.profile[name] for name in _FIELDS}
    try:
        await visit.api.send("PATCH", page.path, typed, revision=quoted(visit.form.text("revision")))
    except ApiProblem as problem:
        if not is_kept(problem):
            raise
        faults = None if is_stale(problem) else Faults.of(problem)
        return page.show(
            "profiles/details.html",
            "details",
            status=problem.status,
            typed=typed,
            stale=is_stale(problem),
            last_change=await page.last_change() if is_stale(problem) else None,
            faults=faults,
        )
    undo = None
    if before != typed:
        after = await load(visit)
        undo = {"action": page.url("details"), "revision": after.profile["revision"], **before}
    return visit.redirect(page.url("details"), Done(visit.say("Saved."), undo))


async def make_primary(visit: Visit) -> Response:
    """Make this profile the one that is read where no other is named."""
    page = await load(visit)
    primary = await visit.api.get("primary-profile")
    try:
        await visit.api.send("PUT", "primary-profile", {"profile": page.key}, revision=primary.revision)
    except ApiProblem as problem:
        return await _refused(visit, problem)
    undo = {"action": visit.url("profiles", primary.body["profile"], "primary")}
    text = visit.say("%(name)s is the primary profile now.", name=page.profile["name"])
    return visit.redirect(page.url("details"), Done(text, undo))


async def archive(visit: Visit) -> Response:
    """Take the profile out of use, or make it a draft again."""
    page = await load(visit)
    archived = visit.form.is_set("archived")
    revision = visit.form.text("revision") or page.profile["revision"]
    try:
        await visit.api.send("PATCH", page.path, {"archived": archived}, revision=quoted(revision))
    except ApiProblem as problem:
        return await _refused(visit, problem)
    if not archived:
        text = visit.say("It is a draft again. Preview and publish it: then it has scores again.")
        return visit.redirect(page.url("details"), Done(text))
    text = visit.say("%(name)s is archived: it has no scores any more.", name=page.profile["name"])
    return visit.redirect(page.url("details"), Done(text, {"action": page.url("archive")}))


async def delete(visit: Visit) -> Response:
    """Delete a profile that was never published."""
    page = await load(visit)
    try:
        await visit.api.send("DELETE", page.path, revision=quoted(visit.form.text("revision")))
    except ApiProblem as problem:
        return await _refused(visit, problem)
    text = visit.say("%(name)s is deleted.", name=page.profile["name"])
    return visit.redirect(visit.url("profiles"), Done(text))


async def _refused(visit: Visit, problem: ApiProblem) -> Response:
    """Show the page as it is now, and why the API has refused."""
    if not is_kept(problem):
        raise problem
    page = await load(visit)
    return page.show(
        "profiles/details.html",
        "details",
        status=problem.status,
        typed={name: page.profile[name] for name in _FIELDS},
        stale=is_stale(problem),
        last_change=await page.last_change() if is_stale(problem) else None,
        faults=None if is_stale(problem) else Faults.of(problem),
    )
