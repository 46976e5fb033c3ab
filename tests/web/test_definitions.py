"""Definitions over HTTP mean what a document means: editions, joining, pending, and history that stays."""

from __future__ import annotations

import asyncio
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import pytest

from consumer import catalog
from consumer.infra import postgres
from tests.pipeline import service
from tests.pipeline.statement_schedule import Schedule
from tests.web.account_events import happen
from tests.web.sample_account import GROUPS, WON

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

WHOLE = {
    **WON,
    "when": [
        {"path": "amount", "op": "gte", "value": 99.5},
        {"attribute": "actortype", "op": "in", "value": ["rep", "contact"]},
        {"path": "note", "op": "absent"},
    ],
    "dedup": {"policy": "cooldown", "interval": "1d", "per": "object"},
    "xp": 20,
    "active": False,
}


@pytest.fixture
async def client(api: Api, new_account: Callable[..., Awaitable[str]]) -> Any:
    """Give a client of an account that has two groups."""
    async with api.as_(await new_account(groups=GROUPS)) as client:
        yield client


async def _change(client: Client, key: str, /, **body: Any) -> httpx.Response:
    return await client.edit(f"/definitions/{key}", body)


async def test_a_definition_is_created_as_it_was_given(api: Api, client: Client) -> None:
    """Every field comes back as it was given or by its default, and is in the exported document."""
    created = await client.post("/definitions", json=WHOLE)
    assert created.status_code == 201, created.text
    added = {"edition": 1, "counted": False, "pending": [], "revision": created.headers["etag"].strip('"')}
    assert created.json() == {**WHOLE, **added}
    plain = (await client.post("/definitions", json={**WON, "key": "plain"})).json()
    assert plain["dedup"] == {"policy": "always", "per": "contact"}
    assert (plain["active"], plain["when"], plain["xp"]) == (True, [], 0)
    assert [item["key"] for item in (await client.get("/definitions")).json()["items"]] == [
        "deal_won",
        "plain",
    ]
    connection = await postgres.connect(api.dsn)
    exported = await catalog.export_document(connection, str(client.base_url).split("/")[-2])
    await connection.close()
    assert "{path: amount, op: gte, value: 99.5}" in exported
    assert (await client.post("/definitions", json=WON)).status_code == 409


async def test_what_was_answered_can_be_sent_back(client: Client) -> None:
    """The fields of an answer are taken as a change that changes nothing: no revision, no entry of the trail."""
    created = (await client.post("/definitions", json=WHOLE)).json()
    before = (await client.get("/audit")).json()
    fields = {name: created[name] for name in WHOLE if name != "key"}
    response = await _change(client, "deal_won", **fields)
    assert response.json() == created
    assert (await client.get("/audit")).json() == before


async def test_two_people_cannot_overwrite_each_other(client: Client) -> None:
    """Of two edits of the same revision at the same time one is made, and the other is refused as stale."""
    created = await client.post("/definitions", json=WON)
    headers = {"if-match": created.headers["etag"]}
    edits = [
        client.patch("/definitions/deal_won", json={"name": name}, headers=headers)
        for name in ("One", "Other")
    ]
    answers = await asyncio.gather(*edits)
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    assert (await client.patch("/definitions/deal_won", json={"name": "x"})).status_code == 428


async def test_a_document_applied_meanwhile_makes_an_edit_stale(
    api: Api, new_account: Callable[..., Awaitable[str]]
) -> None:
    """What `catalog apply` changes has another revision, and its change is in the trail too."""
    account = await new_account(groups=GROUPS, definitions=[WON])
    connection = await postgres.connect(api.dsn)
    async with api.as_(account) as client:
        seen = await client.get("/definitions/deal_won")
        text = f"{{engagement_catalog: 1, account: {account}, definitions: [{{key: deal_won, name: Won}}]}}"
        await catalog.apply_document(connection, catalog.parse_document(text))
        stale = await client.patch(
            "/definitions/deal_won", json={"name": "x"}, headers={"if-match": seen.headers["etag"]}
        )
        assert stale.status_code == 412
        entry = (await client.get("/audit", params={"limit": 1})).json()["items"][0]
    await connection.close()
    assert entry["actor"] == "catalog apply"
    assert (entry["key"], entry["before"], entry["after"]) == (
        "deal_won",
        {"name": "Deal won"},
        {"name": "Won"},
    )


async def test_a_changed_policy_opens_an_edition(client: Client) -> None:
    """Another dedup policy is the next edition, another name is not; `dedup` is one value."""
    await client.post("/definitions", json=WHOLE)
    assert (await _change(client, "deal_won", name="Won")).json()["edition"] == 1
    changed = (await _change(client, "deal_won", dedup={"policy": "once"})).json()
    assert changed["edition"] == 2
    assert changed["dedup"] == {"policy": "once", "per": "contact"}
    entry = (await client.get("/audit", params={"limit": 1})).json()["items"][0]
    assert entry["before"] == {"dedup": WHOLE["dedup"]}
    assert entry["after"] == {"dedup": {"policy": "once", "per": "contact"}}


async def test_points_wait_for_a_publish_once_events_have_counted(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """Before it first counts a definition's points hold at once; afterwards they are pending, and say so."""
    account = await new_account(groups=GROUPS)
    async with api.as_(account) as client:
        await client.post("/definitions", json=WON)
        assert (await _change(client, "deal_won", default_points=30)).json()["pending"] == []
        await happen(worker, account, "deal.won")
        changed = (await _change(client, "deal_won", default_points=-5)).json()
        assert changed["default_points"] == -5
        assert changed["counted"] is True
        assert changed["pending"] == [
            {"profile": "lead_score", "field": "default_points", "published": 30, "draft": -5}
        ]
        assert (await client.get("/definitions")).json()["items"] == [changed]
    connection = await postgres.connect(api.dsn)
    points = await connection.fetchval(
        "select points from scores join contacts on contacts.id = contact_id"
        " join accounts on accounts.id = account_id where key = $1 and group_id = 0",
        account,
    )
    await connection.close()
    assert points == 30


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"key": "other"}, {"key"}),
        ({"name": None}, {"name"}),
        ({"group": "nowhere"}, {"group"}),
        ({"default_points": 1_000_001, "xp": -1}, {"default_points", "xp"}),
        ({"default_points": "50"}, {"default_points"}),
        ({"events": []}, {"events"}),
        ({"events": ["a", "a"]}, {"events.1"}),
        ({"events": ["contact.deleted"]}, {"events.0"}),
        ({"dedup": {"policy": "cooldown"}}, {"dedup"}),
        ({"dedup": {"policy": "once", "interval": "1d"}}, {"dedup.interval"}),
        ({"dedup": {"policy": "cooldown", "interval": "367d"}}, {"dedup.interval"}),
        ({"dedup": {"policy": "often"}}, {"dedup.policy"}),
        ({"when": [{"op": "exists"}]}, {"when.0"}),
        ({"when": [{"path": "a", "op": "gte", "value": True}]}, {"when.0.value"}),
        ({"when": [{"path": "a", "op": "in", "value": [1, "a"]}]}, {"when.0.value"}),
        ({"when": [{"path": "a", "op": "exists"}, {"path": "b", "op": "eq"}]}, {"when.1"}),
        ({"when": [{"path": "a\ud800", "op": "exists"}]}, {"when.0.path"}),
        ({"icon": "unicorn", "group": "nowhere"}, {"icon", "group"}),
    ],
    ids=lambda given: str(given) if isinstance(given, dict) else "",
)
async def test_what_is_wrong_is_named_by_its_field(
    client: Client, body: dict[str, Any], fields: set[str]
) -> None:
    """A change that cannot be is 422 with all its fields, and nothing of it is done."""
    created = (await client.post("/definitions", json=WON)).json()
    response = await _change(client, "deal_won", **body)
    assert response.status_code == 422, response.text
    assert {error["field"] for error in response.json()["errors"]} == fields
    assert (await client.get("/definitions/deal_won")).json() == created


async def test_a_new_definition_needs_its_fields(client: Client) -> None:
    """What is missing of a new definition is named field by field."""
    response = await client.post("/definitions", json={"key": "Deal", "name": "x", "when": []})
    assert {(error["field"], error["detail"]) for error in response.json()["errors"]} >= {
        ("group", "is missing"),
        ("icon", "is missing"),
        ("default_points", "is missing"),
        ("events", "is missing"),
    }
    assert "key" in {error["field"] for error in response.json()["errors"]}


async def test_the_order_is_changed_as_a_whole(client: Client) -> None:
    """Definitions are shown in the order that was put, and a newcomer comes last."""
    for key in ("a", "b", "c"):
        await client.post("/definitions", json={**WON, "key": key})
    seen = await client.get("/definition-order")
    assert seen.json() == {"keys": ["a", "b", "c"]}
    headers = {"if-match": seen.headers["etag"]}
    assert (await client.put("/definition-order", json={"keys": ["c", "a", "b"]}, headers=headers)).is_success
    await client.post("/definitions", json={**WON, "key": "d"})
    shown = [item["key"] for item in (await client.get("/definitions")).json()["items"]]
    assert shown == ["c", "a", "b", "d"]


async def test_what_has_history_is_never_deleted(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """A definition is deleted only if it is inactive, never counted and on no timeline; else 409 says why."""
    account = await new_account(
        groups=GROUPS,
        definitions=[{**WON, "key": key, "events": [key]} for key in ("counted", "excluded", "unused")],
    )
    await happen(worker, account, "counted")
    await happen(worker, account, "excluded", robot=True)
    async with api.as_(account) as client:
        for key, why in (
            ("counted", "has counted"),
            ("excluded", "deactivate it first"),
            ("unused", "first"),
        ):
            assert why in (await _delete(client, key)).json()["detail"]
            await _change(client, key, active=False)
        assert "has counted" in (await _delete(client, "counted")).json()["detail"]
        assert "timeline entries" in (await _delete(client, "excluded")).json()["detail"]
        assert (await client.delete("/definitions/unused")).status_code == 428
        gone = await _delete(client, "unused")
        assert (gone.status_code, gone.content) == (204, b"")
        assert [item["key"] for item in (await client.get("/definitions")).json()["items"]] == [
            "counted",
            "excluded",
        ]
        assert (await client.get("/definitions/unused")).status_code == 404
        created = await client.post("/definitions", json={**WON, "key": "unused"})
        assert created.json()["edition"] == 1, "created anew, it begins anew"


async def test_a_deletion_waits_for_batches_that_took_the_definition(
    api: Api, new_account: Callable[..., Awaitable[str]]
) -> None:
    """A batch that was matched while the definition was active may add an entry: then it is not deleted."""
    account = await new_account(
        groups=GROUPS, definitions=[{**WON, "key": "excluded", "events": ["excluded"]}]
    )
    monitor = await postgres.connect(api.dsn)
    schedule = Schedule(api.dsn, monitor)
    deletions: list[asyncio.Task[httpx.Response]] = []
    waits = "select count(*) from pg_stat_activity where query like '%pg_locks%' and pid <> pg_backend_pid()"

    async def delete(client: Client) -> None:
        looking = await schedule.connect(1)
        await looking.fetchval(waits)
        await _change(client, "excluded", active=False)
        deletions.append(asyncio.create_task(_delete(client, "excluded")))
        while not await looking.fetchval(waits):
            assert not deletions[0].done()

    try:
        async with (
            service.running(
                api.dsn, feed=service.Feed("held"), connect=lambda: schedule.connect(0)
            ) as worker,
            api.as_(account) as client,
        ):
            await happen(worker, account, "other")
            batch = happen(worker, account, "excluded", robot=True)
            turns = chain(schedule.turns_until(0, "commit"), repeat(1))
            await schedule.run(turns, {0: batch, 1: delete(client)})
            assert "timeline entries" in (await deletions[0]).json()["detail"]
    finally:
        schedule.close()
        await monitor.close()


async def _delete(client: Client, key: str) -> httpx.Response:
    return await client.edit(f"/definitions/{key}", {}, method="DELETE")


async def test_a_deactivated_definition_takes_nothing(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """An edit holds for the batches begun after it was answered."""
    account = await new_account(groups=GROUPS, definitions=[WON])
    assert await happen(worker, account, "deal.won") == ["applied"]
    async with api.as_(account) as client:
        assert (await _change(client, "deal_won", active=False)).json()["active"] is False
        assert await happen(worker, account, "deal.won") == ["unmatched"]
        await _change(client, "deal_won", active=True)
    assert await happen(worker, account, "deal.won") == ["applied"]


async def test_over_http_and_by_document_an_account_becomes_the_same(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """The same steps taken both ways leave the same document, editions, versions and weights."""
    by_document, by_http = await new_account(groups=GROUPS), await new_account(groups=GROUPS)
    steps: list[dict[str, Any]] = [
        WON,
        {"key": "deal_won", "default_points": 7},
        {"key": "deal_won", "dedup": {"policy": "cooldown", "interval": "90m"}},
        {**WON, "key": "other", "group": "mail"},
        {"key": "deal_won", "group": "mail", "default_points": 8, "active": False},
    ]
    async with api.as_(by_http) as client:
        for step in steps:
            document = {"engagement_catalog": 1, "account": by_document, "definitions": [step]}
            await worker.apply(document)
            fields = {name: value for name, value in step.items() if name != "key"}
            response = (
                await client.post("/definitions", json=step)
                if "events" in step
                else await _change(client, step["key"], **fields)
            )
            assert response.is_success, response.text
            for account in (by_document, by_http):
                await happen(worker, account, "deal.won")
    connection = await postgres.connect(api.dsn)
    one, other = [await _stored(connection, account) for account in (by_document, by_http)]
    await connection.close()
    assert one == other


async def _stored(connection: postgres.Connection, account: str) -> tuple[str, list[tuple[Any, ...]]]:
    rows = await connection.fetch(
        """
        select d.key, d.edition, d.counted, v.version, v.weight, v.joined, g.key as group_key
        from definitions d join accounts a on a.id = d.account_id
        left join version_weights v on v.definition_id = d.id left join groups g on g.id = v.group_id
        where a.key = $1 order by d.key, v.version""",
        account,
    )
    return (await catalog.export_document(connection, account)).replace(account, "it"), [
        tuple(row) for row in rows
    ]
