"""Scores under bounds, groups apart and bands: every answer shows the same points, and all of it adds up."""

from __future__ import annotations

import csv
import io
import itertools
import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from consumer.infra import postgres
from consumer.infra.clock import SystemClock
from consumer.scoring import adjustments
from consumer.scoring.adjustments import Adjustment
from consumer.web.api.contacts.contacts import ContactPage
from consumer.web.api.contacts.scores import LookupAnswer
from consumer.web.api.contacts.timeline import TimelinePage
from tests.pipeline.service import apply_document
from tests.web.account_events import record

if TYPE_CHECKING:
    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

_GROUPS = ("purchase", "mail", "fit")
_POINTS = {
    "bought": ("purchase", 30),
    "returned": ("purchase", -20),
    "read": ("mail", 7),
    "fits": ("fit", 10),
}
_OVERALL = [{"key": "cold"}, {"key": "warm", "min": 20}, {"key": "hot", "min": 50}]
_FIT = [{"key": "C"}, {"key": "B", "min": 10}, {"key": "A", "min": 20}]
_FRAMES = {
    "overall": {"floor": 0, "cap": 60, "bands": _OVERALL},
    "groups": {"purchase": {"floor": -10, "cap": 50}, "fit": {"cap": 25, "apart": True, "bands": _FIT}},
}
_GIVEN = Adjustment(
    account="framed",
    contact="c1",
    profile="lead_score",
    group="mail",
    points=40,
    reason="asked for a demo",
    author="mia",
    client_key="1",
)


def _document() -> dict[str, Any]:
    return {
        "engagement_catalog": 1,
        "account": "framed",
        "name": "Framed",
        "groups": [{"key": key, "name": key.title(), "icon": "cart"} for key in _GROUPS],
        "definitions": [
            {
                "key": event_type,
                "name": event_type,
                "group": group,
                "icon": "trophy",
                "default_points": points,
                "events": [event_type],
            }
            for event_type, (group, points) in _POINTS.items()
        ],
        "profiles": [
            {"key": "lead_score", "name": "Lead score", "primary": True, **_FRAMES},
            {"key": "plain", "name": "Plain", "published": True},
        ],
    }


@pytest.fixture(scope="module")
async def sums(api: Api, worker: Service) -> dict[str, dict[str, int]]:
    """Give forty contacts of the account `framed` with the sums of their groups, many beyond the bounds."""
    await apply_document(api.dsn, _document())
    chance = random.Random(3)
    found: dict[str, dict[str, int]] = {}
    records = []
    for number in range(40):
        contact = f"c{number}"
        found[contact] = {}
        records.append(record("framed", "contact.upserted", subject=contact, data="{}"))
        for _ in range(chance.randrange(7)):
            event_type = chance.choice([*_POINTS])
            records.append(record("framed", event_type, subject=contact))
            group, points = _POINTS[event_type]
            found[contact][group] = found[contact].get(group, 0) + points
    await worker.batch(records)
    connection = await postgres.connect(api.dsn)
    for given in (_GIVEN, replace(_GIVEN, group="fit", points=-15, client_key="2")):
        await adjustments.add(connection, given)
        found["c1"][given.group] = found["c1"].get(given.group, 0) + given.points
    await connection.close()
    return found


@pytest.fixture
async def client(api: Api, sums: dict[str, dict[str, int]]) -> Any:
    """Give a client of that account."""
    assert sums
    async with api.as_("framed") as client:
        yield client


def _shown(sums: dict[str, int]) -> dict[str, int]:
    """Compute shown points by group, and of overall (''), by the rules alone."""
    groups = {
        "purchase": max(-10, min(50, sums.get("purchase", 0))),
        "mail": sums.get("mail", 0),
        "fit": min(25, sums.get("fit", 0)),
    }
    return {**groups, "": max(0, min(60, groups["purchase"] + groups["mail"]))}


def _score(sums: dict[str, int]) -> dict[str, Any]:
    shown = _shown(sums)
    overall = shown.pop("")
    band = "hot" if overall >= 50 else "warm" if overall >= 20 else "cold"
    grade = "A" if shown["fit"] >= 20 else "B" if shown["fit"] >= 10 else "C"
    return {"overall": overall, "band": band, "groups": shown, "group_bands": {"fit": grade}}


def _part(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: answer[name] for name in ("overall", "band", "groups", "group_bands")}


async def test_all_answers_show_the_same(client: Client, sums: dict[str, dict[str, int]]) -> None:
    """List, lookup, contact and file have shown points and bands, and name the groups apart (5.25 to 5.32)."""
    expected = {contact: _score(of) for contact, of in sums.items()}
    assert {of["band"] for of in expected.values()} == {"cold", "warm", "hot"}
    page = (await client.get("/contacts", params={"limit": 200, "change": "true"})).json()
    assert ContactPage.model_validate(page).model_dump(mode="json") == page
    assert {item["id"]: _part(item) for item in page["items"]} == expected
    assert page["apart"] == ["fit"]
    looked = (await client.post("/scores/lookup", json={"contacts": [*sums], "change": True})).json()
    assert LookupAnswer.model_validate(looked).model_dump(mode="json") == looked
    assert {item["asked"]: _part(item["contact"]) for item in looked["items"]} == expected
    assert looked["apart"] == ["fit"]
    for contact in ("c0", "c2", "c3"):
        framed, plain = (await client.get(f"/contacts/{contact}")).json()["profiles"]
        assert (_part(framed), framed["apart"]) == (expected[contact], ["fit"])
        of = sums[contact]
        assert (plain["overall"], plain["band"], plain["apart"]) == (sum(of.values()), None, [])
        assert (plain["groups"], plain["group_bands"]) == (dict.fromkeys(_GROUPS, 0) | of, {})
    rows = list(csv.DictReader(io.StringIO((await client.get("/contacts.csv")).text.lstrip("\ufeff"))))
    assert [*rows[0]][-6:] == ["overall", "overall.band", *_GROUPS, "fit.band"]
    for row in rows:
        score = expected[row["id"]]
        assert (int(row["overall"]), row["overall.band"]) == (score["overall"], score["band"])
        assert ({group: int(row[group]) for group in _GROUPS}) == score["groups"]
        assert row["fit.band"] == score["group_bands"]["fit"]
    plain_file = (await client.get("/contacts.csv", params={"profile": "plain"})).text
    assert plain_file.splitlines()[0].endswith("overall,purchase,mail,fit")


async def test_changes_are_of_what_is_shown(api: Api, worker: Service) -> None:
    """What is shown now less what would have been shown then: 60 days ago 30 points, 10 days ago 60, now 40."""
    await apply_document(api.dsn, {**_document(), "account": "lately"})
    now = SystemClock().now()
    happened = {60: ["bought", "fits"], 10: ["bought"], 3: ["returned", "fits", "fits"]}
    await worker.batch(
        [
            record("lately", event_type, at=now - timedelta(days=days), subject="ann")
            for days, types in happened.items()
            for event_type in types
        ]
    )
    async with api.as_("lately") as client:
        asked = {"change": "true", "trend": "true"}
        [listed] = (await client.get("/contacts", params=asked)).json()["items"]
        looked = (await client.post("/scores/lookup", json={"contacts": ["ann"], "change": True})).json()
        framed, plain = (await client.get("/contacts/ann")).json()["profiles"]
        file = (await client.get("/contacts.csv", params={"change": "true"})).text
    assert listed["change"] == {
        "days_7": {"overall": -10, "groups": {"purchase": -10, "fit": 15}},
        "days_30": {"overall": 10, "groups": {"purchase": 10, "fit": 15}},
    }
    assert listed["trend"] == {
        "overall": [50, 50, 50, 50, 40, 40, 40, 40],
        "groups": {"purchase": [50, 50, 50, 50, 40, 40, 40, 40], "fit": [10, 10, 10, 10, 25, 25, 25, 25]},
    }
    assert framed["change"] == looked["items"][0]["contact"]["change"] == listed["change"]
    assert plain["change"]["days_7"] == {"overall": 0, "groups": {"purchase": -20, "fit": 20}}
    assert ",40,warm,-10,10,40,0,25,A" in file


_LISTS: list[dict[str, Any]] = [
    dict(itertools.chain.from_iterable(each))
    for each in itertools.product(
        [(), [("sort", "score")], [("sort", "-score.purchase")], [("sort", "score.fit")]],
        [(), [("group", "purchase")], [("group", "fit")]],
        [
            (),
            [("min", 50)],
            [("min", 60)],
            [("max", 0)],
            [("min", -10), ("max", 50)],
            [("min", 61)],
            [("max", -11)],
        ],
        [(), [("band", "hot")], [("band", "cold")], [("band", "A")], [("band", "C")]],
    )
]


@pytest.mark.parametrize("few", [5000, 3])
async def test_ranges_and_bands_of_lists(
    client: Client, sums: dict[str, dict[str, int]], monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """`min`, `max` and `band` are of shown points, whichever way is taken; the order is that of sums (5.29)."""
    monkeypatch.setattr("consumer.web.api.contacts.list_filters._MAX_CANDIDATES", few)
    lists = 0
    for params in _LISTS:
        found = await client.get("/contacts", params={"limit": 200, "total": "true", **params})
        expected = _expected(sums, **params)
        if expected is None:
            assert found.status_code == 422, params
            assert [fault["field"] for fault in found.json()["errors"]] == ["band"]
            continue
        lists += len(expected) > 0
        body = found.json()
        assert [item["id"] for item in body["items"]] == expected, params
        assert body["total"] == {"contacts": len(expected), "exact": True}, params
    assert lists > 60


def _expected(sums: dict[str, dict[str, int]], **params: Any) -> list[str] | None:
    """Return the ids of a list; None: there is no such band."""
    sort: str = params.get("sort", f"-score.{params['group']}" if "group" in params else "-score")
    sorted_by = sort.partition(".")[2]
    ranged = params.get("group", sorted_by)
    of_group = {"": ["cold", "warm", "hot"], "fit": ["C", "B", "A"], "purchase": []}[ranged]
    if "band" in params and params["band"] not in of_group:
        return None
    listed = []
    for number, contact in enumerate(sorted(sums)):
        of, score = sums[contact], _score(sums[contact])
        if {sorted_by, ranged} - {"", *of}:
            continue
        within = score["groups"][ranged] if ranged else score["overall"]
        band = score["group_bands"].get(ranged) if ranged else score["band"]
        by = of[sorted_by] if sorted_by else max(-10, min(50, of.get("purchase", 0))) + of.get("mail", 0)
        if params.get("min", -999) <= within <= params.get("max", 999) and params.get("band", band) == band:
            listed.append((by, number, contact))
    return [contact for _, _, contact in sorted(listed, reverse=sort.startswith("-"))]


async def test_segments_are_of_what_is_shown(client: Client, sums: dict[str, dict[str, int]]) -> None:
    """A segment's bounds of a score mean shown points, in its count and in its list."""
    bounded = {"score": {"min": 60, "max": 60}}
    in_group = {"score": {"group": "fit", "min": 25}}
    shown = {contact: _shown(of) for contact, of in sums.items()}
    expected = {
        "capped": {contact for contact, of in shown.items() if of[""] == 60},
        "fitting": {contact for contact, of in shown.items() if of["fit"] == 25},
    }
    await _require_members(client, {"capped": bounded, "fitting": in_group}, expected)


async def test_segments_by_band(client: Client, sums: dict[str, dict[str, int]]) -> None:
    """A segment has the contacts whose band is one of those it names, of overall or a group, and no others."""
    scores = {contact: _score(of) for contact, of in sums.items()}
    asked: dict[str, dict[str, Any]] = {
        "hot": {"band": {"in": ["hot"]}},
        "not_warm": {"band": {"in": ["hot", "cold"], "group": None}},
        "warm": {"not": {"band": {"in": ["cold", "hot"]}}},
        "unfit": {"band": {"in": ["C"], "group": "fit"}},
        "extreme": {"band": {"in": ["A", "C"], "group": "fit"}},
        "fitting_well": {"band": {"in": ["A", "B"], "group": "fit"}},
        "anyhow": {"band": {"in": ["cold", "warm", "hot"]}},
    }
    expected = {
        "hot": {who for who, of in scores.items() if of["band"] == "hot"},
        "not_warm": {who for who, of in scores.items() if of["band"] != "warm"},
        "warm": {who for who, of in scores.items() if of["band"] == "warm"},
        "unfit": {who for who, of in scores.items() if of["group_bands"]["fit"] == "C"},
        "extreme": {who for who, of in scores.items() if of["group_bands"]["fit"] != "B"},
        "fitting_well": {who for who, of in scores.items() if of["group_bands"]["fit"] != "C"},
        "anyhow": {*scores},
    }
    assert [who for who in expected["unfit"] if "fit" not in sums[who]], "0 has no row, and a band"
    await _require_members(client, asked, expected)
    for key in asked:
        await client.edit(f"/segments/{key}", {}, method="DELETE")


async def _require_members(
    client: Client, asked: dict[str, dict[str, Any]], expected: dict[str, set[str]]
) -> None:
    """Check the members of a segment on each condition: in its counts, its list and its file."""
    assert all(expected.values())
    for key, condition in asked.items():
        made = await client.post("/segments", json={"key": key, "name": key, "match": {"all": [condition]}})
        assert made.status_code == 201, made.text
        listed = await client.get("/contacts", params={"segment": key, "limit": 100})
        assert {item["id"] for item in listed.json()["items"]} == expected[key], key
        assert (await client.get(f"/segments/{key}")).json()["count"]["contacts"] == len(expected[key])
        file = (await client.get("/contacts.csv", params={"segment": key, "sort": "score"})).text
        assert {line.split(",")[0] for line in file.splitlines()[1:]} == expected[key]
        counted = await client.post("/segments/count", json={"match": {"all": [condition]}})
        assert counted.json()["contacts"] == len(expected[key]), counted.text


async def test_bands_of_a_list_by_last_event(client: Client, sums: dict[str, dict[str, int]]) -> None:
    """Without a group, a list by last event asks for bands of overall; with one, for those of the group."""
    for params, name in (({"band": "hot"}, "band"), ({"band": "A", "group": "fit"}, "group_bands")):
        body = (
            await client.get("/contacts", params={"sort": "last_event_at", "limit": 200, **params})
        ).json()
        wanted = params["band"] if name == "band" else {"fit": params["band"]}
        expected = {who for who, of in sums.items() if of and _score(of)[name] == wanted}
        assert {item["id"] for item in body["items"]} == expected


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"band": "A"}, "there is no band A of overall: profile lead_score has cold, warm, hot"),
        (
            {"band": "hot", "group": "fit"},
            "there is no band hot of group fit: profile lead_score has C, B, A",
        ),
        (
            {"band": "hot", "sort": "score.mail"},
            "there is no band hot of group mail: profile lead_score has none",
        ),
        ({"band": "hot", "profile": "plain"}, "there is no band hot of overall: profile plain has none"),
    ],
    ids=str,
)
async def test_unknown_bands(client: Client, params: dict[str, str], says: str) -> None:
    """A band that there is not is refused with those that there are."""
    response = await client.get("/contacts", params=params)
    assert response.status_code == 422, response.text
    assert [(fault["field"], fault["detail"]) for fault in response.json()["errors"]] == [("band", says)]


async def test_explanations_add_up(client: Client, sums: dict[str, dict[str, int]]) -> None:
    """Lines and what bounds add are the shown points, of each group and of overall (5.30)."""
    bounded = set()
    for contact, of in sums.items():
        body = (await client.get(f"/contacts/{contact}/score/explanation")).json()
        score = _score(of)
        assert (body["overall"], body["band"]) == (score["overall"], score["band"])
        assert {group["group"]: group["points"] for group in body["groups"]} == score["groups"]
        for group in body["groups"]:
            lines = [line["points"] for line in (*group["definitions"], *group["adjustments"])]
            assert sum(lines) == of.get(group["group"], 0)
            assert sum(lines) + group["bounded"] == group["points"]
            assert group["apart"] == (group["group"] == "fit")
            assert group["band"] == score["group_bands"].get(group["group"])
            bounded |= {group["group"]} if group["bounded"] else set()
        added = sum(group["points"] for group in body["groups"] if not group["apart"]) + body["bounded"]
        assert added == body["overall"]
        bounded |= {""} if body["bounded"] else set()
    assert bounded == {"", "purchase", "fit"}


async def _timeline(client: Client, contact: str, limit: int, **params: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        path = f"/contacts/{contact}/timeline"
        page = (await client.get(path, params={"limit": limit, **params, **cursor})).json()
        assert TimelinePage.model_validate(page).model_dump(mode="json") == page
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


async def test_timelines_add_up(client: Client, sums: dict[str, dict[str, int]]) -> None:
    """Items of a group, with its bounded line, are its shown points; without groups apart, overall (5.30)."""
    most = 0
    for contact, of in sums.items():
        score = _score(of)
        items = await _timeline(client, contact, 200)
        for limit in (1, 2):
            assert await _timeline(client, contact, limit) == items
        assert sum(item["points"] for item in items if item["group"] != "fit") == score["overall"]
        for group in _GROUPS:
            inside = await _timeline(client, contact, 200, group=group)
            assert sum(item["points"] for item in inside) == score["groups"][group]
        last = [item for item in items if item["kind"] == "bounded"]
        assert items[len(items) - len(last) :] == last
        most = max(most, len(last))
        file = (await client.get(f"/contacts/{contact}/timeline.csv")).text.lstrip("\ufeff")
        rows = list(csv.DictReader(io.StringIO(file)))
        assert [(row["kind"], int(row["points"])) for row in rows] == [
            (item["kind"], item["points"]) for item in items
        ]
    assert most > 1
    assert not [
        item
        for contact in sums
        for item in await _timeline(client, contact, 200, profile="plain")
        if item["kind"] == "bounded"
    ]


async def test_carried_points_are_bounded_too(api: Api, worker: Service) -> None:
    """Carried points of a group apart have a line of their own; what bounds take comes after it, page by page."""
    await apply_document(api.dsn, {**_document(), "account": "carrying"})
    await worker.batch(
        [record("carrying", each) for each in ("bought", "bought", "read", "fits", "fits", "fits")]
    )
    connection = await postgres.connect(api.dsn)
    await connection.execute(
        "delete from timeline using accounts a where a.id = account_id and a.key = 'carrying'"
    )
    await connection.close()
    async with api.as_("carrying") as client:
        for limit in (1, 3, 200):
            items = await _timeline(client, "ann", limit)
            assert [(item["kind"], item["group"], item["points"]) for item in items] == [
                ("carried", None, 67),
                ("carried", "fit", 30),
                ("bounded", "purchase", -10),
                ("bounded", "fit", -5),
            ]
        history = (await client.get("/contacts/ann/score/history")).json()
    assert history["carried"] == {"overall": 67, "groups": {"purchase": 60, "mail": 7, "fit": 30}}
    assert _part(history["before"]) == _score({"purchase": 60, "mail": 7, "fit": 30})


async def test_each_day_is_bounded(api: Api, worker: Service) -> None:
    """A day shows its sums within the bounds, and is listed if what is shown has changed (5.28)."""
    document = {**_document(), "account": "daily", "time_zone": "UTC"}
    await apply_document(api.dsn, document)
    happened = {
        1: ["bought"],
        2: ["bought"],
        3: ["bought"],
        4: ["returned"],
        5: ["returned"] * 2,
        6: ["fits"],
    }
    await worker.batch(
        [
            record("daily", event_type, at=datetime(2026, 5, day, 12, tzinfo=UTC), subject="ann")
            for day, types in happened.items()
            for event_type in types
        ]
    )
    async with api.as_("daily") as client:
        body = (await client.get("/contacts/ann/score/history")).json()
        late = (await client.get("/contacts/ann/score/history", params={"since": "2026-05-04"})).json()
    days = [(day["day"][-1], day["overall"], day["band"], day["group_bands"]["fit"]) for day in body["days"]]
    assert days == [
        ("1", 30, "warm", "C"),
        ("2", 50, "hot", "C"),
        ("5", 30, "warm", "C"),
        ("6", 30, "warm", "B"),
    ]
    assert body["apart"] == ["fit"]
    assert _part(late["before"]) == _score({"purchase": 90})


async def test_a_join_shows_what_it_would_make_of_what_is_shown(
    client: Client, sums: dict[str, dict[str, int]]
) -> None:
    """The preview of a join is of shown points, before and after; what is exported of a contact is, too."""
    beyond = [who for who, of in sums.items() if of.get("purchase", 0) > 50]
    one, other = beyond[:2]
    body = (await client.post(f"/contacts/{one}/joins/preview", json={"into": other})).json()
    joined = {group: sums[one].get(group, 0) + sums[other].get(group, 0) for group in _GROUPS}
    found = {each["group"] or "": each for each in body["profiles"]["lead_score"]}
    for group, each in found.items():
        expected = [_shown(of)[group] for of in (sums[one], sums[other], joined)]
        assert [each["contact"], each["into"], each["joined"]] == expected, group
    assert found["purchase"]["joined"] == 50
    exported = [json.loads(line) for line in (await client.get(f"/contacts/{one}/export")).text.splitlines()]
    scores = {
        each["score"]["group"] or "": (each["score"]["points"], each["score"]["band"])
        for each in exported
        if each.get("score", {}).get("profile") == "lead_score"
    }
    score = _score(sums[one])
    assert scores[""] == (score["overall"], score["band"])
    assert scores["purchase"] == (50, None)
