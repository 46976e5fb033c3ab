"""`/console/~components`: all components on one page, where settings ask for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from consumer.web.console.page_route import page
from consumer.web.console.sparkline import sparkline
from consumer.web.console.visit import Faults

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit


async def _show(visit: Visit) -> Response:
    sample_time = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    sample_faults = Faults({"faulty": "must have 2 characters at least"}, "The request has 1 error.")
    return visit.page(
        "components.html",
        sample_time=sample_time,
        sample_faults=sample_faults,
        sample_line=sparkline([12, 12, 40, 40, 38, 52, 52, 60]),
    )


ROUTES = [page("/~components", _show)]
