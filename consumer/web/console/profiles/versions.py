"""The versions of a profile: who published them, how two of them differ, and going back to one."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.api_client import ApiProblem, part
from consumer.web.console.profiles.differences import worded
from consumer.web.console.profiles.profile_page import load, quoted
from consumer.web.console.profiles.stale import is_kept, is_stale
from consumer.web.console.visit import Done, Faults

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.profiles.differences import Change
    from consumer.web.console.profiles.profile_page import ProfilePage
    from consumer.web.console.visit import Visit

# In the place of a version's number.
_DRAFT = "draft"
_INVALID: Final = 422
# The members of a profile that are its draft; and characters of it, as JSON, that are kept to undo its loss.
_DRAFTED: Final = ("inherits", "weights", "overall", "groups")
_MOST_DRAFT: Final = 2_000


async def show(visit: Visit) -> Response:
    """Show the versions, newest first, and how the two differ that the address names."""
    asked = visit.request.query_params
    page, listed = await asyncio.gather(
        load(visit),
        visit.api.get(
            f"profiles/{visit.request.path_params['profile']}/versions", cursor=asked.get("cursor")
        ),
    )
    return await _page(page, listed.body, status=200)


async def restore(visit: Visit) -> Response:
    """Make a version the draft. What is published stays until the draft is published."""
    page = await load(visit)
    version = visit.form.number("version")
    try:
        answer = await visit.api.send(
            "POST",
            f"{page.path}/versions/{part(str(version))}/restore",
            revision=quoted(visit.form.text("revision")),
        )
    except ApiProblem as problem:
        if not is_kept(problem):
            raise
        listed = (await visit.api.get(f"{page.path}/versions")).body
        return await _page(page, listed, status=problem.status, problem=problem)
    text = visit.say(
        "Version %(version)s is the draft now. Preview and publish it to put it in effect.", version=version
    )
    if moved := answer.body["moved"]:
        names = page.wording().definitions
        text += " " + visit.say(
            "These rules counted in another group then, and keep the group they are in: %(names)s.",
            names=", ".join(names.get(key, key) for key in moved),
        )
    undo = {
        "action": page.url("versions", "undo"),
        "draft": _draft_of(page),
        "revision": answer.body["revision"],
    }
    # What undoes it waits in a cookie, which cannot be long.
    return visit.redirect(page.url(), Done(text, undo if len(undo["draft"]) <= _MOST_DRAFT else None))


async def undo(visit: Visit) -> Response:
    """Bring back the draft as it was before going back to a version."""
    page = await load(visit)
    try:
        await visit.api.send(
            "PATCH",
            page.path,
            _sent_draft(visit),
            revision=quoted(visit.form.text("revision")),
        )
    except ApiProblem as problem:
        if not is_kept(problem):
            raise
        listed = (await visit.api.get(f"{page.path}/versions")).body
        return await _page(page, listed, status=problem.status, problem=problem)
    return visit.redirect(page.url(), Done(visit.say("The draft is as it was before.")))


def _sent_draft(visit: Visit) -> Any:
    try:
        return json.loads(visit.form.text("draft"))
    except (ValueError, RecursionError):
        detail = visit.say("This page is out of date. Reload it and try again.")
        raise ApiProblem(_INVALID, {"type": ":invalid", "detail": detail}, {}) from None


def _draft_of(page: ProfilePage) -> str:
    return json.dumps({name: page.profile[name] for name in _DRAFTED})


async def _page(
    page: ProfilePage, listed: dict[str, Any], *, status: int, problem: ApiProblem | None = None
) -> Response:
    asked = page.visit.request.query_params
    numbers = [each["number"] for each in listed["items"]]
    before = asked.get("before") or str(page.profile["version"] or (numbers[0] if numbers else ""))
    after = asked.get("after") or _DRAFT
    changes: list[Change] | None = None
    faults = None
    if asked.get("before"):
        try:
            found = await page.visit.api.get(
                f"{page.path}/difference", before=before, after=None if after == _DRAFT else after
            )
            changes = worded(found.body["differences"], page.wording())
        except ApiProblem as refused:
            if not refused.errors and not is_kept(refused):
                raise
            faults = Faults.of(refused)
    if problem is not None and not is_stale(problem):
        faults = Faults.of(problem)
    return page.show(
        "profiles/versions.html",
        "versions",
        status=status,
        versions=listed["items"],
        following=listed["next"],
        before=before,
        after=after,
        changes=changes,
        stale=problem is not None and is_stale(problem),
        faults=faults,
    )
