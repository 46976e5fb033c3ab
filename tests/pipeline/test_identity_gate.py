"""While programs that know neither joined nor erased contacts may run, none come to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.scoring import identity
from tests.builders.catalog_documents import document
from tests.builders.events import clock_event
from tests.pipeline import service

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection


async def test_nothing_is_carried_out_while_older_programs_may_run(
    database: str, connection: Connection
) -> None:
    """Facts are stored, and events before a deletion are gone; the rest follows when all programs know it."""
    await connection.execute("update installation set schema_version = 5")
    async with service.running(database) as worker:
        await worker.apply(document())
        await worker.batch(
            [
                clock_event("10:00", subject="ann"),
                clock_event("11:00", type="contact.deleted", subject="ann"),
                clock_event("11:10", type="contact.deleted", subject="bob"),
                clock_event("11:20", type="contact.merged", subject="cem", data='{"into": "dan"}'),
            ]
        )
        assert await identity.due_contacts(connection, 10) == []
        assert not await identity.may_carry_out(connection)
        nameless = "select count(*) from contacts where external_id is null or survivor_id is not null"
        assert await connection.fetchval(nameless) == 0
        assert await worker.batch([clock_event("10:30", subject="ann")]) == ["gone"]
        await connection.execute("update installation set schema_version = 6")
        await service.carry_out(database)
    assert await connection.fetchval(nameless) == 3
    assert set(await service.overall_scores(connection)) == {"dan"}


async def test_accounts_take_turns(database: str, connection: Connection) -> None:
    """Beside many deletions of one account another account's is among the first; of each the oldest come first."""
    async with service.running(database) as worker:
        await worker.apply(document("acme"))
        await worker.apply(document("birch"))
        await worker.batch(
            [clock_event(f"10:{minute}", subject=f"a{minute}") for minute in range(10, 20)]
            + [clock_event("10:30", subject="b", accountid="birch")]
        )
        for minute in range(10, 20):
            await worker.batch([clock_event(f"11:{minute}", type="contact.deleted", subject=f"a{minute}")])
        await worker.batch([clock_event("11:30", type="contact.deleted", subject="b", accountid="birch")])
    due = await identity.due_contacts(connection, 4)
    names = await connection.fetch(
        "select external_id from unnest($1::bigint[]) with ordinality as d(id, place) "
        "join contacts c using (id) order by place",
        due,
    )
    assert [row["external_id"] for row in names] == ["a10", "b", "a11", "a12"]
