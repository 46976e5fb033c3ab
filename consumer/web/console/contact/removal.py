"""Exporting and deleting what is kept of a contact: what it is comes first, and a report after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from consumer.web.console.api_client import ApiProblem, part
from consumer.web.console.navigation import N_

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_NOT_FOUND: Final = 404
# What the API counts, in words, in the order of the page.
KINDS: Final = (
    ("timeline", N_("Entries of the timeline, with their data")),
    ("carried_counts", N_("Counts of events that are no longer kept")),
    ("fields", N_("Fields: name, e-mail, owner and so on")),
    ("adjustments", N_("Adjustments by hand, with their reasons")),
    ("joined_ids", N_("Ids that were joined to it")),
    ("ignored_events", N_("Events that reached no timeline")),
    ("dead_letters", N_("Dead letters that name it")),
    ("inbox_samples", N_("Samples of unknown events that name it")),
    ("webhook_deliveries", N_("Messages to webhooks")),
    ("audit_entries", N_("Entries of the audit trail that named it, and do no longer")),
    ("xp_that_stays", N_("XP that reps earned, which stays")),
)


async def show_deletion(visit: Visit) -> Response:
    """Say what is kept of a contact, and so what an export has and a deletion takes."""
    contact = visit.request.path_params["contact"]
    try:
        found = (await visit.api.get(f"contacts/{part(contact)}/kept")).body
    except ApiProblem as problem:
        if problem.status != _NOT_FOUND:
            raise
        # An id that was never seen as a contact may stand in dead letters and samples all the same.
        found = None
    if found is not None and found["id"] != contact:
        # Under a joined id only what came by that would go; what is kept is the whole contact's.
        return visit.redirect(visit.url("contact", "delete", found["id"]))
    return visit.page("contact/delete.html", contact_id=contact, found=found, kinds=KINDS)


async def delete(visit: Visit) -> Response:
    """Delete what is dated before now of a contact, and lead to the report."""
    contact = visit.request.path_params["contact"]
    made = await visit.api.send("DELETE", f"contacts/{part(contact)}")
    return visit.redirect(visit.url("deletions", made.body["id"]))


async def show_report(visit: Visit) -> Response:
    """Show what a deletion took."""
    deletion = visit.request.path_params["deletion"]
    found = (await visit.api.get(f"deletions/{part(deletion)}")).body
    return visit.page("contact/deletion.html", report=found, kinds=KINDS)
