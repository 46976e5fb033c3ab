"""Archived profiles: no scores, no messages, not listed; published again, they have the right scores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from consumer import catalog
from consumer.catalog.document.faults import DocumentFaultsError
from consumer.infra import postgres
from consumer.scoring.verify import verify
from tests.pipeline import service
from tests.web.account_events import happen, record
from tests.web.sample_account import begin, finish, publish, scored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

SECOND = {"key": "second", "name": "Second", "weights": {"deal_won": 7}, "inherits": False}
PLUS = {"group": "mail", "points": 7, "reason": "met at the fair", "client_key": "1", "profile": "second"}


@pytest.fixture
async def account(worker: Service, new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account that has scores."""
    return await scored(worker, new_account)


@pytest.fixture
async def client(api: Api, account: str) -> AsyncIterator[Client]:
    """Give a client of an account with a second, published profile, in which a deal counts 7."""
    async with api.as_(account) as client:
        await client.post("/profiles", json=SECOND)
        await publish(api, client, "second")
        yield client


async def _archive(client: Client, *, archived: bool = True) -> dict[str, Any]:
    changed = await client.edit("/profiles/second", {"archived": archived})
    assert changed.status_code == 200, changed.text
    made: dict[str, Any] = changed.json()
    return made


async def _changes(api: Api, account: str, contact: str = "ann") -> list[dict[str, Any]]:
    """Return what messages of the second profile say of a contact; a tombstone has no data."""
    connection = await postgres.connect(api.dsn)
    messages, _ = await service.messages(connection)
    await connection.close()
    return [
        one.get("data", {})
        for one in messages
        if one["accountid"] == account
        and one["subject"] == contact
        and one.get("data", {}).get("profile", "second") == "second"
    ]


async def test_it_has_no_scores_and_is_not_listed(client: Client) -> None:
    """Readers are answered that it is archived; only who asks for archived ones sees it in the list."""
    made = await _archive(client)
    assert (made["archived"], made["version"]) == (True, None)
    assert [one["key"] for one in (await client.get("/profiles")).json()["items"]] == ["lead_score"]
    everything = (await client.get("/profiles", params={"archived": True})).json()["items"]
    assert [(one["key"], one["archived"]) for one in everything] == [("lead_score", False), ("second", True)]
    refused = await client.get("/contacts", params={"profile": "second"})
    assert (refused.status_code, "archived" in refused.json()["detail"]) == (409, True)
    assert [one["profile"] for one in (await client.get("/contacts/ann")).json()["profiles"]] == [
        "lead_score"
    ]
    [entry] = (await client.get("/audit", params={"limit": 1})).json()["items"]
    assert entry["after"] == {"version": None, "archived": True}
    assert (await client.get("/profile-order")).json() == {"keys": ["lead_score"]}
    assert (await client.edit("/profile-order", {"keys": ["lead_score"]}, method="PUT")).json() == {
        "keys": ["lead_score"]
    }


async def test_nothing_of_it_changes(client: Client) -> None:
    """Edits, previews, publishes, restores, adjustments and being primary are refused; deleting it too."""
    await _archive(client)
    assert (await client.edit("/profiles/second", {"name": "Other"})).status_code == 409
    assert (await client.edit("/profiles/second", {}, method="DELETE")).status_code == 409
    assert (await begin(client, "second")).status_code == 409
    assert (await client.post("/profiles/second/preview", json={})).status_code == 409
    seen = await client.get("/profiles/second")
    headers = {"if-match": seen.headers["etag"]}
    assert (await client.post("/profiles/second/versions/1/restore", headers=headers)).status_code == 409
    assert (await client.edit("/primary-profile", {"profile": "second"}, method="PUT")).status_code == 409
    adjusted = await client.post("/contacts/ann/adjustments", json=PLUS)
    assert [error["field"] for error in adjusted.json()["errors"]] == ["profile"]
    assert (await client.get("/profiles/second")).json() == seen.json()


async def test_what_is_needed_is_not_archived(client: Client) -> None:
    """The primary profile, and one that is being published, are not."""
    assert (await client.edit("/profiles/lead_score", {"archived": True})).status_code == 409
    await client.edit("/profiles/second", {"weights": {"deal_won": 9}})
    assert (await begin(client, "second")).status_code == 202
    assert (await client.edit("/profiles/second", {"archived": True})).status_code == 409


async def test_meanwhile_events_send_no_messages_and_then_all_count(
    api: Api, worker: Service, account: str, client: Client
) -> None:
    """Published again it has the scores of all events, and messages that go on from the last one (6.5, 6.9)."""
    await happen(worker, account, "deal.won")
    before = await _changes(api, account)
    await _archive(client)
    await happen(worker, account, "deal.won", "deal.won")
    await happen(worker, account, "deal.won", subject="new")
    assert await _changes(api, account) == before
    assert await _changes(api, account, "new") == []
    assert (await verify(api.dsn, account=account)).differences == []
    made = await _archive(client, archived=False)
    assert (made["archived"], made["version"], made["weights"]) == (False, None, SECOND["weights"])
    assert (await client.edit("/profiles/second", {}, method="DELETE")).status_code == 409
    await publish(api, client, "second")
    listed = (await client.get("/contacts", params={"profile": "second"})).json()["items"]
    assert {one["id"]: one["overall"] for one in listed} == {"ann": 28, "bob": 7, "new": 7}
    last, after = before[-1], (await _changes(api, account))[-1]
    assert (after["version"], after["causes"]) == (last["version"] + 1, ["publish"])
    assert after["overall"] == {"previous": last["overall"]["current"], "current": 28}
    [first] = await _changes(api, account, "new")
    assert (first["version"], first["overall"]) == (1, {"previous": 0, "current": 7})
    assert (await verify(api.dsn, account=account)).differences == []


async def test_a_deletion_meanwhile_ends_its_messages(
    api: Api, worker: Service, account: str, client: Client
) -> None:
    """The tombstone comes under the archived profile too, and what comes after it goes on from it (8.24)."""
    last = (await _changes(api, account))[-1]["version"]
    await _archive(client)
    await client.delete("/contacts/ann")
    await service.carry_out(api.dsn)
    assert (await _changes(api, account))[-1] == {"profile": "second"}
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert await worker.batch([record(account, "deal.won", at=later)]) == ["applied"]
    await _archive(client, archived=False)
    await publish(api, client, "second")
    after = (await _changes(api, account))[-1]
    assert (after["version"], after["overall"]) == (last + 1, {"previous": 0, "current": 7})
    assert (await verify(api.dsn, account=account)).differences == []


async def test_documents_leave_it_alone(api: Api, account: str, client: Client) -> None:
    """An export does not have it and applies without a difference; a document that lists it is refused."""
    await _archive(client)
    connection = await postgres.connect(api.dsn)
    exported = await catalog.export_document(connection, account)
    assert "second" not in exported
    assert await catalog.diff_document(connection, catalog.parse_document(exported)) == []
    await catalog.apply_document(connection, catalog.parse_document(exported))
    assert (await client.get("/profiles/second")).json()["archived"] is True
    listing = {"engagement_catalog": 1, "account": account, "profiles": [{"key": "second", "name": "Other"}]}
    with pytest.raises(DocumentFaultsError, match="profile second: is archived"):
        await catalog.diff_document(connection, service.parsed(listing))
    await connection.close()


async def test_where_nothing_has_counted(api: Api, new_account: Callable[..., Awaitable[str]]) -> None:
    """Archived before anything counts, it is published at once when it comes back by a document."""
    async with api.as_(await new_account()) as client:
        await client.post("/profiles", json={"key": "second", "name": "Second"})
        assert (await begin(client, "second")).status_code == 202
        running = (await client.get("/profiles/second/publishes")).json()["items"]
        await finish(api, running[0]["id"])
        await _archive(client)
        await _archive(client, archived=False)
        made = (await client.get("/profiles/second")).json()
        assert (made["archived"], made["version"], made["pending"]) == (False, None, True)
