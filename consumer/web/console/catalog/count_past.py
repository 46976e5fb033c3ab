"""Counts what came before a definition: a backfill from Kafka, of the definition's types."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from consumer.web.console.api_client import ApiProblem, part
from consumer.web.console.visit import Done

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit


async def begin(visit: Visit) -> Response:
    """Begin to read Kafka again, from a day on."""
    key = visit.request.path_params["definition"]
    definition = (await visit.api.get(f"definitions/{part(key)}")).body
    text = await request(visit, visit.form.text("since"), definition["events"])
    return visit.redirect(visit.url("catalog", "definitions", key), Done(text))


async def request(visit: Visit, since: str, types: list[str]) -> str:
    """Request a backfill from a day (`2026-03-01`) on, and return what became of the request, in words."""
    try:
        began = datetime.combine(date.fromisoformat(since), datetime.min.time(), visit.reader.zone)
    except ValueError:
        return visit.say("Kafka is not read again: choose a day to go back to.")
    body: dict[str, Any] = {"from_topics": {"since": began.isoformat(), "types": types}}
    try:
        await visit.api.send("POST", "backfills", body)
    except ApiProblem as problem:
        return visit.say("Kafka is not read again: %(why)s", why=problem.detail)
    return visit.say("Kafka is read again from %(day)s on.", day=visit.reader.date(began.isoformat()))


async def cancel(visit: Visit) -> Response:
    """Cancel a backfill; what was applied stays."""
    names = visit.request.path_params
    await visit.api.send("POST", f"backfills/{part(names['backfill'])}/cancel")
    done = Done(visit.say("Cancelled. What was counted stays."))
    return visit.redirect(visit.url("catalog", "definitions", names["definition"]), done)
