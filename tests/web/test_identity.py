"""Joins, deletions and exports over HTTP: what people ask for, what it does, and what it leaves."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from consumer.infra import postgres
from consumer.scoring.verify import verify
from tests.builders.catalog_documents import ONCE, definition
from tests.pipeline import service
from tests.web.account_events import flush_inbox, happen, record
from tests.web.sample_account import GROUPS, WON

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

PLUS = {"group": "mail", "points": 7, "reason": "met at the fair", "client_key": "fair-1"}


@pytest.fixture
async def account(worker: Service, new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account in which ann and bob have won a deal each, and signed up, which counts once."""
    signed_up = definition("signed_up", "track.signup", dedup=ONCE, group="mail", default_points=5)
    key = await new_account(groups=GROUPS, definitions=[WON, signed_up])
    for contact in ("ann", "bob"):
        await happen(worker, key, "deal.won", "track.signup", subject=contact)
    return key


async def _scores(client: Client) -> dict[str, int]:
    items = (await client.get("/contacts")).json()["items"]
    return {item["id"]: item["overall"] for item in items}


async def test_a_join_makes_two_contacts_one_and_its_undoing_two_again(
    api: Api, worker: Service, account: str
) -> None:
    """Both ids lead to the survivor, whose events are judged as one; undone, each is what it would be without."""
    async with api.as_(account, actor="mia") as client:
        await client.post("/contacts/bob/adjustments", json=PLUS)
        assert await _scores(client) == {"bob": 62, "ann": 55}
        answer = await client.post("/contacts/bob/joins", json={"into": "ann"})
        assert answer.status_code == 202
        join = answer.json()
        assert (join["into"], join["origin"], join["requested_by"], join["carried_out"]) == (
            *("ann", "api", "mia"),
            False,
        )
        await service.carry_out(api.dsn)
        # One of the two sign-ups counts.
        assert await _scores(client) == {"ann": 112}
        assert (await client.get("/contacts/bob")).json()["id"] == "ann"
        timeline = (await client.get("/contacts/bob/timeline")).json()["items"]
        assert sum(item["points"] for item in timeline) == 112
        assert sorted(str(item["event"]["came_by"]) for item in timeline if item["event"]) == [
            *("None", "None", "bob", "bob"),
        ]
        assert (await client.get("/contacts/bob/joins")).json()["items"] == [{**join, "carried_out": True}]
        # Meanwhile something happens to each of them.
        await happen(worker, account, "deal.won", subject="bob")
        await happen(worker, account, "deal.won", subject="ann")
        assert await _scores(client) == {"ann": 212}
        assert (await client.delete(f"/contacts/bob/joins/{join['id']}")).status_code == 204
        await service.carry_out(api.dsn)
        assert await _scores(client) == {"bob": 112, "ann": 105}
        assert (await client.get("/contacts/bob/joins")).json()["items"] == []
        trail = (await client.get("/audit", params={"limit": 2})).json()["items"]
    assert [(one["actor"], one["action"], one["key"]) for one in trail] == [
        ("mia", "split", "bob"),
        ("mia", "joined", "bob"),
    ]
    assert (await verify(api.dsn, account=account)).differences == []


async def test_a_preview_says_what_a_join_would_do_and_changes_nothing(api: Api, account: str) -> None:
    """It has the scores of both, of the union, and how many events would cease to count."""
    async with api.as_(account) as client:
        preview = (await client.post("/contacts/bob/joins/preview", json={"into": "ann"})).json()
        assert (preview["survivor"], preview["ceasing"], preview["beginning"]) == ("ann", 1, 0)
        scores = {one["group"]: one for one in preview["profiles"]["lead_score"]}
        assert scores[None] == {"group": None, "contact": 55, "into": 55, "joined": 105}
        assert scores["mail"]["joined"] == 5
        assert await _scores(client) == {"ann": 55, "bob": 55}
        assert (await client.get("/contacts/bob/joins")).json()["items"] == []
    assert (await verify(api.dsn, account=account)).differences == []


async def test_joins_that_make_no_sense_are_refused(api: Api, account: str) -> None:
    """An unknown contact, an unknown survivor, what is one already, and joins that came with events."""
    async with api.as_(account) as client:
        assert (await client.post("/contacts/nobody/joins", json={"into": "ann"})).status_code == 404
        unknown = await client.post("/contacts/ann/joins", json={"into": "nobody"})
        assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "into")
        assert (await client.post("/contacts/ann/joins", json={"into": "ann"})).status_code == 409
        assert (await client.delete("/contacts/ann/joins/00")).status_code == 409
        # Sent twice before it is carried out, it is one join, which one undoing undoes.
        assert (await client.post("/contacts/bob/joins", json={"into": "ann"})).status_code == 202
        assert (await client.post("/contacts/bob/joins", json={"into": "ann"})).status_code == 409
        assert len((await client.get("/contacts/bob/joins")).json()["items"]) == 1


async def test_an_id_of_any_letters_is_joined(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """The address of its joins, which the answer names, leads to them."""
    account = await new_account(groups=GROUPS, definitions=[WON])
    for contact in ("жанна/1?", "ann"):
        await happen(worker, account, "deal.won", subject=contact)
    async with api.as_(account) as client:
        answer = await client.post(f"/contacts/{quote('жанна/1?')}/joins", json={"into": "ann"})
        assert answer.status_code == 202
        path = answer.headers["Location"].removeprefix(f"/v1/accounts/{account}")
        assert [one["into"] for one in (await client.get(path)).json()["items"]] == ["ann"]


async def _dead_letter(worker: Service, account: str, contact: str) -> None:
    [outcome] = await worker.batch(
        [record(account, "deal.won", subject=contact, data='{"amount": "much"}', objectid="o")]
    )
    assert outcome == "dead data_invalid"


async def test_a_deletion_leaves_nothing_that_names_the_person(
    api: Api, worker: Service, account: str
) -> None:
    """Id, name, payload and reasons are in no table afterwards; what others have is left, and tallies."""
    person, name, payload = "person-4711", "Ada Lovelace", "countess of numbers"
    await happen(worker, account, "contact.upserted", subject=person, data=json.dumps({"name": name}))
    await happen(worker, account, "deal.won", subject=person, data=json.dumps({"note": payload}))
    await happen(
        worker, account, "survey.answered", subject=person, data=json.dumps({"note": f"{payload}\0"})
    )
    await _dead_letter(worker, account, person)
    await _dead_letter(worker, account, "bob")
    connection = await postgres.connect(api.dsn)
    await flush_inbox(api, worker)
    async with api.as_(account, actor="eva") as client:
        await client.post(f"/contacts/{person}/adjustments", json={**PLUS, "reason": f"{name} called"})
        before = await _everything(connection)
        assert all(word in before for word in (person, name, payload))
        answer = await client.delete(f"/contacts/{person}")
        assert answer.status_code == 202
        deletion = answer.json()
        assert deletion["taken"] is None
        assert person not in answer.text
        await service.carry_out(api.dsn)
        assert (await client.get(f"/contacts/{person}")).status_code == 404
        report = (await client.get(f"/deletions/{deletion['id']}")).json()
        assert report["done_at"] is not None
        assert {kind: rows for kind, rows in report["taken"].items() if rows} == {
            "timeline": 1,
            "fields": 1,
            "adjustments": 1,
            "dead_letters": 1,
            "inbox_samples": 1,
            "ignored_events": 2,
            "audit_entries": 1,
        }
        assert report["contact"] == deletion["contact"]
        assert await _scores(client) == {"ann": 55, "bob": 55}
        [entry] = (await client.get("/audit", params={"limit": 1})).json()["items"]
        assert (entry["actor"], entry["action"], entry["key"]) == (
            *("eva", "deleted"),
            f"erased:{deletion['contact']}",
        )
    assert (await verify(api.dsn, account=account)).differences == []
    # What has been published of it is deleted as the relay goes on.
    await connection.execute("delete from outbox")
    after = await _everything(connection)
    assert [word for word in (person, name, payload, f"{name} called") if word in after] == []
    assert await connection.fetchval("select sum(count) from personless_tallies") == 1
    assert await connection.fetchval("select count(*) from dead_letters where account_key = $1", account) == 1
    await connection.close()


async def _everything(connection: postgres.Connection) -> str:
    """Return a dump of all tables, bytes as text."""
    tables = await connection.fetch(
        "select quote_ident(relname) as name from pg_class "
        "where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition"
    )
    rows = [row for table in tables for row in await connection.fetch(f"select * from {table['name']}")]
    values = [value for row in rows for value in row.values()]
    return "\n".join(value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in values)


async def test_what_happens_after_a_deletion_begins_anew(api: Api, worker: Service, account: str) -> None:
    """Events dated before it are gone, whenever they come; one dated after it begins a new life of the same id."""
    now = datetime.now(UTC)
    async with api.as_(account) as client:
        await client.delete("/contacts/ann")
        await service.carry_out(api.dsn)
        assert await worker.batch([record(account, "deal.won", at=now - timedelta(hours=1))]) == ["gone"]
        assert (await client.get("/contacts/ann")).status_code == 404
        later = datetime.now(UTC) + timedelta(minutes=1)
        assert await worker.batch([record(account, "deal.won", at=later)]) == ["applied"]
        assert await _scores(client) == {"bob": 55, "ann": 50}
    connection = await postgres.connect(api.dsn)
    messages, _ = await service.messages(connection)
    await connection.close()
    chain = [one for one in messages if one["accountid"] == account and one["subject"] == "ann"]
    assert ["id" in one for one in chain][-2:] == [False, True]
    assert (chain[-1]["data"]["version"], chain[-1]["data"]["overall"]) == (2, {"previous": 0, "current": 50})


async def test_an_export_has_everything_that_is_kept_of_a_contact(
    api: Api, worker: Service, account: str
) -> None:
    """Ids, fields, scores, adjustments, and each event with its payload, as lines of JSON."""
    await happen(worker, account, "contact.upserted", subject="bob", data='{"name": "Bob"}')
    await happen(worker, account, "deal.won", subject="bob", data='{"note": "of bob"}')
    async with api.as_(account) as client:
        await client.post("/contacts/bob/adjustments", json=PLUS)
        await client.post("/contacts/bob/joins", json={"into": "ann"})
        await service.carry_out(api.dsn)
        assert (await client.get("/contacts/nobody/export")).status_code == 404
        answer = await client.get("/contacts/bob/export")
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines: list[dict[str, Any]] = [json.loads(line) for line in answer.text.splitlines()]
    kinds = [next(iter(line)) for line in lines]
    assert kinds == [
        "contact",
        "id",
        "field",
        *["score"] * kinds.count("score"),
        "adjustment",
        *["event"] * 5,
    ]
    by_kind = {kind: [line[kind] for line in lines if kind in line] for kind in kinds}
    assert by_kind["contact"][0]["id"] == "ann"
    assert by_kind["id"][0]["id"] == "bob"
    assert (by_kind["field"][0]["name"], by_kind["field"][0]["value"]) == ("name", "Bob")
    assert by_kind["score"][0]["points"] == 162
    assert {"note": "of bob"} in [event["data"] for event in by_kind["event"]]
    assert sorted(str(event["came_by"]) for event in by_kind["event"]) == [
        "None",
        "None",
        "bob",
        "bob",
        "bob",
    ]
