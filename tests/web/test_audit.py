"""The audit trail: every change once, with its actor, newest first, of one account only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.catalog import audit
from consumer.catalog.audit import AuditedChange
from consumer.infra import postgres

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.web.api_client import Api

GROUP = {"key": "purchase", "name": "Purchase", "icon": "cart"}


async def test_the_trail_is_read_page_by_page(api: Api, new_account: Callable[..., Awaitable[str]]) -> None:
    """Entries come newest first, each once, whatever is added meanwhile."""
    account = await new_account()
    connection = await postgres.connect(api.dsn)
    changes = [AuditedChange("changed", "tests", str(number), {"n": number}, None) for number in range(5)]
    await audit.record_changes(connection, account, "bob", *changes)
    async with api.as_(account) as client:
        first = (await client.get("/audit", params={"limit": 3})).json()
        await audit.record_changes(connection, account, "eve", AuditedChange("added", "tests"))
        second = (await client.get("/audit", params={"limit": 200, "cursor": first["next"]})).json()
    await connection.close()
    keys = [entry["key"] for entry in [*first["items"], *second["items"]] if entry["subject"] == "tests"]
    assert keys == ["4", "3", "2", "1", "0"]
    assert second["next"] is None
    assert first["items"][0] == {
        "id": first["items"][0]["id"],
        "at": first["items"][0]["at"],
        "actor": "bob",
        "action": "changed",
        "subject": "tests",
        "key": "4",
        "before": {"n": 4},
        "after": None,
    }


async def test_cursors_and_trails_are_of_one_account(
    api: Api, new_account: Callable[..., Awaitable[str]]
) -> None:
    """What happens in one account is not in another's trail, and a cursor of one is not taken by another."""
    one, other = await new_account(groups=[GROUP]), await new_account()
    async with api.as_(one) as client:
        page = (await client.get("/audit", params={"limit": 1})).json()
    async with api.as_(other) as client:
        assert "purchase" not in (await client.get("/audit")).text
        assert (await client.get("/audit", params={"cursor": page["next"]})).status_code == 400


async def test_each_change_is_one_entry_and_a_refused_one_none(
    api: Api, new_account: Callable[..., Awaitable[str]]
) -> None:
    """A change that is made is one entry by its actor; one that is refused, or changes nothing, is none."""
    account = await new_account(groups=[GROUP])
    async with api.as_(account, actor="carl") as client:
        before = (await client.get("/audit")).json()["items"]
        await client.edit("/groups/purchase", {"name": "Bought"})
        await client.edit("/groups/purchase", {"name": "Bought"})
        await client.edit("/groups/purchase", {"icon": "unicorn"})
        await client.patch("/groups/purchase", json={"name": "x"})
        after = (await client.get("/audit")).json()["items"]
    assert len(after) == len(before) + 1
    assert after[1:] == before
    assert {name: after[0][name] for name in ("actor", "action", "subject", "key", "before", "after")} == {
        "actor": "carl",
        "action": "changed",
        "subject": "group",
        "key": "purchase",
        "before": {"name": "Purchase"},
        "after": {"name": "Bought"},
    }


async def test_the_trail_of_one_subject(api: Api, new_account: Callable[..., Awaitable[str]]) -> None:
    """The trail can be read of one kind of subject, and of one of them; a key without its kind is refused."""
    account = await new_account(groups=[GROUP])
    async with api.as_(account) as client:
        await client.post("/groups", json={**GROUP, "key": "mail"})
        await client.edit("/groups/purchase", {"name": "Bought"})
        groups = (await client.get("/audit", params={"subject": "group"})).json()["items"]
        of_one = (await client.get("/audit", params={"subject": "group", "key": "purchase"})).json()["items"]
        first = (await client.get("/audit", params={"subject": "group", "limit": 1})).json()
        other = await client.get("/audit", params={"subject": "profile", "cursor": first["next"]})
        refused = await client.get("/audit", params={"key": "purchase"})
    assert [each["key"] for each in groups] == ["purchase", "mail", "purchase"]
    assert [each["action"] for each in of_one] == ["changed", "created"]
    assert other.status_code == 400
    assert refused.json()["errors"] == [{"place": "query", "field": "key", "detail": "needs subject"}]


async def test_the_trail_is_filtered(api: Api, new_account: Callable[..., Awaitable[str]]) -> None:
    """It has the entries of one actor, and those of a time; a cursor goes on with the same filters only."""
    account = await new_account()
    connection = await postgres.connect(api.dsn)
    for number in range(4):
        change = AuditedChange("changed", "tests", str(number))
        await audit.record_changes(connection, account, "bob" if number % 2 else "eve", change)
    await connection.close()
    async with api.as_(account) as client:
        entries = (await client.get("/audit", params={"subject": "tests"})).json()["items"]
        at = [entry["at"] for entry in entries]

        async def keys(**params: str | int) -> list[str]:
            found = await client.get("/audit", params={"subject": "tests", **params})
            assert found.status_code == 200, found.text
            return [entry["key"] for entry in found.json()["items"]]

        assert await keys(actor="bob") == ["3", "1"]
        assert await keys(actor="nobody") == []
        assert await keys(since=at[1]) == ["3", "2"]
        assert await keys(until=at[1]) == ["1", "0"]
        assert await keys(since=at[2], until=at[0], actor="eve") == ["2"]
        assert await keys(actor="eve", key="2") == ["2"]
        first = (await client.get("/audit", params={"actor": "bob", "limit": 1})).json()
        assert [entry["key"] for entry in first["items"]] == ["3"]
        rest = {"actor": "bob", "limit": 1, "cursor": first["next"]}
        assert [entry["key"] for entry in (await client.get("/audit", params=rest)).json()["items"]] == ["1"]
        assert (await client.get("/audit", params={**rest, "actor": "eve"})).status_code == 400
