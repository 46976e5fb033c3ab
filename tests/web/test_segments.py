"""Segments over HTTP: kept and edited like everything configured, counted now and then, and a filter of lists."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from consumer.infra import postgres
from consumer.scoring.segments import count_members
from tests.pipeline.service import apply_document
from tests.waiting import eventually
from tests.web.account_events import happen, record
from tests.web.three_definitions import DEFINITIONS, GROUPS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from consumer.infra.postgres.connection import Connection
    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

HOT: dict[str, Any] = {
    "key": "hot",
    "name": "Hot",
    "description": "Call them",
    "profile": None,
    "match": {
        "all": [
            {"score": {"group": "purchase", "min": 10}},
            {
                "any": [
                    {"last_event": {"within_days": 30}},
                    {"count": {"definitions": ["mail_read"], "min": 2}},
                ]
            },
        ]
    },
}

UNTAGGED = {"not": {"tags": {"any_of": ["even", "none"]}}}


@pytest.fixture
async def account(new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account with groups and definitions."""
    return await new_account(groups=GROUPS, definitions=DEFINITIONS)


@pytest.fixture
async def connection(api: Api) -> AsyncIterator[Connection]:
    """Give a connection beside the API's."""
    opened = await postgres.connect(api.dsn)
    yield opened
    await opened.close()


async def _keys(client: Client) -> list[str]:
    return [item["key"] for item in (await client.get("/segments")).json()["items"]]


async def test_a_segment_is_created_edited_put_in_order_and_deleted(api: Api, account: str) -> None:
    """It is answered as it was sent, changed under its revision alone, and every change is on record."""
    async with api.as_(account) as client:
        created = await client.post("/segments", json=HOT)
        assert created.status_code == 201
        never = {"contacts": None, "counted_at": None, "age_seconds": None}
        revision = created.json()["revision"]
        assert created.headers["etag"].startswith(f'W/"{revision}.')
        assert created.json() == {**HOT, "count": never, "revision": revision}
        assert (await client.post("/segments", json=HOT)).status_code == 409
        cold = {"key": "cold", "name": "Cold", "match": {"any": [{"last_event": {"not_within_days": 90}}]}}
        assert (await client.post("/segments", json=cold)).json()["description"] == ""
        assert await _keys(client) == ["hot", "cold"]

        assert (await client.patch("/segments/hot", json={"name": "x"})).status_code == 428
        changed = await client.edit("/segments/hot", {"match": cold["match"], "profile": "lead_score"})
        assert changed.status_code == 200
        body = changed.json()
        assert (body["name"], body["match"], body["profile"]) == ("Hot", cold["match"], "lead_score")
        stale = {"if-match": f'"{revision}"'}
        assert (await client.patch("/segments/hot", json={"name": "x"}, headers=stale)).status_code == 412

        ordered = await client.edit("/segment-order", {"keys": ["cold", "hot"]}, method="PUT")
        assert ordered.json() == {"keys": ["cold", "hot"]}
        refused = await client.edit("/segment-order", {"keys": ["cold"]}, method="PUT")
        assert refused.json()["errors"][0]["field"] == "keys"
        assert await _keys(client) == ["cold", "hot"]
        assert (await client.edit("/segments/hot", {}, method="DELETE")).status_code == 204
        assert await _keys(client) == ["cold"]
        assert (await client.get("/segments/hot")).status_code == 404

        trail = (await client.get("/audit", params={"limit": 5})).json()["items"]
    assert [(entry["action"], entry["subject"], entry["key"]) for entry in trail] == [
        ("deleted", "segment", "hot"),
        ("reordered", "segments", None),
        ("changed", "segment", "hot"),
        ("created", "segment", "cold"),
        ("created", "segment", "hot"),
    ]
    assert trail[2]["before"] == {"profile": None, "match": HOT["match"]}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"key": "Hot", "name": ""}, ["key", "name", "match"]),
        ({**HOT, "match": {}}, ["match"]),
        ({**HOT, "match": {"all": []}}, ["match.all"]),
        ({**HOT, "match": {"all": [{"score": {"min": 1}}], "any": [{"score": {"min": 1}}]}}, ["match"]),
        ({**HOT, "match": {"all": [{}, {"score": {}}]}}, ["match.all.0", "match.all.1.score"]),
        ({**HOT, "match": {"all": [{"score": {"min": 2, "max": 1}}]}}, ["match.all.0.score"]),
        ({**HOT, "match": {"all": [{"score": {"min": 1.5, "most": 2}}]}}, None),
        ({**HOT, "match": {"all": [{"any": [{"all": [{"score": {"min": 1}}]}]}]}}, ["match.all.0.any.0.all"]),
        (
            {**HOT, "match": {"all": [{"last_event": {"within_days": 1, "not_within_days": 1}}]}},
            ["match.all.0.last_event"],
        ),
        ({**HOT, "match": {"all": [{"not": {"not": {"score": {"min": 1}}}}]}}, ["match.all.0.not.not"]),
        ({**HOT, "match": {"all": [{"not": {}}, {"owner": {}}]}}, ["match.all.0.not", "match.all.1.owner"]),
        (
            {**HOT, "match": {"any": [{"tags": {"any_of": []}}, {"owner": {"any_of": ["nul\0"]}}]}},
            ["match.any.0.tags.any_of", "match.any.1.owner.any_of.0"],
        ),
        ({**HOT, "match": {"any": [{"owner": {"unassigned": False}}]}}, ["match.any.0.owner.unassigned"]),
        (
            {
                **HOT,
                "profile": "nothing",
                "match": {
                    "any": [
                        {"score": {"group": "nothing", "min": 1}},
                        {"all": [{"not": {"count": {"definitions": ["mail_read", "nothing"], "max": 0}}}]},
                    ]
                },
            },
            ["profile", "match.any.0.score.group", "match.any.1.all.0.not.count.definitions.1"],
        ),
    ],
    ids=range(14),
)
async def test_what_is_wrong_is_named_by_its_field(
    api: Api, account: str, body: dict[str, Any], fields: list[str] | None
) -> None:
    """What cannot be, or names what is not there, is 422 with each field, and nothing is kept."""
    async with api.as_(account) as client:
        refused = await client.post("/segments", json=body)
        assert refused.status_code == 422, refused.text
        named = [error["field"] for error in refused.json()["errors"]]
        counted = await client.post(
            "/segments/count", json={name: body[name] for name in ("match", "profile") if name in body}
        )
        same = [name for name in named if name not in {"key", "name"}]
        assert [error["field"] for error in counted.json()["errors"]] == same
        assert named == (fields or ["match.all.0.score.min", "match.all.0.score.most"])
        assert await _keys(client) == []


async def test_what_a_segment_names_is_not_deleted(api: Api, account: str) -> None:
    """A definition that it names can be deactivated, not deleted, nor can a group, until it names another."""
    async with api.as_(account) as client:
        await client.post("/groups", json={"key": "calls", "name": "Calls", "icon": "phone"})
        asked = [{"score": {"group": "calls", "max": 0}}, {"count": {"definitions": ["deal_won"], "max": 0}}]
        await client.post("/segments", json={**HOT, "match": {"any": asked}})
        assert (await client.edit("/definitions/deal_won", {"active": False})).status_code == 200
        for path in ("/definitions/deal_won", "/groups/calls"):
            refused = await client.edit(path, {}, method="DELETE")
            assert refused.status_code == 409
            assert refused.json()["detail"].endswith("change them first: hot")
        await client.edit("/segments/hot", {"match": {"all": [{"score": {"min": 1}}]}})
        for path in ("/definitions/deal_won", "/groups/calls"):
            assert (await client.edit(path, {}, method="DELETE")).status_code == 204


async def test_a_count_is_a_minute_old_at_most_and_says_its_age(
    api: Api, worker: Service, account: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read renews an old count; during another count, or after one that took too long, it gets the old one."""
    await happen(worker, account, "deal.won", subject="ann")
    asked = {**HOT, "match": {"all": [{"count": {"definitions": ["deal_won"], "min": 1}}]}}
    aged = "update segments set counted_at = counted_at - interval '2 min', claimed_at = claimed_at - $1::interval"
    async with api.as_(account) as client:
        await client.post("/segments", json=asked)

        async def count() -> dict[str, Any]:
            found: dict[str, Any] = (await client.get("/segments/hot")).json()["count"]
            assert (await client.get("/segments")).json()["items"][0]["count"]["contacts"] == found[
                "contacts"
            ]
            return found

        first = await count()
        assert first["contacts"] == 1
        assert 0 <= first["age_seconds"] < 30
        await happen(worker, account, "deal.won", subject="bob")
        assert (await count())["counted_at"] == first["counted_at"]
        await connection.execute(aged, timedelta())
        last = (await client.get("/segments", params={"renew": "false"})).json()["items"][0]["count"]
        assert (last["contacts"], last["age_seconds"] > 60) == (1, True), "nothing was asked to count"
        old = await count()
        assert (old["contacts"], old["age_seconds"] > 60) == (1, True), "it is being counted"
        await connection.execute(aged, timedelta(minutes=2))
        blocker = await postgres.connect(api.dsn)
        async with blocker.transaction():
            await blocker.execute("lock table dedup_keys")
            with monkeypatch.context() as patched:
                patched.setattr(count_members, "COUNT_SECONDS", 0.05)
                assert (await count())["contacts"] == 1, "it took too long"
        assert (await count())["contacts"] == 1, "nor is it tried again at once"
        await blocker.execute(aged, timedelta(minutes=2))
        await blocker.close()
        assert (await count())["contacts"] == 2
        assert (await client.edit("/segments/hot", {"name": "x"})).json()["count"]["contacts"] is None
        assert (await count())["contacts"] == 2


@pytest.fixture(scope="module")
async def people(api: Api, worker: Service) -> dict[str, tuple[int, int, int]]:
    """Give contacts of the account `many`: purchase and mail points, and days since the last event."""
    await apply_document(
        api.dsn,
        {
            "engagement_catalog": 1,
            "account": "many",
            "name": "x",
            "groups": GROUPS,
            "definitions": DEFINITIONS,
        },
    )
    now, records, found = datetime.now(UTC), [], {}
    for number in range(30):
        contact, won, read, ago = f"c{number}", number % 4, number % 3, number % 7 * 10 + 5
        data = '{"tags": ["even"]}' if number % 2 == 0 else '{"tags": ["odd"]}'
        records.append(record("many", "contact.upserted", subject=contact, at=now, data=data))
        for event_type, times in (("deal.won", won), ("mail.read", read)):
            at = now - timedelta(days=ago)
            records += [record("many", event_type, subject=contact, at=at) for _ in range(times)]
        found[contact] = (10 * won, 3 * read, ago if won or read else 1000)
    await worker.batch(records)
    return found


async def test_members_are_counted_before_a_segment_is_saved(
    api: Api,
    people: dict[str, tuple[int, int, int]],
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The count is that of the segment once it is saved; one that takes too long is null, and nothing is stored."""
    match = {
        "all": [
            {"not": {"score": {"group": "purchase", "min": 20}}},
            {"any": [{"count": {"definitions": ["mail_read"], "min": 2, "within_days": 40}}, UNTAGGED]},
            {"first_seen": {"within_days": 1}},
        ]
    }
    expected = {
        who
        for number, (who, (won, read, ago)) in enumerate(people.items())
        if won < 20 and ((read >= 6 and ago <= 40) or number % 2)
    }
    assert 0 < len(expected) < len(people)
    async with api.as_("many") as client:
        counted = (await client.post("/segments/count", json={"match": match})).json()
        assert counted["contacts"] == len(expected)
        assert await _keys(client) == []
        await _store(api, "tried", match)
        assert (await client.get("/segments/tried")).json()["count"]["contacts"] == len(expected)
        assert await _listed(client, segment="tried") == expected
        assert (await client.edit("/segments/tried", {}, method="DELETE")).status_code == 204
        monkeypatch.setattr(count_members, "COUNT_SECONDS", 0.05)
        async with connection.transaction():
            await connection.execute("lock table timeline")
            late = await client.post("/segments/count", json={"match": match})
    assert (late.status_code, late.json()["contacts"]) == (200, None)


@pytest.mark.parametrize("sort", ["-score", "score", "-score.mail"])
async def test_a_segment_is_a_filter_of_the_list(
    api: Api, people: dict[str, tuple[int, int, int]], sort: str
) -> None:
    """Every order and page by page, with other filters, exactly the members are listed, as of now."""
    await _store(
        api, "warm", {"all": [{"score": {"min": 6, "max": 23}}, {"last_event": {"within_days": 30}}]}
    )
    asked = {
        "any": [
            {"score": {"group": "mail", "min": 6}},
            {
                "all": [
                    {"count": {"definitions": ["deal_won"], "max": 0}},
                    {"last_event": {"not_within_days": 30}},
                ]
            },
        ]
    }
    await _store(api, "other", asked)
    expected = {
        "warm": {who for who, (won, read, ago) in people.items() if 6 <= won + read <= 23 and ago <= 30},
        "other": {who for who, (won, read, ago) in people.items() if read >= 6 or (not won and ago > 30)},
    }
    async with api.as_("many") as client:
        for segment, whom in expected.items():
            of_mail = sort.endswith("mail")
            whom = {who for who in whom if not of_mail or people[who][1]}  # noqa: PLW2901
            assert whom
            assert await _listed(client, segment=segment, sort=sort) == whom
            exported = (await client.get("/contacts.csv", params={"segment": segment, "sort": sort})).text
            assert {line.split(",")[0] for line in exported.splitlines()[1:]} == whom
            within = {who for who in whom if people[who][0] >= 20}
            assert await _listed(client, segment=segment, sort=sort, group="purchase", min=20) == within
        for unknown in ("nothing", "Warm"):
            refused = await client.get("/contacts", params={"segment": unknown})
            assert refused.status_code == 422
            assert refused.json()["errors"][0]["field"] == "segment"


async def test_where_members_are_few_they_are_looked_for_all_at_once(
    api: Api, people: dict[str, tuple[int, int, int]], connection: Connection
) -> None:
    """A walk that does not fill its page in time is given up for a selection of all members."""
    await _store(api, "opened", {"all": [{"count": {"definitions": ["mail_read"], "min": 2}}]})
    async with api.as_("many") as client:
        blocker = await postgres.connect(api.dsn)
        async with blocker.transaction():
            await blocker.execute("lock table dedup_keys")
            asked = asyncio.create_task(_listed(client, segment="opened"))

            async def gathering() -> Any:
                # The walk waited for the table before, as long as it may.
                return await connection.fetchval(
                    "select exists (select from pg_stat_activity where wait_event_type = 'Lock' "
                    "and query_start > xact_start + interval '250 ms' and datname = current_database())"
                )

            await eventually(gathering, within=20, what="members are selected")
        await blocker.close()
        assert await asked == {who for who, (_, read, _) in people.items() if read == 6}


async def _store(api: Api, key: str, match: dict[str, Any]) -> None:
    async with api.as_("many") as client:
        created = await client.post("/segments", json={"key": key, "name": key, "match": match})
        assert created.status_code in {201, 409}, created.text


async def _listed(client: Client, **params: Any) -> set[str]:
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        response = await client.get("/contacts", params={**params, "limit": 4, **cursor})
        assert response.status_code == 200, response.text
        page = response.json()
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            assert len(found) == len(set(found))
            return set(found)
        cursor = {"cursor": page["next"]}
