"""The tags of the OpenAPI document, in its order; each route has one of them."""

from __future__ import annotations

_DESCRIPTIONS = {
    "accounts": "Accounts and their settings, and what their retention periods remove.",
    "groups": "The named counters of an account's catalog, and their order.",
    "definitions": "Which events count, for how many points and how often; trying an event; rejudging history.",
    "inbox": "Event types that no definition takes.",
    "backfills": "Bringing history, or reading the input topics again under the catalog of now.",
    "jobs": "Everything that runs in the background, in one list.",
    "dead letters": "Records that are no valid events: listed, shown, replayed and discarded.",
    "health": "How far the whole service lags, and which processes do the work.",
    "profiles": "Score profiles: drafts, previews, publishes and versions.",
    "audit": "Who changed what.",
    "contacts": "Contacts by score, their timelines, adjustments, joins and deletions.",
    "scores": "Scores of given contacts: look-up, explanation, history.",
    "events": "Score changes and the progress of jobs, live.",
    "webhooks": "Messages by HTTP, signed and repeated, and the log of their deliveries.",
    "tracker tokens": "Public write keys of the tracker, signed links for e-mails, and what became of requests.",
    "segments": "Saved conditions on contacts.",
}
TAGS = [{"name": name, "description": description} for name, description in _DESCRIPTIONS.items()]
