"""The routes, one module for each concern; each has a `router`, and its prefix in full.

Owns which there are. A route names its permission by the type of its first parameter (auth.py), and the table of
tests/web/test_permissions.py names every route once more.
"""

from consumer.web.routes import (
    accounts,
    adjustments,
    audit,
    contacts,
    definitions,
    groups,
    inbox,
    previews,
    profiles,
    publishes,
    rejudgements,
    scores,
    segments,
    timeline,
    trial,
    versions,
)

ROUTERS = (
    accounts.router,
    accounts.own,
    groups.router,
    definitions.router,
    rejudgements.router,
    trial.router,
    inbox.router,
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
