"""`/console/{account}/activity`."""

from __future__ import annotations

from consumer.web.console.activity import changes, jobs
from consumer.web.console.page_route import change, page

ROUTES = [
    page("/{account}/activity", jobs.show, permission="read"),
    change("/{account}/activity/cancel", jobs.cancel, permission="manage"),
    page("/{account}/activity/changes", changes.show, permission="manage"),
]
