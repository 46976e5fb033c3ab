"""The routes, one module for each concern; each has a `router`, and its prefix in full.

Owns which there are. A route names its permission by the type of its first parameter (auth.py), and the table of
tests/web/test_permissions.py names every route once more.
"""

from consumer.web.api.catalog import (
    accounts,
    audit,
    definitions,
    groups,
    rejudgements,
    try_event,
    unmatched_inbox,
)
from consumer.web.api.contacts import adjustments, contacts, scores, segments, timeline
from consumer.web.api.profiles import previews, profiles, publishes, versions

ROUTERS = (
    accounts.router,
    accounts.own,
    groups.router,
    definitions.router,
    rejudgements.router,
    try_event.router,
    unmatched_inbox.router,
    profiles.router,
    previews.router,
    publishes.router,
    versions.router,
    audit.router,
    # What is below a contact before the contact itself, whose id may have slashes.
    timeline.router,
    scores.router,
    adjustments.router,
    contacts.router,
    segments.router,
)
