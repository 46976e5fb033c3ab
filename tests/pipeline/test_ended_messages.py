"""Tombstones of contacts that are joined and deleted in turn (semantics 8.14, 8.21, 8.44)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.builders.catalog_documents import definition, document
from tests.builders.events import clock_event
from tests.pipeline import service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.infra.postgres.connection import Connection
    from tests.pipeline.service import Service


_INTO_ANN = json.dumps({"into": "ann"})


@pytest.fixture
async def worker(database: str) -> AsyncIterator[Service]:
    """Give a worker of an account in which a deal of bob has counted."""
    async with service.running(database) as running:
        await running.apply(document(definitions=[definition("won", "deal.won")]))
        await running.batch([clock_event("09:00", subject="bob")])
        yield running


async def _of_bob(connection: Connection) -> list[str]:
    sent, _ = await service.messages(connection)
    return ["score" if "id" in one else "end" for one in sent if one["subject"] == "bob"]


async def test_messages_end_once(worker: Service, database: str, connection: Connection) -> None:
    """A deleted contact that comes back without points and is absorbed then has one tombstone, not two (8.44)."""
    await worker.batch(
        [
            clock_event("10:00", type="contact.deleted", subject="bob"),
            clock_event("10:00", type="contact.merged", subject="bob", data=_INTO_ANN),
        ]
    )
    await service.carry_out(database)
    back = json.dumps({"name": "Bob"})
    await worker.batch([clock_event("11:00", type="contact.upserted", subject="bob", data=back)])
    await service.carry_out(database)
    assert set(await service.contacts(connection)) == {("acme", "ann")}
    assert await _of_bob(connection) == ["score", "end"]


async def test_messages_that_have_gone_on_end_again(
    worker: Service, database: str, connection: Connection
) -> None:
    """A deleted contact that comes back with points and is absorbed then has a tombstone for each life."""
    await worker.batch([clock_event("10:00", type="contact.deleted", subject="bob")])
    await service.carry_out(database)
    await worker.batch([clock_event("11:00", subject="bob")])
    await worker.batch([clock_event("12:00", type="contact.merged", subject="bob", data=_INTO_ANN)])
    await service.carry_out(database)
    assert await _of_bob(connection) == ["score", "end", "score", "end"]
