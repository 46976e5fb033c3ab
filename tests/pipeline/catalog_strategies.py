"""The catalogs that Hypothesis draws: two accounts' first documents, and changes of them.

Owns what a drawn document says. Never applies one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.pipeline.frame_strategies import frames, moved_thresholds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

ACCOUNTS = ("north", "south")
GROUPS = ("support", "purchase", "marketing")
# Keys without underscores sort the same under every collation a server may have.
KEYS = ("first", "rolling", "seldom", "large")
LATER = "later"


def elsewhere(account: str) -> str:
    """Name the account in which the events of another happen once more."""
    return f"{account}-again"


points = st.sampled_from([10, 25, 0, -5])
worths = st.sampled_from([20, 20, 5, 0])
groups = st.sampled_from(GROUPS)
types = st.lists(st.sampled_from(["deal.won", "deal.lost", "message.sent"]), min_size=1, unique=True)
pers = st.sampled_from(["contact", "object"])


def once() -> st.SearchStrategy[dict[str, str]]:
    """Draw a policy that counts the first event of a key."""
    return st.builds(lambda per: {"policy": "once", "per": per}, pers)


def cooldowns(step: timedelta) -> st.SearchStrategy[dict[str, str]]:
    """Draw a cooldown of whole steps: a few, or more than there are ticks."""
    return st.builds(
        lambda steps, per: {
            "policy": "cooldown",
            "interval": f"{int(steps * step.total_seconds())}s",
            "per": per,
        },
        st.sampled_from([1, 2, 3, 5, 40]),
        pers,
    )


def dedups(step: timedelta) -> st.SearchStrategy[dict[str, str]]:
    """Draw any policy."""
    return st.one_of(cooldowns(step), once(), st.just({"policy": "always"}))


@st.composite
def first_documents(draw: st.DrawFn, step: timedelta) -> list[dict[str, Any]]:
    """Draw the document that creates each account: every policy, two published profiles and a draft."""
    return [draw(_first_document(account, step)) for account in ACCOUNTS]


@st.composite
def _first_document(draw: st.DrawFn, account: str, step: timedelta) -> dict[str, Any]:
    large = {"path": "amount", "op": "gte", "value": 100}
    policies = (draw(once()), draw(cooldowns(step)), draw(cooldowns(step)), draw(dedups(step)))
    events = (["deal.won"], ["deal.won", "deal.lost"], draw(types), draw(types))
    definitions = [
        draw(_definition(key, dedup, named)) for key, dedup, named in zip(KEYS, policies, events, strict=True)
    ]
    definitions[-1]["when"] = [large]
    return {
        "engagement_catalog": 1,
        "account": account,
        "name": account,
        "sales": draw(st.sampled_from([True] * 5 + [False])),
        "count_robots": draw(st.booleans()),
        "groups": [{"key": group, "name": group, "icon": "cart"} for group in GROUPS],
        "definitions": definitions,
        "profiles": [
            {**draw(_profile("lead_score")), "primary": True, "published": True},
            {**draw(_profile("second")), "published": True},
            {**draw(_profile("draft")), "published": False},
        ],
    }


@st.composite
def _definition(draw: st.DrawFn, key: str, dedup: dict[str, str], events: list[str]) -> dict[str, Any]:
    return {
        "key": key,
        "name": key,
        "group": draw(groups),
        "icon": "trophy",
        "default_points": draw(points),
        "xp": draw(worths),
        "events": events,
        "dedup": dedup,
    }


@st.composite
def _profile(draw: st.DrawFn, key: str) -> dict[str, Any]:
    """Draw a profile; its weights may name a definition that comes later, or never."""
    weights = draw(st.dictionaries(st.sampled_from([*KEYS, LATER]), points, max_size=3))
    framed = draw(frames(GROUPS))
    return {"key": key, "name": key, "inherits": draw(st.booleans()), "weights": weights, **framed}


@st.composite
def changes(
    draw: st.DrawFn, step: timedelta, before: Sequence[Sequence[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """Draw one document for each account that changes policies, and perhaps all else that a batch minds.

    before: the documents of each chapter before. Now and then a publish moves thresholds alone.
    """
    documents = []
    for account in ACCOUNTS:
        earlier = [one for chapter in before for one in chapter if one["account"] == account]
        only_thresholds = draw(st.sampled_from([False, False, False, True]))
        documents.append(
            draw(_moved_thresholds(account, step, earlier) if only_thresholds else _change(account, step))
        )
    return documents


@st.composite
def _moved_thresholds(
    draw: st.DrawFn, account: str, step: timedelta, earlier: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Draw bands anew, which are published, where profiles have the weights and bounds of earlier documents."""
    framed = {profile["key"]: profile for document in earlier for profile in document.get("profiles", [])}
    changed = draw(st.lists(st.sampled_from(KEYS), min_size=1, unique=True))
    return {
        "engagement_catalog": 1,
        "account": account,
        "definitions": [{"key": key, "dedup": draw(dedups(step))} for key in changed],
        "profiles": [
            {"key": key, "published": True, **draw(moved_thresholds(framed[key]))}
            for key in ("lead_score", "second")
        ],
    }


@st.composite
def _change(draw: st.DrawFn, account: str, step: timedelta) -> dict[str, Any]:
    settings = st.fixed_dictionaries({}, optional={"sales": st.booleans(), "count_robots": st.booleans()})
    changed = draw(st.lists(st.sampled_from(KEYS), min_size=1, unique=True))
    definitions = [{"key": key, **draw(_changed_definition(step))} for key in changed]
    if draw(st.booleans()):
        # Created by the first change that names it; it joins the published versions that inherit.
        definitions.append(draw(_definition(LATER, draw(dedups(step)), ["deal.won"])))
    # Now and then what has changed is published, over history.
    published = draw(st.sampled_from([False] * 7 + [True]))
    profiles = [{**draw(_profile(key)), "published": True} for key in ("lead_score", "second") if published]
    return {
        "engagement_catalog": 1,
        "account": account,
        **draw(settings),
        "definitions": definitions,
        **({"profiles": profiles} if profiles else {}),
    }


def _changed_definition(step: timedelta) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"dedup": dedups(step)},
        optional={
            "default_points": points,
            "xp": worths,
            "group": groups,
            "active": st.sampled_from([True, True, False]),
        },
    )
