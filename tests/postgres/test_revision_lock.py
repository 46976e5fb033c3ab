"""The locks of changes: they get through beside batches, and a batch reads only what has changed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
import pytest

from consumer.catalog import load_snapshot
from consumer.infra.postgres import revision_lock
from consumer.infra.postgres.connection import connect
from consumer.infra.postgres.revision_lock import begin_shared, configuration_change, wait_for_batches
from consumer.ingest.batch_context import BatchContext
from tests.builders.catalog_documents import document
from tests.pipeline import service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from consumer.infra.postgres.connection import Connection

_BATCH = 0.4  # seconds


@asynccontextmanager
async def _holding(
    database: str, holders: int, begin: Callable[[Connection], Awaitable[None]]
) -> AsyncIterator[list[int]]:
    """Let so many connections hold locks back to back, overlapping without a gap; give how often each has begun."""
    begun = [0] * holders
    all_begun = asyncio.Event()

    async def hold(number: int) -> None:
        batch = await connect(database)
        try:
            await batch.execute(f"select pg_sleep({_BATCH / holders * number})")
            while True:
                await begin(batch)
                begun[number] += 1
                if all(begun):
                    all_begun.set()
                await batch.execute(f"select pg_sleep({_BATCH}); commit")
        finally:
            batch.terminate()

    tasks = [asyncio.create_task(hold(number)) for number in range(holders)]
    try:
        await all_begun.wait()
        yield begun
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_change_of_an_account_does_not_wait_for_batches(
    database: str, connection: Connection
) -> None:
    """Beside sixteen pipelines that always have a batch in flight a change is made before one of them ends."""
    async with _holding(database, 16, begin_shared) as begun:
        before = sum(begun)
        async with configuration_change(connection, "acme"):
            pass
        assert sum(begun) - before < len(begun)


async def test_a_change_without_an_account_has_its_turn_before_the_next_batches(
    database: str, connection: Connection
) -> None:
    """What locks out all batches waits for those in flight, and for none begun after it, whatever their number."""
    async with _holding(database, 16, begin_shared) as begun:
        before = list(begun)
        async with configuration_change(connection, None):
            rounds = [now - then for now, then in zip(begun, before, strict=True)]
            in_flight = (
                "select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep%;%'"
            )
            assert await connection.fetchval(f"{in_flight} and pid <> pg_backend_pid()") == 0
        assert max(rounds) <= 1


async def test_a_change_gets_through_beside_transactions_that_always_share_the_account(
    database: str, connection: Connection
) -> None:
    """Where transactions that share the account's lock overlap without a gap, a change gets it between them."""

    async def begin(batch: Connection) -> None:
        await begin_shared(batch, accounts=["acme"])

    async with _holding(database, 4, begin), asyncio.timeout(20), configuration_change(connection, "acme"):
        pass


async def test_a_change_that_never_gets_through_ends_with_an_error(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside a transaction that does not end a change raises what Postgres says, and leaves no transaction."""
    monkeypatch.setattr(revision_lock, "_PATIENCE", 0.2)
    batch = await connect(database)
    await begin_shared(batch, accounts=["acme"])
    try:
        with pytest.raises(asyncpg.LockNotAvailableError):
            async with configuration_change(connection, "acme"):
                pass
        assert not connection.is_in_transaction()
        async with asyncio.timeout(20), configuration_change(connection, "birch"):
            pass
    finally:
        await batch.close()


async def test_a_wait_for_batches_is_for_those_in_flight_and_holds_up_none(
    database: str, connection: Connection
) -> None:
    """Batches begin and end while those are waited for that were in flight, and are not waited for themselves."""
    earlier, later = await connect(database), await connect(database)
    try:
        await begin_shared(earlier)
        task = asyncio.create_task(wait_for_batches(connection))
        for _ in range(3):
            await begin_shared(later)
            await later.execute("commit")
        await begin_shared(later)
        assert not task.done()
        await earlier.execute("commit")
        await task
        assert later.is_in_transaction()
    finally:
        earlier.terminate()
        later.terminate()


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
        await context.weights.read_missing(connection, definitions=every, accounts=ids.values())
        versions, weights = dict(context.weights.versions), dict(context.weights.by_definition)
        await service.apply_document(database, document("birch", profiles=[_profile(won=7)]))
        context.forget_catalog()
        await context.catalog()
        await context.weights.read_missing(connection, definitions=every, accounts=ids.values())
        versions_now, weights_now = context.weights.versions, context.weights.by_definition
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
