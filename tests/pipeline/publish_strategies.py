"""What Hypothesis draws for publishes: catalogs and their changes, events, and the actions of a publisher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.builders.events import numbered_event
from tests.pipeline.catalog_strategies import KEYS
from tests.pipeline.frame_strategies import frames, moved_thresholds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.oracle import OracleRecord

_PEOPLE = [f"p{number}" for number in range(6)]
_PROFILES = ("lead_score", "second")
GROUPS = ("support", "purchase")
_POLICIES = (
    {"policy": "always"},
    {"policy": "once"},
    {"policy": "cooldown", "interval": "20s"},
    {"policy": "always"},
)
_POINTS = st.sampled_from([10, 25, 0, -5])
_MOVED = ("everything", "everything", "everything", "frames", "thresholds")
_WEIGHTS = st.dictionaries(st.sampled_from([*KEYS, "later"]), _POINTS, max_size=3)


def _document(definitions: Sequence[dict[str, Any]], profiles: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "engagement_catalog": 1,
        "account": "acme",
        "name": "Acme",
        "groups": [{"key": key, "name": key, "icon": "cart"} for key in GROUPS],
        "definitions": list(definitions),
        "profiles": list(profiles),
    }


@st.composite
def first_documents(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a catalog of every policy, and two profiles that are published."""
    definitions = [
        _definition(key, draw(_POINTS), draw(st.sampled_from(GROUPS)), dedup)
        for key, dedup in zip(KEYS, _POLICIES, strict=True)
    ]
    profiles = [
        {"key": key, "name": key, "primary": key == "lead_score", "published": True, **draw(_drafts())}
        for key in _PROFILES
    ]
    return _document(definitions, profiles)


def _definition(key: str, points: int, group: str, dedup: dict[str, str]) -> dict[str, Any]:
    events = ["deal.won", "deal.lost"] if key == "large" else ["deal.won"]
    common = {"key": key, "name": key, "icon": "trophy", "events": events, "dedup": dedup}
    return {**common, "group": group, "default_points": points}


@st.composite
def _drafts(draw: st.DrawFn) -> dict[str, Any]:
    return {"weights": draw(_WEIGHTS), "inherits": draw(st.booleans()), **draw(frames(GROUPS))}


@st.composite
def changed_documents(
    draw: st.DrawFn, before: Mapping[str, Any], moved: Sequence[str] = _MOVED
) -> dict[str, Any]:
    """Draw other points, groups and weights, not published yet; perhaps a definition that joins.

    before: the document before. moved: of what one kind is drawn: everything, frames, or thresholds alone.
    """
    kind = draw(st.sampled_from(moved))
    drafts = {profile["key"]: _drafts() for profile in before["profiles"]}
    if kind == "frames":
        drafts = {key: frames(GROUPS) for key in drafts}
    elif kind == "thresholds":
        drafts = {profile["key"]: moved_thresholds(profile) for profile in before["profiles"]}
    definitions = draw(_changed_definitions()) if kind == "everything" else []
    profiles = [{"key": key, "published": False, **draw(drafted)} for key, drafted in drafts.items()]
    return _document(definitions, profiles)


@st.composite
def _changed_definitions(draw: st.DrawFn) -> list[dict[str, Any]]:
    changed = st.fixed_dictionaries(
        {}, optional={"default_points": _POINTS, "group": st.sampled_from(GROUPS)}
    )
    definitions = [
        {"key": key, **draw(changed)} for key in draw(st.lists(st.sampled_from(KEYS), unique=True))
    ]
    if draw(st.booleans()):
        later = draw(st.tuples(_POINTS, st.sampled_from(GROUPS)))
        definitions.append(_definition("later", *later, {"policy": "always"}))
    return definitions


@dataclass(frozen=True)
class PublishChapter:
    """A document, applied between batches; then each worker's batches beside the publisher's actions.

    actions: (what, a profile, a number: of steps, of statements until a crash, or of points).
    """

    document: dict[str, Any]
    batches: tuple[tuple[tuple[OracleRecord, ...], ...], ...]
    actions: tuple[tuple[str, str, int], ...]
    turns: tuple[int, ...]


@st.composite
def drawn_records(draw: st.DrawFn, numbers: range) -> tuple[OracleRecord, ...]:
    """Draw events, some of them late: a number's time is not its place."""
    seconds = st.integers(0, 60)
    return tuple(
        numbered_event(
            draw(seconds),
            id=f"e{number}",
            type=draw(st.sampled_from(["deal.won", "deal.won", "deal.lost"])),
            subject=draw(st.sampled_from([*_PEOPLE, f"new-{number}"])),
        )
        for number in numbers
    )


_ON_THE_WAY = ["work", "cut before", "cut after", "adjust"]
_ENDS = ["cancel", "cancel", "cancel", "flip", "flip", "work", "work"]


@st.composite
def _actions(draw: st.DrawFn) -> list[tuple[str, str, int]]:
    """Draw publishes that go some way, and are then cancelled, brought to the flip, or to wherever it is."""
    actions = []
    for _ in range(draw(st.integers(1, 2))):
        profile = draw(st.sampled_from(_PROFILES))
        way = draw(st.lists(st.tuples(st.sampled_from(_ON_THE_WAY), st.integers(1, 12)), max_size=3))
        named = [("begin", 0), *way, (draw(st.sampled_from(_ENDS)), draw(st.integers(1, 20)))]
        actions += [(what, profile, number) for what, number in named]
    return actions


@st.composite
def publish_chapters(draw: st.DrawFn) -> list[PublishChapter]:
    """Draw a chapter of history, and one or two in which it is published anew."""
    chapters: list[PublishChapter] = []
    for place in range(draw(st.integers(2, 3))):
        numbers = [range(100 * place + 5 * batch, 100 * place + 5 * batch + 2) for batch in range(12)]
        batches = [draw(drawn_records(each)) for each in numbers]
        actions = draw(_actions()) if place else []
        turns = draw(st.lists(st.sampled_from([0, 1, 2, 2, 2, 3]), min_size=6, max_size=20))
        document = draw(changed_documents(chapters[-1].document) if place else first_documents())
        chapters.append(
            PublishChapter(document, (tuple(batches[:6]), tuple(batches[6:])), tuple(actions), tuple(turns))
        )
    return chapters
