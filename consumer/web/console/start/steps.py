"""The steps from an empty account to the first hot lead, each ticked by what is really there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from consumer.web.console.api_client import part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.web.console.visit import Visit


@dataclass(frozen=True, slots=True)
class Step:
    """A step. url: where it is done; None: the person may not. is_done: by what the account has."""

    name: str
    text: str
    url: str | None
    is_done: bool


async def read_steps(visit: Visit) -> list[Step]:
    """Return the steps of the account, in order. Raises ApiProblem."""
    groups, definitions, profiles, segments, contacts = await asyncio.gather(
        *(visit.api.get(what, limit=limit) for what, limit in _READ), visit.api.get("contacts", **_LAST)
    )
    tokens: list[dict[str, Any]] = []
    unknown: list[dict[str, Any]] = []
    if visit.can("manage"):
        of_tracker, inbox = await asyncio.gather(
            visit.api.get("tracker-tokens", limit=200), visit.api.get("inbox", limit=1)
        )
        tokens, unknown = of_tracker.body["items"], inbox.body["items"]
    is_seen = bool(unknown) or any(each["last_event_at"] for each in contacts.body["items"])
    counting = any(each["active"] for each in definitions.body["items"])
    published = [each for each in profiles.body["items"] if each["version"] is not None]
    weighing = counting and any(
        await asyncio.gather(*(_weighs(visit, each["key"]) for each in published[:3]))
    )
    hottest = max((each["overall"] for each in contacts.body["items"]), default=0)
    say = visit.say
    return [
        Step(
            say("Groups of points"),
            say("What do scores tell apart? Support, purchase and marketing, for example."),
            visit.url("catalog"),
            bool(groups.body["items"]),
        ),
        Step(
            say("Definitions"),
            say("Which events count, for which group, and how often?"),
            visit.url("catalog"),
            bool(definitions.body["items"]),
        ),
        Step(
            say("The first event"),
            say(
                "Your product sends events to Kafka, or your site by the tracker. This is ticked when one has come."
            ),
            visit.url("catalog", "inbox") if visit.can("manage") else None,
            is_seen,
        ),
        Step(
            say("Weights, published"),
            say("How many points is each worth? Preview what a score profile would show, then publish it."),
            visit.url("profiles"),
            weighing,
        ),
        Step(
            say("A segment"),
            say("Keep a list that you look at every day, such as those who became hot."),
            visit.url("segments"),
            bool(segments.body["items"]),
        ),
        Step(
            say("The tracker"),
            say("Bring in visits, forms and e-mails from outside your product."),
            visit.url("tracker") if visit.can("manage") else None,
            any(each["last_used_at"] for each in tokens),
        ),
        Step(
            say("The first lead with points"),
            say("Open the list of leads, and the lead: each point says where it is from."),
            visit.url("leads"),
            hottest > 0,
        ),
    ]


# What is listed, and how much of it is enough to know.
_READ: Sequence[tuple[str, int]] = (("groups", 1), ("definitions", 100), ("profiles", 100), ("segments", 1))
# Those with the most points.
_LAST = {"sort": "-score", "limit": 50}


async def _weighs(visit: Visit, profile: str) -> bool:
    """Return whether readers see a version of the profile in which something counts points."""
    found = (await visit.api.get(f"profiles/{part(profile)}")).body
    return any(each["live"] is not None and each["live"]["points"] != 0 for each in found["definitions"])
