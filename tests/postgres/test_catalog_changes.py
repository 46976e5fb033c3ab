"""Changes of one account at the same time: each is made to what the others have left."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from consumer.catalog import repository
from consumer.catalog.change import change_catalog
from consumer.infra.postgres.connection import connect
from tests.postgres.document_changes import applied

if TYPE_CHECKING:
    from consumer.catalog.model.account import AccountCatalog
    from consumer.infra.postgres.connection import Connection

TEXT = "name: Acme\ngroups: [{key: mail, name: Mail, icon: mail}]\n"


@pytest.mark.parametrize("overtaken", [1, 5])
async def test_a_change_is_made_to_what_is_stored(
    database: str, connection: Connection, overtaken: int
) -> None:
    """A change that another one overtakes is made again to what that left; in the end under the lock."""
    await applied(connection, TEXT)
    other = await connect(database)
    loop = asyncio.get_running_loop()
    seen: list[str] = []

    def renamed(before: AccountCatalog) -> AccountCatalog:
        group = replace(before.groups["mail"], name=f"{before.groups['mail'].name}!")
        return replace(before, groups={"mail": group})

    def edited(before: AccountCatalog) -> AccountCatalog:
        seen.append(before.groups["mail"].name)
        if len(seen) <= overtaken:
            change = change_catalog(other, "acme", renamed, by="bob")
            asyncio.run_coroutine_threadsafe(change, loop).result(timeout=20)
        return replace(before, groups={"mail": replace(before.groups["mail"], icon="cart")})

    try:
        changed = await change_catalog(connection, "acme", edited, by="ann")
    finally:
        await other.close()
    assert seen == ["Mail" + "!" * number for number in range(overtaken + 1)]
    async with connection.transaction(isolation="repeatable_read"):
        stored = await repository.read(connection, "acme")
    assert stored == changed
    assert (stored.groups["mail"].name, stored.groups["mail"].icon) == ("Mail" + "!" * overtaken, "cart")
