"""`/console/~components`: all components on one page, where settings ask for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from consumer.web.console.histogram import Bar, histogram
from consumer.web.console.page_route import page
from consumer.web.console.profiles.band_range import band_range
from consumer.web.console.sparkline import sparkline
from consumer.web.console.visit import Faults

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_FRAME: Final = {
    "floor": 0,
    "cap": 100,
    "bands": [{"key": "cold", "min": None}, {"key": "warm", "min": 20}, {"key": "hot", "min": 50}],
}
_BARS: Final = [
    Bar(0, 9, [40, 25], "cold"),
    Bar(10, 19, [30, 28], "cold"),
    Bar(20, 49, [12, 31], "warm"),
    Bar(50, None, [8, 6], "hot"),
]


async def _show(visit: Visit) -> Response:
    sample_time = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    sample_faults = Faults({"faulty": "must have 2 characters at least"}, "The request has 1 error.")
    return visit.page(
        "components.html",
        sample_time=sample_time,
        sample_faults=sample_faults,
        sample_line=sparkline([12, 12, 40, 40, 38, 52, 52, 60]),
        sample_frame=_FRAME,
        sample_range=band_range(_FRAME),
        sample_chart=histogram(visit.reader, _BARS, ["now", "after"], ["cold", "warm", "hot"]),
    )


ROUTES = [page("/~components", _show)]
