"""`dedup-example`: which of five events count under a dedup policy, by the rule that judges them."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter
from pydantic import BaseModel

from consumer.catalog.model.account import AccountCatalog, AccountSettings, Group
from consumer.domain.verdict_rule import Edition, judge, verdict_of
from consumer.web.api.catalog.edit import with_entry
from consumer.web.api.catalog.schemas import Dedup
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Reader
from consumer.web.http.request_types import Body
from schemas.vocabulary import Per, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.catalog.model.account import DedupPolicy

router = APIRouter(prefix="/v1/accounts/{account}", tags=["definitions"], route_class=ApiRoute)

# When the events happen, in quarters of the interval, and the objects that they are about: one event is exactly an
# interval after the first, and one would be later than that if events that do not count moved the window.
_EVENTS: Final = ((0, "A"), (1, "B"), (3, "A"), (4, "B"), (6, "A"))
# What stands for the interval of a policy that has none.
_NO_INTERVAL: Final = timedelta(days=1)
_BEGIN: Final = datetime(2026, 3, 2, tzinfo=UTC)


class DedupToShow(Body):
    """The policy to show."""

    dedup: Dedup
    """How often an event counts."""


class ExampleEvent(BaseModel, use_attribute_docstrings=True):
    """One of five events of one contact that a definition takes."""

    seconds: float
    """Seconds after the first event."""
    object: str
    """The object that it is about: A or B."""
    verdict: Verdict
    """Whether it counts: `counted`, `already_counted` or `cooling_down`."""
    since_counted: float | None
    """Seconds since the last event before it that counted and is judged together with it; null: there is none."""


class DedupExample(BaseModel, use_attribute_docstrings=True):
    """What becomes of five events under the policy."""

    interval_seconds: int | None
    """The length of the cooldown; null: the policy has none."""
    events: list[ExampleEvent]
    """The events, in the order in which they happen."""


@router.post("/dedup-example")
async def show_dedup(caller: Reader, body: DedupToShow) -> DedupExample:  # noqa: ARG001 - checks the permission
    """Return which of five events would count under a dedup policy; nothing is stored."""
    dedup = _checked(body)
    return DedupExample(interval_seconds=dedup.interval_seconds, events=[*_judged(dedup)])


def _checked(body: DedupToShow) -> DedupPolicy:
    """Return the policy; raises ProblemError (422) if it is not valid."""
    nothing = AccountCatalog(
        "example", AccountSettings("example"), {"example": Group("example", "x", "bolt")}
    )
    values = {
        "name": "x",
        "group": "example",
        "icon": "bolt",
        "default_points": 0,
        "events": ["x"],
        "dedup": body.dedup.model_dump(exclude_unset=True, mode="json"),
    }
    return with_entry(nothing, "definitions", "example", values, None).definitions["example"].dedup


def _judged(dedup: DedupPolicy) -> Iterator[ExampleEvent]:
    edition = Edition.stored(dedup.policy, dedup.interval_seconds, dedup.per)
    quarter = (edition.interval or _NO_INTERVAL) / 4
    times = [_BEGIN + quarters * quarter for quarters, _ in _EVENTS]
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, (_, name) in enumerate(_EVENTS):
        places[name if dedup.per is Per.OBJECT else ""].append(place)
    counts: dict[int, bool] = {}
    since: dict[int, timedelta | None] = {}
    for together in places.values():
        of_key = judge([times[place] for place in together], edition)
        last: datetime | None = None
        for place, does in zip(together, of_key, strict=True):
            counts[place] = does
            since[place] = None if last is None else times[place] - last
            last = times[place] if does else last
    for place, (_, name) in enumerate(_EVENTS):
        passed = since[place]
        yield ExampleEvent(
            seconds=(times[place] - _BEGIN).total_seconds(),
            object=name,
            verdict=verdict_of(counts=counts[place], policy=dedup.policy),
            since_counted=None if passed is None else passed.total_seconds(),
        )
