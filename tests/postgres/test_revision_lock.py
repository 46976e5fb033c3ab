"""The revision lock: a change gets through beside batches, and a batch reads only what has changed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from consumer.catalog import load_snapshot
from consumer.infra.postgres import revision_lock
from consumer.infra.postgres.revision_lock import begin_shared, configuration_change
from consumer.ingest.batch_context import BatchContext
from tests.builders.catalog_documents import document
from tests.pipeline import service

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_BATCH = 0.4  # seconds


async def test_a_change_gets_through_beside_batches_that_always_hold_the_lock(
    database: str, connection: Connection
) -> None:
    """Where the batches of several pipelines overlap without a gap, a change still gets the lock between them."""

    async def hold(begun: asyncio.Event, delay: float) -> None:
        batch = await asyncpg.connect(database)
        try:
            await batch.execute(f"select pg_sleep({delay})")
            while True:
                await begin_shared(batch)
                begun.set()
                await batch.execute(f"select pg_sleep({_BATCH}); commit")
        finally:
            batch.terminate()

    begun = [asyncio.Event() for _ in range(4)]
    holders = [
        asyncio.create_task(hold(event, _BATCH / len(begun) * number)) for number, event in enumerate(begun)
    ]
    try:
        await asyncio.gather(*(event.wait() for event in begun))
        async with asyncio.timeout(20), configuration_change(connection, None):
            pass
        assert not any(holder.done() for holder in holders)
    finally:
        for holder in holders:
            holder.cancel()
        await asyncio.gather(*holders, return_exceptions=True)


async def test_a_change_that_never_gets_through_ends_with_an_error(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside a batch that does not end a change raises what Postgres says, and leaves no transaction."""
    monkeypatch.setattr(revision_lock, "_PATIENCE", 0.2)
    batch = await asyncpg.connect(database)
    await begin_shared(batch)
    try:
        with pytest.raises(asyncpg.LockNotAvailableError):
            async with configuration_change(connection, None):
                pass
        assert not connection.is_in_transaction()
    finally:
        await batch.close()


async def test_only_accounts_that_have_changed_are_read_again(database: str, connection: Connection) -> None:
    """After a change of one account a batch takes the others over from the snapshot before."""
    for account in ("acme", "birch"):
        await service.apply_document(database, document(account))
    before = await load_snapshot(connection)
    await service.apply_document(database, document("birch", sales=False))
    await service.apply_document(database, document("cedar"))
    after = await load_snapshot(connection, before)
    assert after == await load_snapshot(connection)
    assert after.revision > before.revision
    assert after.accounts["acme"] is before.accounts["acme"]
    assert after.accounts["birch"] is not before.accounts["birch"]


async def test_weights_of_accounts_that_have_changed_are_read_again(
    database: str, connection: Connection
) -> None:
    """Weights and versions are kept for accounts without a change, and read again for the one that has changed."""
    for account in ("acme", "birch"):
        await service.apply_document(database, document(account))

    async def connect() -> Connection:
        return await asyncpg.connect(database)

    context = BatchContext(connect)
    try:
        accounts = (await context.catalog()).accounts
        ids = {key: account.id for key, account in accounts.items()}
        definitions = {key: account.definition_ids() for key, account in accounts.items()}
        every = set().union(*definitions.values())
        versions = dict(await context.weights.versions(connection, ids.values()))
        weights = dict(await context.weights.of_definitions(connection, every))
        await service.apply_document(database, document("birch", profiles=[_profile(won=7)]))
        context.forget_catalog()
        await context.catalog()
        versions_now = await context.weights.versions(connection, ids.values())
        weights_now = await context.weights.of_definitions(connection, every)
    finally:
        context.database.drop()
    assert versions_now[ids["acme"]] is versions[ids["acme"]]
    assert versions_now[ids["birch"]] != versions[ids["birch"]]
    for definition in definitions["acme"]:
        assert weights_now[definition] is weights[definition]
    for definition in definitions["birch"]:
        assert [one.weight for one in weights_now[definition]] == [7]


async def test_a_database_that_has_lost_changes_is_read_as_a_whole(
    database: str, connection: Connection
) -> None:
    """A revision below the known one means lost commits: nothing of the snapshot before is taken over."""
    await service.apply_document(database, document())
    lost = await load_snapshot(connection)
    await connection.execute(
        "update installation set revision = 1; update accounts set revision = 1, sales = false"
    )
    found = await load_snapshot(connection, lost)
    assert found.revision == 1
    assert not found.accounts["acme"].sales


def _profile(**weights: int) -> dict[str, object]:
    return {
        "key": "lead_score",
        "name": "Lead score",
        "primary": True,
        "inherits": True,
        "published": True,
        "weights": weights,
    }
