"""The chart of how scores are distributed, by which the list can be narrowed to a range."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.api_client import ApiProblem, part
from consumer.web.console.leads.filters import axis_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.web.console.api_client import Answer
    from consumer.web.console.visit import Visit

# Seconds that a page waits for numbers that are not known yet: they are counted at most once a minute.
_PATIENCE: Final = 0.03
HEIGHT: Final = 48
# Counts go on when their page no longer waits for them.
_counting: set[asyncio.Task[Answer]] = set()


@dataclass(frozen=True, slots=True)
class Bar:
    """Contacts with points from `least` to `most`, None at open ends. height: up to HEIGHT. url: of their list."""

    least: int | None
    most: int | None
    contacts: int
    height: float
    is_inside: bool
    url: str


@dataclass(frozen=True, slots=True)
class Chart:
    """bars: from the least points up, as wide as each other; none: not counted yet. contacts: of all of them."""

    bars: list[Bar]
    contacts: int | None = None
    age_seconds: float = 0.0

    @property
    def edges(self) -> list[int | None]:
        """The least points of each bar, and None for what is above the last one."""
        return [*(bar.least for bar in self.bars), None]


async def read_chart(visit: Visit, profile: str, filters: Mapping[str, str]) -> Chart:
    """Return the chart of the points that the list is about, without bars if they are still being counted.

    Scripts that look whether rows have changed do not need it.
    """
    if visit.request.headers.get("engagement-live"):
        return Chart([])
    asked = visit.api.get(f"profiles/{part(profile)}/distribution", group=axis_of(filters))
    task = asyncio.ensure_future(asked)
    _counting.add(task)
    task.add_done_callback(_ended)
    patience = None if visit.request.query_params.get("chart") else _PATIENCE
    done, _ = await asyncio.wait({task}, timeout=patience)
    if not done or isinstance(task.exception(), ApiProblem):
        return Chart([])
    found: dict[str, Any] = task.result().body
    most = max((bar["contacts"] for bar in found["bars"]), default=0)
    return Chart(
        [_bar(visit, filters, bar, most) for bar in found["bars"]], found["contacts"], found["age_seconds"]
    )


def _ended(task: asyncio.Task[Answer]) -> None:
    _counting.discard(task)
    if not task.cancelled():
        task.exception()


def _bar(visit: Visit, filters: Mapping[str, str], bar: Mapping[str, Any], most: int) -> Bar:
    least, top, contacts = bar["min"], bar["max"], bar["contacts"]
    share = math.sqrt(contacts / most) if most else 0.0
    height = max(round(HEIGHT * share, 1), 1.5) if contacts else 0.0
    asked = {**filters, "min": least, "max": top}
    return Bar(least, top, contacts, height, _is_inside(filters, least, top), visit.url("leads", **asked))


def _is_inside(filters: Mapping[str, str], least: int | None, most: int | None) -> bool:
    """Return whether the range that is asked for has any points of a bar."""
    low, high = _number(filters.get("min")), _number(filters.get("max"))
    return (low is None or most is None or most >= low) and (high is None or least is None or least <= high)


def _number(text: str | None) -> int | None:
    try:
        return int(text) if text else None
    except ValueError:
        return None
