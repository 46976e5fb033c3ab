"""Five events on a line: which count under a dedup policy, and why. The API judges them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.api_client import ApiProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.web.console.catalog.words import Words
    from consumer.web.console.visit import Visit

_INVALID: Final = 422
# Of the drawing, in its own units.
_LEFT, _WIDTH, _RIGHT = 20, 310, 350
_ROW, _APART = 22, 30


@dataclass(frozen=True, slots=True)
class DrawnEvent:
    """One event. x, y: its place. after: for the axis."""

    x: float
    y: int
    object: str
    counts: bool
    after: str
    sentence: str


@dataclass(frozen=True, slots=True)
class DrawnWindow:
    """The time after a counted event in which others do not count."""

    x: float
    y: int
    width: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """The events and the cooldowns. per_object: those of each object have a row. height: in the drawing's units."""

    events: list[DrawnEvent]
    windows: list[DrawnWindow]
    per_object: bool
    height: int


async def draw(visit: Visit, words: Words, dedup: Mapping[str, Any]) -> Drawing | None:
    """Return the drawing of a policy; None: it is not valid."""
    try:
        example = (await visit.api.send("POST", "dedup-example", {"dedup": dedup})).body
    except ApiProblem as problem:
        if problem.status != _INVALID:
            raise
        return None
    per_object = dedup.get("per") == "object"
    interval = example["interval_seconds"] or 0
    scale = _WIDTH / max(each["seconds"] for each in example["events"])
    events, windows = [], []
    for each in example["events"]:
        x = _LEFT + each["seconds"] * scale
        y = _ROW + (_APART if per_object and each["object"] == "B" else 0)
        counts = each["verdict"] == "counted"
        after = words.duration(each["seconds"], "narrow") if each["seconds"] else "0"
        sentence = _sentence(words, each, dedup["policy"], per_object=per_object)
        events.append(DrawnEvent(round(x, 1), y, each["object"], counts, after, sentence))
        if counts and interval:
            windows.append(DrawnWindow(round(x, 1), y, round(min(interval * scale, _RIGHT - x), 1)))
    return Drawing(events, windows, per_object, _ROW + _APART * per_object + 40)


def _sentence(words: Words, event: Mapping[str, Any], policy: str, *, per_object: bool) -> str:
    when = (
        words.say("After %(time)s", time=words.duration(event["seconds"]))
        if event["seconds"]
        else words.say("At first")
    )
    about = words.say("about object %(name)s", name=event["object"]) if per_object else ""
    return (
        f"{when}, {about}: {_why(words, event, policy)}" if about else f"{when}: {_why(words, event, policy)}"
    )


def _why(words: Words, event: Mapping[str, Any], policy: str) -> str:
    since = event["since_counted"]
    if event["verdict"] == "already_counted":
        return words.say("does not count, since one has counted already.")
    if event["verdict"] == "cooling_down":
        time = words.duration(since)
        return words.say("does not count, only %(time)s after the last one that counted.", time=time)
    if policy == "always":
        return words.say("counts, as every one does.")
    if since is None:
        return words.say("counts, the first.")
    time = words.duration(since)
    return words.say("counts, %(time)s after the last one that counted.", time=time)
