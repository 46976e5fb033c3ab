"""The whole service: lag over the last hour, lanes and who holds them, outbox, workers and relays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.web.console.health.line_chart import drawn

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit


async def show(visit: Visit) -> Response:
    """Show it to operators of all accounts; to those of one account their dead letters."""
    if not visit.sees_all_accounts:
        return visit.redirect(visit.url("health", "dead-letters"))
    health = (await visit.api.get("/v1/health")).body
    charts = {
        topic["topic"]: drawn(visit.reader.now, [(each["at"], each["records"]) for each in topic["samples"]])
        for topic in health["topics"]
    }
    outbox = [(each["at"], each["messages"]) for each in health["outbox"]["samples"]]
    return visit.page(
        "health/service.html",
        health=health,
        charts=charts,
        outbox=drawn(visit.reader.now, outbox),
        stopped=[lane for lane in health["lanes"] if lane["stopped"]],
        unheld=[lane for lane in health["lanes"] if not lane["holder"]],
        age=lambda seconds: age(visit, seconds),
    )


def age(visit: Visit, seconds: float | None) -> str:
    """Return how far something lags, in words."""
    if seconds is None:
        return visit.say("not known")
    if seconds == 0:
        return visit.say("caught up")
    if seconds < 1:
        return visit.say("less than a second")
    if seconds < 120:  # noqa: PLR2004 - beyond two minutes nobody counts seconds
        return visit.say("%(seconds)s s", seconds=visit.reader.number(round(seconds)))
    if seconds < 7200:  # noqa: PLR2004
        return visit.say("%(minutes)s min", minutes=visit.reader.number(round(seconds / 60)))
    return visit.say("%(hours)s h", hours=visit.reader.number(round(seconds / 3600)))
