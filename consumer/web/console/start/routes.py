"""`/console/{account}/start`: the checklist of an empty account."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.web.console.api_client import ApiProblem, part
from consumer.web.console.page_route import change, page
from consumer.web.console.start import sample_data
from consumer.web.console.start.steps import read_steps
from consumer.web.console.visit import Done

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit


async def _show(visit: Visit) -> Response:
    steps, samples = await asyncio.gather(
        read_steps(visit), visit.api.get("contacts", q=sample_data.PREFIX, limit=1)
    )
    done = sum(step.is_done for step in steps)
    return visit.page(
        "start/start.html",
        steps=steps,
        done_steps=done,
        has_catalog=steps[0].is_done or steps[1].is_done,
        has_samples=bool(samples.body["items"]),
        current=next((step for step in steps if not step.is_done), None),
    )


async def _take_catalog(visit: Visit) -> Response:
    taken = (await visit.api.send("POST", "starting-catalog")).body
    count = len(taken["definitions"])
    text = visit.say(
        "The starting catalog is yours: %(count)d definitions, and a published profile.", count=count
    )
    return visit.redirect(visit.url("start"), Done(text))


async def _bring_samples(visit: Visit) -> Response:
    await visit.api.send("POST", "backfills", {"events": sample_data.events(visit.key), "xp": False})
    text = visit.say("Sample contacts are on their way: they are among the leads in a moment.")
    return visit.redirect(visit.url("start"), Done(text))


async def _remove_samples(visit: Visit) -> Response:
    for contact in sample_data.contact_ids():
        try:
            await visit.api.send("DELETE", f"contacts/{part(contact)}")
        except ApiProblem as problem:
            if problem.code != "not_found":
                raise
    return visit.redirect(visit.url("start"), Done(visit.say("The sample contacts are being removed.")))


ROUTES = [
    page("/{account}/start", _show, permission="read"),
    change("/{account}/start/catalog", _take_catalog, permission="manage"),
    change("/{account}/start/samples", _bring_samples, permission="manage"),
    change("/{account}/start/samples/remove", _remove_samples, permission="operate"),
]
