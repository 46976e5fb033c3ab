"""A timeline over HTTP: what each entry is worth, or why not until when; filters, pages, and that it adds up."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from consumer.infra import postgres
from consumer.scoring import adjustments
from consumer.scoring.adjustments import Adjustment
from consumer.web.api.contacts.timeline import TimelinePage
from consumer.web.http.seal import InstallationSeal
from tests.pipeline.service import apply_document
from tests.web.account_events import BEGIN, happen, record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

GROUPS = [{"key": key, "name": key.title(), "icon": "cart"} for key in ("purchase", "mail")]


def definition(key: str, points: int, group: str = "purchase", **dedup: Any) -> dict[str, Any]:
    return {
        "key": key,
        "name": key,
        "group": group,
        "icon": "trophy",
        "default_points": points,
        "events": [key],
        "dedup": dedup,
    }


DEFINITIONS = [
    definition("always", 10),
    definition("nothing", 0),
    definition("once", 5, policy="once"),
    definition("hourly", 3, "mail", policy="cooldown", interval="1h"),
    definition("daily", 2, "mail", policy="cooldown", interval="1d", per="object"),
]
PLUS = Adjustment(
    account="timely",
    contact="ann",
    profile="lead_score",
    group="mail",
    points=-4,
    reason="wrote in anger",
    author="mia",
    client_key="1",
)
# Of the account, Paris: two hours ahead of UTC in May.
MAY = datetime.fromisoformat("2026-05-03T12:05:00+00:00")
ALL: list[tuple[str, int, dict[str, Any]]] = [
    ("always", 0, {}),
    ("nothing", 1, {}),
    ("once", 2, {}),
    ("once", 60 * 24 * 300, {}),
    ("hourly", 10, {}),
    ("hourly", 30, {}),
    ("hourly", 70, {}),
    ("hourly", 60 * 20, {}),
    ("hourly", 60 * 20 + 30, {"objectid": "ignored"}),
    ("daily", 100, {"objectid": "a"}),
    ("daily", 101, {"objectid": "b"}),
    ("daily", 102, {"objectid": "a"}),
    ("always", 200, {"robot": True}),
]


@pytest.fixture(scope="module")
async def client(api: Api, worker: Service) -> Any:
    """Give a client of an account with one busy contact, whose verdicts are known."""
    document = {
        "engagement_catalog": 1,
        "account": "timely",
        "name": "Timely",
        "time_zone": "Europe/Paris",
        "groups": GROUPS,
        "definitions": DEFINITIONS,
        "profiles": [
            {"key": "lead_score", "name": "Lead score", "primary": True},
            {
                "key": "second",
                "name": "Second",
                "weights": {"once": -7},
                "inherits": False,
                "published": True,
            },
        ],
    }
    await apply_document(api.dsn, document)
    for each in reversed(ALL):  # one by one, the last first: verdicts do not depend on it
        await worker.batch([event(*each)])
    connection = await postgres.connect(api.dsn)
    await adjustments.add(connection, PLUS)
    await adjustments.add(connection, replace(PLUS, group="purchase", points=6, client_key="2"))
    await adjustments.add(connection, replace(PLUS, profile="second", points=1, client_key="3"))
    await connection.close()
    async with api.as_("timely") as client:
        yield client


def event(event_type: str, minutes: int, attributes: dict[str, Any]) -> Any:
    return record("timely", event_type, at=MAY + timedelta(minutes=minutes), **attributes)


async def items(client: Client, contact: str = "ann", **params: Any) -> list[dict[str, Any]]:
    response = await client.get(f"/contacts/{contact}/timeline", params={"limit": 200, **params})
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["items"]
    return found


async def test_a_timeline_is_as_documented(api: Api, client: Client) -> None:
    """Items of every kind, with and without data, are as the model says that documents them."""
    connection = await postgres.connect(api.dsn)
    await InstallationSeal().bind(connection)
    await connection.close()
    for params in ({}, {"data": "true"}, {"limit": "2"}):
        body = (await client.get("/contacts/ann/timeline", params=params)).json()
        # It is made without that model.
        assert TimelinePage.model_validate(body).model_dump(mode="json") == body


async def test_each_entry_says_what_it_is_worth_and_why_not(client: Client) -> None:
    """Points are the weight where an entry counts; else there is why, by a code and in words, and until when."""
    listed = {
        (item["definition"], item["at"][5:16]): (item["points"], item["verdict"], item["why"])
        for item in await items(client)
        if item["kind"] == "event"
    }
    reasons = {
        place: (*rest, why and why["code"], why and why["text"]) for place, (*rest, why) in listed.items()
    }
    assert reasons == {
        ("always", "05-03T12:05"): (10, "counted", None, None),
        ("nothing", "05-03T12:06"): (0, "counted", "weight_zero", "weight 0"),
        ("once", "05-03T12:07"): (5, "counted", None, None),
        ("once", "02-27T12:05"): (
            0,
            "already_counted",
            "already_counted",
            "already counted on 3 May 2026",
        ),
        ("hourly", "05-03T12:15"): (3, "counted", None, None),
        ("hourly", "05-03T12:35"): (0, "cooling_down", "cooling_down", "cooling down until 15:15"),
        ("hourly", "05-03T13:15"): (3, "counted", None, None),
        ("hourly", "05-04T08:05"): (3, "counted", None, None),
        ("hourly", "05-04T08:35"): (0, "cooling_down", "cooling_down", "cooling down until 11:05"),
        ("daily", "05-03T13:45"): (2, "counted", None, None),
        ("daily", "05-03T13:46"): (2, "counted", None, None),
        ("daily", "05-03T13:47"): (0, "cooling_down", "cooling_down", "cooling down until 15:45 on 4 May"),
        ("always", "05-03T15:25"): (0, "excluded", "robot", "excluded: robot event"),
    }
    assert listed["hourly", "05-03T12:35"][2] == {
        "code": "cooling_down",
        "text": "cooling down until 15:15",
        "blocked_by": "2026-05-03T12:15:00.000000Z",
        "until": "2026-05-03T13:15:00.000000Z",
    }


async def test_what_is_said_of_an_entry(client: Client) -> None:
    """An entry names its definition, its group and its event; an adjustment says who gave it and why."""
    listed = await items(client)
    entry = next(item for item in listed if item["at"].startswith("2026-05-03T13:45"))
    assert entry == {
        "kind": "event",
        "at": "2026-05-03T13:45:00.000000Z",
        "points": 2,
        "group": "mail",
        "definition": "daily",
        "name": "daily",
        "icon": "trophy",
        "verdict": "counted",
        "why": None,
        "event": {
            "id": entry["event"]["id"],
            "source": "/crm",
            "type": "daily",
            "object": "a",
            "actor": None,
            "actor_type": None,
            "came_by": None,
            "settled": False,
            "xp": 0,
            "data": None,
            "data_bytes": None,
        },
        "adjustment": None,
    }
    adjusted = [item for item in listed if item["kind"] == "adjustment"]
    assert [(item["points"], item["group"]) for item in adjusted] == [(6, "purchase"), (-4, "mail")]
    assert adjusted[0]["adjustment"] == {
        "id": adjusted[0]["adjustment"]["id"],
        "reason": "wrote in anger",
        "author": "mia",
    }
    assert [item["at"] for item in listed] == sorted((item["at"] for item in listed), reverse=True)


async def test_pages_put_together_are_the_timeline(client: Client) -> None:
    """Pages of any size, put together, are the whole, each item once, adjustments in their places."""
    whole = await items(client)
    assert len(whole) == len(ALL) + 2
    for limit in (1, 4, len(whole)):
        found, cursor = [], None
        while True:
            params = {"limit": limit} | ({"cursor": cursor} if cursor else {})
            page = (await client.get("/contacts/ann/timeline", params=params)).json()
            found += page["items"]
            cursor = page["next"]
            if cursor is None:
                break
        assert found == whole


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"definition": "once"}, ["once", "once"]),
        ({"definition": "once", "verdict": "counted"}, ["once"]),
        ({"group": "mail", "verdict": "cooling_down"}, ["hourly", "daily", "hourly"]),
        ({"verdict": "excluded"}, ["always"]),
        ({"since": "2026-05-04T10:05:00+02:00", "until": "2026-06-01T00:00:00Z"}, ["hourly", "hourly"]),
        ({"since": "2026-05-03T12:05:00Z", "until": "2026-05-03T12:07:00Z"}, ["nothing", "always"]),
        ({"group": "purchase", "definition": "hourly"}, []),
        ({"profile": "second", "group": "mail", "until": "2026-05-03T12:16:00Z"}, ["hourly"]),
    ],
    ids=str,
)
async def test_filters(client: Client, params: dict[str, str], expected: list[str]) -> None:
    """Filters by definition, group, verdict and dates may be put together; the end of a range is outside it."""
    assert [item["definition"] for item in await items(client, **params)] == expected


@pytest.mark.parametrize(
    ("params", "status", "field"),
    [
        ({"definition": "nope"}, 422, "definition"),
        ({"group": "nope"}, 422, "group"),
        ({"verdict": "nope"}, 422, "verdict"),
        ({"since": "2026-05-03T12:05:00"}, 422, "since"),
        ({"until": "9999-12-31T23:59:59-12:00"}, 422, "until"),
        ({"profile": "nope"}, 422, "profile"),
        ({"cursor": "nope"}, 400, None),
    ],
    ids=str,
)
async def test_wrong_questions(
    client: Client, params: dict[str, str], status: int, field: str | None
) -> None:
    """What names something that is not there, or cannot be, is refused by its field."""
    response = await client.get("/contacts/ann/timeline", params=params)
    assert response.status_code == status, response.text
    assert [error["field"] for error in response.json().get("errors", [])] == ([field] if field else [])


@pytest.mark.parametrize("profile", ["lead_score", "second"])
async def test_timeline_explanation_history_and_score_agree(client: Client, profile: str) -> None:
    """Under any profile the points of the timeline, of the explanation and of the last day are the score."""
    params = {"profile": profile}
    contact = (await client.get("/contacts/ann")).json()
    score = next(each for each in contact["profiles"] if each["profile"] == profile)
    listed = await items(client, **params)
    assert sum(item["points"] for item in listed) == score["overall"]
    explained = (await client.get("/contacts/ann/score/explanation", params=params)).json()
    assert explained["overall"] == score["overall"]
    assert {group["group"]: group["points"] for group in explained["groups"]} == score["groups"]
    for group in explained["groups"]:
        lines = [line["count"] * line["weight"] for line in group["definitions"]]
        assert lines == [line["points"] for line in group["definitions"]]
        assert sum(lines) + sum(each["points"] for each in group["adjustments"]) == group["points"]
        inside = [item["points"] for item in listed if item["group"] == group["group"]]
        assert sum(inside) == group["points"]
    body = (await client.get("/contacts/ann/score/history", params=params)).json()
    none = {"overall": 0, "groups": {"purchase": 0, "mail": 0}}
    assert body["carried"] == none
    assert body["before"] == {**none, "band": None, "group_bands": {}}
    assert {name: body["days"][-1][name] for name in ("overall", "groups")} == {
        name: score[name] for name in ("overall", "groups")
    }


async def test_what_a_score_is_made_of(client: Client) -> None:
    """An explanation has a line for each definition that counted, and one for each adjustment."""
    explained = (await client.get("/contacts/ann/score/explanation")).json()
    assert [(group["group"], group["name"], group["points"]) for group in explained["groups"]] == [
        ("purchase", "Purchase", 21),
        ("mail", "Mail", 9),
    ]
    purchase, mail = explained["groups"]
    assert purchase["definitions"] == [
        {"definition": "always", "name": "always", "count": 1, "weight": 10, "points": 10},
        {"definition": "nothing", "name": "nothing", "count": 1, "weight": 0, "points": 0},
        {"definition": "once", "name": "once", "count": 1, "weight": 5, "points": 5},
    ]
    assert [(line["count"], line["points"]) for line in mail["definitions"]] == [(3, 9), (2, 4)]
    assert [(line["points"], line["author"]) for line in mail["adjustments"]] == [(-4, "mia")]


async def test_the_score_by_day(client: Client) -> None:
    """A day ends with what counted until then; days are the account's, and begin where they are asked to."""
    body = (await client.get("/contacts/ann/score/history", params={"until": "2026-05-04"})).json()
    assert body["time_zone"] == "Europe/Paris"
    no_bands: dict[str, Any] = {"band": None, "group_bands": {}}
    assert body["days"] == [
        {"day": "2026-05-03", "overall": 25, "groups": {"purchase": 15, "mail": 10}, **no_bands},
        {"day": "2026-05-04", "overall": 28, "groups": {"purchase": 15, "mail": 13}, **no_bands},
    ]
    later = (await client.get("/contacts/ann/score/history", params={"since": "2026-05-04"})).json()
    assert later["before"]["overall"] == 25
    assert [day["overall"] for day in later["days"]] == [28, 30]


async def test_what_stays_whatever_comes_blocks_on_both_sides(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """An entry that cools down because of what came a week late, after it, says until when that blocks."""
    account = await new_account(groups=GROUPS, definitions=DEFINITIONS)
    late: dict[str, Any] = {"timestamp": MAY + timedelta(days=9)}
    await worker.batch([record(account, "hourly", at=MAY + timedelta(minutes=30), **late)])
    await worker.batch(
        [record(account, "hourly", at=MAY + timedelta(minutes=number)) for number in (0, 89, 95)]
    )
    await worker.batch([record(account, "hourly", at=MAY + timedelta(minutes=100), **late)])
    async with api.as_(account) as client:
        rows = [
            (
                item["at"][11:16],
                item["verdict"],
                item["event"]["settled"],
                item["why"] and item["why"]["text"],
            )
            for item in reversed(await items(client))
        ]
    assert rows == [
        ("12:05", "cooling_down", False, "cooling down until 13:35"),
        ("12:35", "counted", True, None),
        ("13:34", "cooling_down", False, "cooling down until 13:35"),
        ("13:40", "counted", False, None),
        ("13:45", "cooling_down", True, "cooling down until 14:40"),
    ]


async def test_what_is_no_longer_on_the_timeline_is_carried(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """Points of deleted entries stay: the carried item has them, and the history starts with them."""
    account = await new_account(groups=GROUPS, definitions=DEFINITIONS)
    await worker.batch([record(account, "always", at=BEGIN + timedelta(days=number)) for number in range(4)])
    connection = await postgres.connect(api.dsn)
    await connection.execute(
        "delete from timeline using accounts a where a.id = account_id and a.key = $1 and occurred_at < $2",
        account,
        BEGIN + timedelta(days=2),
    )
    await connection.close()
    async with api.as_(account) as client:
        listed = await items(client)
        assert [(item["kind"], item["points"]) for item in listed] == [
            ("event", 10),
            ("event", 10),
            ("carried", 20),
        ]
        first = (await client.get("/contacts/ann/timeline", params={"limit": 2})).json()
        assert len(first["items"]) == 2
        last = await client.get("/contacts/ann/timeline", params={"limit": 2, "cursor": first["next"]})
        assert (last.json()["items"], last.json()["next"]) == (listed[2:], None)
        assert [item["kind"] for item in await items(client, group="mail")] == []
        assert [item["kind"] for item in await items(client, verdict="cooling_down")] == []
        body = (await client.get("/contacts/ann/score/history")).json()
    assert body["carried"] == {"overall": 20, "groups": {"purchase": 20, "mail": 0}}
    assert [day["overall"] for day in body["days"]] == [30, 40]


async def test_data_comes_on_request(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """With `data=true` each event has what came with it, numbers of any size too; what is too large, its size."""
    account = await new_account(groups=GROUPS, definitions=DEFINITIONS)
    small = '{"amount": 1e400, "note": "a\\u0000b", "deep": {"list": [1, null]}}'
    large = json.dumps({"note": "x" * 20_000})
    await happen(worker, account, "always", data=small)
    await happen(worker, account, "always", data=large)
    await happen(worker, account, "always", data="{}")
    async with api.as_(account) as client:
        plain = (await client.get("/contacts/ann/timeline")).json()["items"]
        items = (await client.get("/contacts/ann/timeline", params={"data": True})).json()["items"]
    assert {(one["event"]["data"], one["event"]["data_bytes"]) for one in plain} == {(None, None)}
    assert [one["event"]["data"] for one in items] == [
        {},
        None,
        {"amount": sys.float_info.max, "note": "a\0b", "deep": {"list": [1, None]}},
    ]
    assert [one["event"]["data_bytes"] for one in items] == [2, len(large), len(small)]
