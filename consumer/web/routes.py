"""All routers of the API, in the order in which they match.

The type of a route's first parameter is the permission that it needs (http/auth.py). tests/web/test_permissions.py
lists every route with its permission.
"""

from consumer.web.api import events, jobs, me
from consumer.web.api.catalog import (
    accounts,
    audit,
    backfills,
    dedup_example,
    definition_counts,
    definitions,
    event_samples,
    groups,
    purges,
    rejudgements,
    starting_catalog,
    try_event,
    unmatched_inbox,
    uses,
)
from consumer.web.api.contacts import (
    adjustments,
    bulk_adjustments,
    contacts,
    embeds,
    facts,
    identity,
    ignored_events,
    neighbours,
    scores,
    segments,
    timeline,
)
from consumer.web.api.operations import dead_letters, service_health
from consumer.web.api.profiles import (
    bands,
    contact_previews,
    distribution,
    previews,
    profiles,
    publishes,
    versions,
)
from consumer.web.api.tracker_tokens import links, tokens
from consumer.web.api.webhooks import deliveries, webhooks
from consumer.web.tracker import requests_route

ROUTERS = (
    me.router,
    accounts.router,
    accounts.own,
    purges.router,
    jobs.router,
    groups.router,
    definitions.router,
    starting_catalog.router,
    definition_counts.router,
    rejudgements.router,
    uses.router,
    dedup_example.router,
    event_samples.router,
    try_event.router,
    unmatched_inbox.router,
    backfills.router,
    profiles.router,
    previews.router,
    contact_previews.router,
    publishes.router,
    versions.router,
    bands.router,
    distribution.router,
    audit.router,
    dead_letters.router,
    dead_letters.beside_accounts,
    service_health.beside_accounts,
    bulk_adjustments.router,
    events.router,
    embeds.router,
    webhooks.router,
    deliveries.router,
    tokens.router,
    links.router,
    requests_route.router,
    requests_route.beside_accounts,
    # Sub-resources of a contact before the contact itself: its id may contain slashes.
    timeline.router,
    scores.router,
    adjustments.router,
    ignored_events.router,
    neighbours.router,
    identity.router,
    facts.router,
    contacts.router,
    segments.router,
)

# Of `engagement web --only tracker`.
TRACKER_ROUTERS = (requests_route.router, requests_route.beside_accounts)
