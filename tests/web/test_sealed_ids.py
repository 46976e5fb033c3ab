"""Ids and cursors are the same wherever they are read, and show nothing of how busy other accounts are."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from consumer.infra import postgres
from consumer.web.http import outward_ids, seal
from consumer.web.http.outward_ids import BACKFILL, PUBLISH, REJUDGEMENT, OutwardId
from consumer.web.http.seal import Seal
from tests.web.account_events import happen
from tests.web.api_client import bearer, serving
from tests.web.sample_account import begin, draft, finish, scored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client


@pytest.fixture
async def account(worker: Service, new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account that has scores."""
    return await scored(worker, new_account)


@pytest.fixture
async def client(api: Api, account: str) -> AsyncIterator[Client]:
    """Give a client of that account."""
    async with api.as_(account) as client:
        yield client


async def _numbered(client: Client) -> dict[OutwardId, str]:
    """Return an id of most kinds, made just now."""
    await draft(client, weights={"deal_won": 60})
    publish = (await begin(client)).json()["id"]
    await client.post(f"/profiles/lead_score/publishes/{publish}/cancel")
    event = {"specversion": "1.0", "id": "e", "source": "s", "type": "x", "time": "2026-01-01T00:00:00Z"}
    events = [{**event, "subject": "ann", "accountid": str(client.base_url).rstrip("/").rsplit("/", 1)[1]}]
    begun = await client.post("/backfills", json={"events": events})
    adjustment = {"group": "mail", "points": 1, "reason": "x", "client_key": "k"}
    adjusted = await client.post("/contacts/ann/adjustments", json=adjustment)
    rejudged = await client.post("/definitions/deal_won/rejudgements", json={})
    audit = (await client.get("/audit", params={"limit": 1})).json()["items"][0]
    return {
        PUBLISH: publish,
        BACKFILL: begun.json()["id"],
        outward_ids.ADJUSTMENT: adjusted.json()["id"],
        REJUDGEMENT: rejudged.json()["id"],
        outward_ids.AUDIT_ENTRY: audit["id"],
    }


async def test_ids_are_sealed(api: Api, client: Client) -> None:
    """Each is a text of 32 characters, from which only the service gets the number; for each kind another."""
    ids = await _numbered(client)
    for kind, found in ids.items():
        assert isinstance(found, str), kind.kind
        assert len(found) == 32, kind.kind
        number = await api.number(kind, found)
        assert number.to_bytes(4, "big") not in base64.urlsafe_b64decode(found)
        assert found not in {other.write(number) for other in ids if other is not kind}
        other = Seal(b"the salt of another installation")
        assert other.number_of(kind.kind, found) is None


async def test_an_id_is_the_same_everywhere(api: Api, client: Client, account: str) -> None:
    """Answers, lists, `Location`, the audit trail and the timeline name an object alike, in every process."""
    ids = await _numbered(client)
    listed = (await client.get("/profiles/lead_score/publishes")).json()["items"]
    assert listed[0]["id"] == ids[PUBLISH]
    entries = (await client.get("/audit")).json()["items"]
    assert [each["key"] for each in entries if each["subject"] == "backfill"] == [ids[BACKFILL]]
    judged = next(each for each in entries if each["action"] == "judged_again")
    assert judged["after"]["number"] == ids[REJUDGEMENT]
    timeline = (await client.get("/contacts/ann/timeline")).json()["items"]
    assert [item["adjustment"]["id"] for item in timeline if item["adjustment"]] == [
        ids[outward_ids.ADJUSTMENT]
    ]
    async with serving(api.dsn) as another:
        path = f"/v1/accounts/{account}/backfills/{ids[BACKFILL]}"
        assert (await another.client.get(path, headers=bearer(account))).json()["id"] == ids[BACKFILL]


@pytest.mark.parametrize("wrong", ["x", "", "A" * 32, "-1", "1.5", "9" * 40, "é"])
async def test_what_is_no_id_is_not_found(client: Client, wrong: str) -> None:
    """A text that the service has not made is 404, and so is the id of another kind."""
    assert (await client.get(f"/backfills/{wrong or '%20'}")).status_code == 404
    assert (await client.get(f"/profiles/lead_score/publishes/{wrong or '%20'}")).status_code == 404


async def test_an_id_of_another_kind_is_not_found(api: Api, client: Client) -> None:
    """The id of a publish is none of a backfill, even if both have the same number."""
    ids = await _numbered(client)
    number = await api.number(PUBLISH, ids[PUBLISH])
    assert (await client.get(f"/profiles/lead_score/publishes/{ids[PUBLISH]}")).status_code == 200
    for kind in (BACKFILL, REJUDGEMENT):
        text = kind.write(number)
        assert (await client.get(f"/profiles/lead_score/publishes/{text}")).status_code == 404


async def test_cursors_show_no_numbers(client: Client, worker: Service, account: str) -> None:
    """A cursor has nothing that can be read: not the number of a contact, nor of an entry of the trail."""
    for number in range(3):
        await happen(worker, account, "deal.won", subject=f"c{number}")
    for path in ("/contacts", "/audit", "/contacts/ann/timeline"):
        cursor = (await client.get(path, params={"limit": 1})).json()["next"]
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        assert not any(_is_json(raw[start:]) for start in range(len(raw) - 1)), path
        changed = cursor[:-5] + ("A" if cursor[-5] != "A" else "B") + cursor[-4:]
        assert (await client.get(path, params={"limit": 1, "cursor": changed})).status_code == 400


def _is_json(raw: bytes) -> bool:
    try:
        return isinstance(json.loads(raw), list)
    except ValueError:
        return False


async def test_numbers_of_before_are_read_for_jobs_of_before(
    api: Api, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain number finds a job that was requested while ids were numbers, and no later one."""
    ids = await _numbered(client)
    await finish(api, ids[PUBLISH])
    paths = {
        PUBLISH: "/profiles/lead_score/publishes",
        BACKFILL: "/backfills",
        REJUDGEMENT: "/definitions/deal_won/rejudgements",
    }

    async def found() -> dict[OutwardId, int]:
        return {
            kind: (await client.get(f"{path}/{await api.number(kind, ids[kind])}")).status_code
            for kind, path in paths.items()
        }

    assert await found() == dict.fromkeys(paths, 404)
    connection = await postgres.connect(api.dsn)
    row: Any = await connection.fetchrow(
        "select salt, now() + interval '1 second' as later from installation"
    )
    await connection.close()
    monkeypatch.setattr(api.app.state.seal, "_read", (Seal(row["salt"]), row["later"]))
    assert await found() == dict.fromkeys(paths, 200)
    monkeypatch.setattr(api.app.state.seal, "_read", (Seal(row["salt"]), row["later"].replace(year=2020)))
    assert await found() == dict.fromkeys(paths, 404)


async def test_how_long_numbers_are_read(database: str) -> None:
    """Until a day after the migration that sealed them; never in an installation that began with it."""
    connection = await postgres.connect(database)
    new = seal.InstallationSeal()
    await new.bind(connection)
    assert seal.plain_until() is None
    await connection.execute("delete from migrations")
    await connection.execute(
        "insert into migrations (number, began_at, finished_at) values (6, '2026-01-01 0:00Z', '2026-01-01 0:00Z'),"
        " (7, '2026-02-01 0:00Z', '2026-02-02 0:00Z')"
    )
    await seal.InstallationSeal().bind(connection)
    assert str(seal.plain_until()) == "2026-02-03 00:00:00+00:00"
    await connection.close()
