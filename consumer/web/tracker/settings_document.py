"""The settings that Segment's libraries for browsers and apps ask their CDN for: where to send calls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from consumer.web.tracker import http_answers
from consumer.web.tracker.calls.outcome import Refusal
from consumer.web.tracker.tracker import RequestRefusedError
from schemas.vocabulary import RefusalReason

if TYPE_CHECKING:
    from consumer.web.tracker.http_answers import Answer
    from consumer.web.tracker.tracker import Tracker, Visit

PREFIX: Final = "/v1/projects/"
SUFFIX: Final = "/settings"
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
# Seconds for which browsers may keep it; a revoked key is refused wherever it is used.
_CACHED: Final = (b"cache-control", b"public, max-age=300")
# What browsers cache by origin.
_VARY: Final = (b"vary", b"Origin")


async def handle_settings(tracker: Tracker, visit: Visit) -> Answer:
    """Answer with the settings of a key. Raises RequestRefusedError for an unknown one."""
    path = visit.request.scope["path"]
    key = path.removeprefix(PREFIX).removesuffix(SUFFIX)
    tracker.take(visit, tracker.admit(visit, key))
    host = visit.request.header(b"host") or ""
    if not _HOST.fullmatch(host):
        raise RequestRefusedError(Refusal(RefusalReason.MALFORMED, "Host", "not a host"))
    scheme = tracker.addresses.scheme_of(visit.request.scope, visit.request.header(b"x-forwarded-proto"))
    return http_answers.json_of(200, _document(key, host, scheme), _CACHED, _VARY)


def _document(key: str, host: str, scheme: str) -> dict[str, Any]:
    everything = {"enabled": True, "integrations": {}}
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": key,
                "apiHost": f"{host}/v1",
                "protocol": scheme,
                "addBundledMetadata": False,
                "unbundledIntegrations": [],
                "maybeBundledConfigIds": {},
                "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
            }
        },
        "plan": {
            "track": {"__default": everything},
            "identify": {"__default": {"enabled": True}},
            "group": {"__default": {"enabled": True}},
        },
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        # The library would send its own metrics to another company.
        "metrics": {"sampleRate": 0},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }
