"""`…/catalog/try`: which definitions take a sample event, and why the others do not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.api_client import ApiProblem
from consumer.web.console.catalog.words import Words
from consumer.web.console.visit import Faults
from schemas.events import PRODUCT_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_FAULTY: Final = (404, 409, 422)
# What a new page begins with.
_FIRST: Final = {"type": "deal.won", "data": {"amount": 100}}
# Definitions that do not take an event are shown up to so many.
_SHOWN: Final = 50


async def show(visit: Visit) -> Response:
    """Show the form, with the newest event of `type` if one is asked for."""
    event_type = visit.request.query_params.get("type", "").strip()
    if not event_type:
        return _page(visit, as_text(_FIRST))
    try:
        samples = (await visit.api.get("event-samples", type=event_type)).body["samples"]
    except ApiProblem as problem:
        if problem.status not in _FAULTY:
            raise
        return _page(visit, as_text(_FIRST), faults=Faults.of(problem))
    sample = samples[0] if samples else {"type": event_type, "data": {}}
    return _page(visit, as_text(sample), asked=event_type, is_seen=bool(samples))


async def answer(visit: Visit) -> Response:
    """Try the event that was sent."""
    text = visit.form.text("sample")
    try:
        event = read_event(visit, text)
        tried = (await visit.api.send("POST", "try", {"event": event})).body
    except ApiProblem as problem:
        if problem.status not in _FAULTY:
            raise
        return _page(visit, text, faults=Faults.of(problem))
    return _page(visit, text, tried)


def read_event(visit: Visit, text: str) -> dict[str, Any]:
    """Return the event that was typed. Raises ApiProblem (422) if it is no JSON object."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict):
        detail = visit.say("This is not a JSON object, such as %(example)s", example='{"type": "deal.won"}')
        fault = {"field": "event", "detail": detail}
        raise ApiProblem(422, {"type": ":invalid", "detail": detail, "errors": [fault]}, {})
    return event


def as_text(event: Mapping[str, Any]) -> str:
    """Return an event as a person reads it."""
    return json.dumps(event, indent=2, ensure_ascii=False)


def _page(
    visit: Visit,
    text: str,
    tried: dict[str, Any] | None = None,
    *,
    faults: Faults | None = None,
    asked: str = "",
    is_seen: bool = True,
) -> Response:
    named = [each for each in (tried or {"definitions": []})["definitions"] if each["takes_type"]]
    return visit.page(
        "catalog/try.html",
        status=422 if faults else 200,
        sample=text,
        tried=tried,
        named=named[:_SHOWN],
        faults=faults,
        asked=asked,
        is_seen=is_seen,
        types=[each for types in PRODUCT_TYPES.values() for each in types],
        words=Words(visit.reader),
    )
