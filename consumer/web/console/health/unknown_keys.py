"""Calls of the tracker whose key no token has, as this process has answered them; for operators of all accounts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from consumer.web.console.tracker.refusals import advice
from consumer.web.console.tracker.requests import read_requests

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit


async def show(visit: Visit) -> Response:
    """Show them."""
    requests = await read_requests(visit, "/v1/tracker-requests")
    return visit.page("health/unknown_keys.html", requests=requests, advice=partial(advice, visit))
