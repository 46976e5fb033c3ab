"""Publishing exactly what was previewed, and cancelling that before readers see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.web.console.api_client import ApiProblem, part
from consumer.web.console.profiles.profile_page import load, quoted
from consumer.web.console.profiles.stale import is_kept, is_stale
from consumer.web.console.visit import Done, Faults

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit


async def begin(visit: Visit) -> Response:
    """Begin to publish the draft of the revision that a preview was about."""
    page = await load(visit)
    try:
        await visit.api.send("POST", f"{page.path}/publishes", revision=quoted(visit.form.text("revision")))
    except ApiProblem as problem:
        if not is_kept(problem):
            raise
        return page.show(
            "profiles/not_published.html",
            "preview",
            status=problem.status,
            stale=is_stale(problem),
            faults=None if is_stale(problem) else Faults.of(problem),
        )
    return visit.redirect(
        page.url(),
        Done(visit.say("Publishing has begun. Readers see the version before until it is ready.")),
    )


async def cancel(visit: Visit) -> Response:
    """Cancel a publish; after readers have begun to see it the API says how to go back."""
    page = await load(visit)
    try:
        await visit.api.send("POST", f"{page.path}/publishes/{part(visit.form.text('publish'))}/cancel")
    except ApiProblem as problem:
        if not is_kept(problem):
            raise
        return page.show(
            "profiles/not_published.html",
            "preview",
            status=problem.status,
            stale=False,
            faults=Faults.of(problem),
        )
    return visit.redirect(
        page.url(),
        Done(visit.say("Cancelled. Readers keep seeing the version before; the draft is as it was.")),
    )
