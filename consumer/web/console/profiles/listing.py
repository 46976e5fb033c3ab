"""The list of profiles: which is primary, what readers see, what waits, and their order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from consumer.web.console.api_client import ApiProblem, part
from consumer.web.console.profiles.stale import is_stale
from consumer.web.console.visit import Done

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit


async def show(visit: Visit) -> Response:
    """Show the profiles, and those that are archived below them."""
    profiles = (await visit.api.get("profiles", archived=True)).body["items"]
    active = [each for each in profiles if not each["archived"]]
    publishes = await asyncio.gather(*(_running(visit, each) for each in active))
    return visit.page(
        "profiles/profiles.html",
        profiles=[*zip(active, publishes, strict=True)],
        archived=[each for each in profiles if each["archived"]],
    )


async def _running(visit: Visit, profile: dict[str, Any]) -> dict[str, Any] | None:
    if not profile["publish_runs"]:
        return None
    newest = (await visit.api.get(f"profiles/{part(profile['key'])}/publishes", limit=1)).body["items"]
    return newest[0] if newest and newest[0]["ended_at"] is None else None


async def move(visit: Visit) -> Response:
    """Move a profile up or down by one place; the order is that of all lists of profiles."""
    key, by = visit.form.text("profile"), -1 if visit.form.is_set("up") else 1
    order = await visit.api.get("profile-order")
    keys: list[str] = order.body["keys"]
    place = keys.index(key) if key in keys else -1
    target = place + by
    if place >= 0 and 0 <= target < len(keys):
        keys[place], keys[target] = keys[target], keys[place]
        try:
            await visit.api.send("PUT", "profile-order", {"keys": keys}, revision=order.revision)
        except ApiProblem as problem:
            if not is_stale(problem):
                raise
            return visit.redirect(
                visit.url("profiles"), Done(visit.say("Someone else has moved profiles meanwhile."))
            )
    return visit.redirect(visit.url("profiles"))
