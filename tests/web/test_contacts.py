"""Lists of contacts by score: every order and filter, page by page, whatever happens between two pages."""

from __future__ import annotations

import itertools
import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from consumer import catalog
from consumer.infra import postgres
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.scoring import profile_publish
from consumer.web.api.contacts.contacts import ContactPage
from tests.pipeline.service import apply_document
from tests.web.account_events import happen, record
from tests.web.three_definitions import DEFINITIONS, GROUPS, POINTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client


@pytest.fixture(scope="module")
async def base(api: Api, worker: Service) -> dict[str, dict[str, int]]:
    """Give forty contacts of the account `base` with their groups' points by a sum of our own; many are equal."""
    await apply_document(api.dsn, _document("base"))
    chance = random.Random(6)
    points: dict[str, dict[str, int]] = {}

    records = []
    for number in range(40):
        contact = f"c{number}"
        said = {"owner": f"rep{number % 3}", "name": f"Contact {number}", "email": f"{contact}@example.com"}
        data = json.dumps({**said, "tags": ["vip", "late"][: number % 3]})
        records.append(record("base", "contact.upserted", subject=contact, data=data))
        points[contact] = {}
        for _ in range(chance.randrange(5)):
            event_type = chance.choice([*POINTS])
            records.append(record("base", event_type, subject=contact))
            group, worth = POINTS[event_type]
            points[contact][group] = points[contact].get(group, 0) + worth
    await worker.batch(records)
    return points


def _document(account: str) -> dict[str, Any]:
    return {
        "engagement_catalog": 1,
        "account": account,
        "name": account,
        "groups": GROUPS,
        "definitions": DEFINITIONS,
    }


async def _pages(client: Client, limit: int = 11, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        response = await client.get("/contacts", params={**params, "limit": limit, **cursor})
        assert response.status_code == 200, response.text
        page = response.json()
        assert len(page["items"]) <= limit
        found += page["items"]
        if page["next"] is None:
            return found
        assert len(page["items"]) == limit
        cursor = {"cursor": page["next"]}


FILTERS: list[dict[str, Any]] = [
    dict(itertools.chain.from_iterable(each))
    for each in itertools.product(
        [(), [("sort", "score")], [("sort", "-score.purchase")], [("sort", "score.mail")]],
        [(), [("group", "purchase")], [("group", "mail")]],
        [(), [("min", 3), ("max", 12)], [("max", 0)]],
        [(), [("owner", "rep1")]],
    )
]


@pytest.mark.parametrize("few", [5000, 3])
async def test_every_order_and_filter(
    api: Api, base: dict[str, dict[str, int]], monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """Pages put together are those that pass the filters, in order, each once, whichever way is taken there."""
    monkeypatch.setattr("consumer.web.api.contacts.list_filters._MAX_CANDIDATES", few)
    async with api.as_("base") as client:
        for filters in FILTERS:
            found = [item["id"] for item in await _pages(client, **filters)]
            assert found == _expected(base, **filters), filters


def _expected(base: dict[str, dict[str, int]], **filters: Any) -> list[str]:
    sort: str = filters.get("sort", f"-score.{filters['group']}" if "group" in filters else "-score")
    sorted_by = sort.partition(".")[2]
    ranged = filters.get("group", sorted_by)

    def points(contact: str, group: str) -> int | None:
        return base[contact].get(group) if group else sum(base[contact].values())

    listed = []
    # Contacts of one batch are numbered in the order of their ids.
    for number, contact in enumerate(sorted(base)):
        by, within = points(contact, sorted_by), points(contact, ranged)
        owner = f"rep{int(contact[1:]) % 3}"
        if by is None or within is None or filters.get("owner", owner) != owner:
            continue
        if filters.get("min", -99) <= within <= filters.get("max", 99):
            listed.append((by, number, contact))
    return [contact for _, _, contact in sorted(listed, reverse=sort.startswith("-"))]


async def test_what_is_said_of_a_contact(api: Api, base: dict[str, dict[str, int]]) -> None:
    """A contact has its fields, when it was seen, and the points of all groups, which add up to overall."""
    async with api.as_("base") as client:
        page = (
            await client.get("/contacts", params={"limit": 200, "change": "true", "total": "true"})
        ).json()
        # It is made without the model that documents it.
        assert ContactPage.model_validate(page).model_dump(mode="json") == page
        page = (await client.get("/contacts", params={"limit": 200})).json()
        assert ContactPage.model_validate(page).model_dump(mode="json") == page
    assert (page["profile"], page["version"], page["engagement"], page["next"]) == (
        "lead_score",
        1,
        True,
        None,
    )
    for item in page["items"]:
        number = int(item["id"][1:])
        assert item == {
            "id": item["id"],
            "name": f"Contact {number}",
            "owner": f"rep{number % 3}",
            "email": f"c{number}@example.com",
            "tags": ["vip", "late"][: number % 3],
            "first_seen_at": item["first_seen_at"],
            "last_event_at": item["last_event_at"],
            "last_event": item["last_event"],
            "trend": None,
            "place": None,
            "overall": sum(base[item["id"]].values()),
            "band": None,
            "groups": {"purchase": 0, "mail": 0, **base[item["id"]]},
            "group_bands": {},
            "change": None,
        }
        assert (item["last_event_at"] is None) == (not base[item["id"]])
        assert [*item["groups"]] == ["purchase", "mail"]


async def test_pages_stay_right_while_scores_change(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """A contact whose score does not change is on exactly one page, though others move and new ones come."""
    account = await new_account(groups=GROUPS, definitions=DEFINITIONS)
    types = {number: ["deal.won"] * (number // 2) + ["mail.read"] for number in range(8)}
    await worker.batch(
        [record(account, each, subject=f"c{number}") for number in types for each in types[number]]
    )
    async with api.as_(account) as client:
        first = (await client.get("/contacts", params={"limit": 3})).json()
        assert [item["id"] for item in first["items"]] == ["c7", "c6", "c5"]
        await happen(worker, account, *["deal.won"] * 9, subject="c0")
        await happen(worker, account, "mail.read", subject="new")
        rest = (await client.get("/contacts", params={"limit": 200, "cursor": first["next"]})).json()
    assert [item["id"] for item in rest["items"]] == ["c4", "c3", "c2", "new", "c1"]


async def test_readers_see_one_version_and_old_cursors_end_with_it(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """While a publish runs lists are of the old version, then of the new; a cursor of the old one is 410 then."""
    account = await new_account(groups=GROUPS, definitions=DEFINITIONS)
    types = ["deal.won", "mail.read"]
    await worker.batch([record(account, each, subject=f"c{number}") for number in range(3) for each in types])
    profile = {"key": "lead_score", "name": "Lead score", "primary": True, "weights": {"deal_won": 7}}
    connection = await postgres.connect(api.dsn)
    await catalog.apply_document(
        connection, catalog.parse_document(json.dumps({**_document(account), "profiles": [profile]}))
    )
    [publish] = await profile_publish.unfinished_publishes(connection)
    await connection.close()
    keeper = ConnectionKeeper(lambda: postgres.connect(api.dsn))
    seen = []
    async with api.as_(account) as client:

        async def read(path: str, **params: Any) -> httpx.Response:
            return await client.get(path, params={"limit": 1, **params})

        cursors = {path: (await read(path)).json()["next"] for path in ("/contacts", "/contacts/c1/timeline")}
        async for status in profile_publish.run_publish(keeper, publish):
            page = (await read("/contacts", limit=9)).json()
            seen.append((status.state, page["version"], {item["overall"] for item in page["items"]}))
            for path, cursor in cursors.items():
                following = await read(path, cursor=cursor)
                assert following.status_code == (200 if page["version"] == 1 else 410), path
                if page["version"] == 2:
                    assert following.json()["type"] == "urn:engagement:problem:gone"
    keeper.drop()
    assert seen[0] == ("building", 1, {13})
    assert seen[-1][1:] == (2, {10})
    assert {(version, *points) for _, version, points in seen} == {(1, 13), (2, 10)}


@pytest.mark.parametrize(
    ("params", "status", "field"),
    [
        ({"sort": "-score.nope"}, 422, "sort"),
        ({"sort": "name"}, 422, "sort"),
        ({"group": "nope"}, 422, "group"),
        ({"min": 5, "max": 4}, 422, "max"),
        ({"min": "much"}, 422, "min"),
        ({"sort": "last_event_at.mail"}, 422, "sort"),
        ({"q": ""}, 422, "q"),
        ({"q": " "}, 422, "q"),
        ({"total": "many"}, 422, "total"),
        ({"profile": "nope"}, 422, "profile"),
        ({"profile": "draft"}, 409, None),
        ({"cursor": "nonsense"}, 400, None),
    ],
    ids=str,
)
async def test_wrong_questions(
    api: Api, base: dict[str, dict[str, int]], params: dict[str, Any], status: int, field: str | None
) -> None:
    """What names something that is not there, or cannot be, is refused by its field; a draft has no scores yet."""
    assert base
    profiles = [
        {"key": "lead_score", "name": "Lead score", "primary": True},
        {"key": "draft", "name": "Draft", "published": False},
    ]
    await apply_document(api.dsn, {**_document("base"), "profiles": profiles})
    async with api.as_("base") as client:
        response = await client.get("/contacts", params=params)
    assert response.status_code == status, response.text
    assert [error["field"] for error in response.json().get("errors", [])] == ([field] if field else [])


async def test_cursors_are_bound_to_their_filters(api: Api, base: dict[str, dict[str, int]]) -> None:
    """A cursor of one order or filter is not taken for another."""
    assert base
    async with api.as_("base") as client:
        cursor = (await client.get("/contacts", params={"limit": 2})).json()["next"]
        for params in (
            {"sort": "score"},
            {"sort": "last_event_at"},
            {"owner": "rep1"},
            {"q": "c"},
            {"min": 1},
            {"group": "mail"},
        ):
            response = await client.get("/contacts", params={**params, "cursor": cursor})
            assert response.status_code == 400


async def test_a_very_long_owner_is_kept_and_found_by_nobody_elses_name(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """An owner's name of any length is taken, and one that begins with another's is another."""
    account = await new_account()
    for subject, owner in (("a", "x" * 5000), ("b", "x" * 256)):
        outcomes = await happen(
            worker, account, "contact.upserted", subject=subject, data=f'{{"owner": "{owner}"}}'
        )
        assert outcomes == ["contact"]
    async with api.as_(account) as client:
        assert [item["id"] for item in await _pages(client, owner="x" * 256)] == ["b"]
    connection = await postgres.connect(api.dsn)
    assert await connection.fetchval("select max(length(value)) from contact_fields") == 5000
    await connection.close()
