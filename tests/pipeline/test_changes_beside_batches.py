"""Changes of configuration beside batches in flight: no one waits, and all still adds up (docs/decisions/0026).

Each rule has the order of statements written down in which it would show. Worker 0 has a batch in flight, 1
changes.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import pytest

from consumer.catalog.change import change_catalog
from consumer.ingest import batch_processor
from consumer.ingest.triage import triage
from consumer.scoring import profile_publish
from consumer.scoring.verify import verify
from sql import queries
from tests.builders.catalog_documents import (
    ALWAYS,
    ONCE,
    dedup_document,
    definition,
    document,
    weights_document,
)
from tests.builders.events import clock_event, numbered_event
from tests.pipeline import service
from tests.pipeline.batch_in_flight import BETWEEN, apply, beside, in_flight

if TYPE_CHECKING:
    from consumer.catalog.model.account import AccountCatalog
    from consumer.infra.postgres.connection import Connection

LOCK_CONTACTS = queries("batch")["claim_and_lock"]
MARK_COUNTED = queries("weights")["mark_counted"]
RAISE_REVISION = queries("revision_lock")["raise_revision"]
_TWO = [definition("won", "deal.won"), definition("lost", "deal.lost")]


class RefusedError(Exception):
    """The edit of a test refuses."""


@pytest.fixture
def triages(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Collect the arguments of each triage of a batch."""
    made: list[Any] = []

    def counted(*arguments: Any) -> Any:
        made.append(arguments)
        return triage(*arguments)

    monkeypatch.setattr(batch_processor, "triage", counted)
    return made


async def test_a_change_waits_for_no_batch_and_no_batch_for_a_change(
    database: str, connection: Connection
) -> None:
    """A change returns while a batch of the account is in flight, and holds for the batch begun after it."""
    async with in_flight(database, connection) as (schedule, worker):
        await worker.apply(document())
        await worker.batch([numbered_event(1)])
        async with service.running(database, feed=service.Feed("sales")) as other:

            async def change() -> None:
                await (await schedule.connect(1)).fetchval(BETWEEN)
                await apply(schedule, document(definitions=[definition("won", "deal.won", "deal.lost")]))
                assert await other.batch([numbered_event(3, subject="bob", type="deal.lost")]) == ["applied"]
                assert not schedule._working[0].done()

            await beside(schedule, worker.batch([numbered_event(2)]), change())
    assert schedule.lock_waits == 0
    assert await service.overall_scores(connection) == {"ann": 20, "bob": 10}
    assert (await verify(database)).differences == []


async def test_a_batch_that_has_not_locked_its_contacts_is_matched_again(
    database: str, connection: Connection
) -> None:
    """A batch that was matched before a change, and gets its contacts after it, is applied by the new catalog."""
    async with in_flight(database, connection) as (schedule, worker):
        await worker.apply(dedup_document(ALWAYS))
        for at in ("08:00", "09:00"):  # by the second one it is known that the definition has counted
            await worker.batch([clock_event(at)])
        batch = worker.batch([clock_event("10:00")])
        await beside(schedule, batch, apply(schedule, dedup_document(ONCE)), until=LOCK_CONTACTS)
    assert (await service.verdicts(connection))["10:00"] == "already_counted"
    assert (await verify(database)).differences == []


async def test_what_a_batch_in_flight_counted_limits_the_next_edition(
    database: str, connection: Connection
) -> None:
    """Of one contact all that is judged by the older edition comes before all that is judged by the newer one."""
    async with in_flight(database, connection) as (schedule, worker):
        await worker.apply(dedup_document(ALWAYS))
        await worker.batch(
            [clock_event("08:00", subject="bob"), clock_event("08:30", type="contact.upserted")]
        )
        async with service.running(
            database, feed=service.Feed("sales"), connect=lambda: schedule.connect(1)
        ) as other:

            async def change() -> None:
                await apply(schedule, dedup_document(ONCE))
                await other.batch([clock_event("10:00")])

            committed = await beside(schedule, worker.batch([clock_event("09:00")]), change())
    assert committed == [0, 1]
    assert schedule.lock_waits == 1
    found = await service.verdicts(connection)
    assert (found["09:00"], found["10:00"]) == ("counted", "already_counted")
    assert (await verify(database)).differences == []


async def test_another_account_does_not_make_a_batch_be_matched_again(
    database: str, connection: Connection, triages: list[Any]
) -> None:
    """A batch whose accounts have not changed is matched once, however the others change."""
    async with in_flight(database, connection) as (schedule, worker):
        for account in ("acme", "birch"):
            await worker.apply(document(account))
        await worker.batch([numbered_event(1, accountid="birch")])
        triages.clear()
        batch = worker.batch([numbered_event(2, accountid="birch")])
        await beside(schedule, batch, apply(schedule, document(sales=False)), until=LOCK_CONTACTS)
        assert len(triages) == 1
        # It knows the change by the next batch.
        assert await worker.batch([numbered_event(3, accountid="acme", actortype="rep", actorid="joe")])
        assert len(triages) == 2
    assert (await service.messages(connection))[1] == []


async def test_a_change_that_means_nothing_to_batches_does_not_make_one_be_matched_again(
    database: str, connection: Connection, triages: list[Any]
) -> None:
    """A new name, and a draft, leave a batch as it is; a publish of other weights does not."""
    draft = {"key": "draft", "name": "Draft", "weights": {"won": 3}}
    async with in_flight(database, connection) as (schedule, worker):
        await worker.apply(weights_document(won=1))
        await worker.batch([numbered_event(1)])
        triages.clear()
        profiles = [*weights_document(won=1)["profiles"], draft]
        renamed = {**weights_document(won=1), "name": "Renamed", "profiles": profiles}
        batch = worker.batch([numbered_event(2)])
        await beside(schedule, batch, apply(schedule, renamed), until=LOCK_CONTACTS)
        assert len(triages) == 1
        batch = worker.batch([numbered_event(3)])
        await beside(schedule, batch, apply(schedule, weights_document(won=9)), until=LOCK_CONTACTS)
        assert len(triages) == 3
        await service.publish_all(database, await profile_publish.unfinished_publishes(connection))
    assert (await verify(database)).differences == []


async def test_an_account_that_is_created_is_known_to_a_batch_begun_before(
    database: str, connection: Connection
) -> None:
    """Events of an account without a catalog are looked at again if it is created before they are processed."""
    async with in_flight(database, connection) as (schedule, worker):
        await worker.apply(document())
        await worker.batch([numbered_event(1)])
        batch = worker.batch([numbered_event(2), numbered_event(3, accountid="birch")])
        await beside(schedule, batch, apply(schedule, document("birch")), until=LOCK_CONTACTS)
        assert worker.outcomes[1:] == ["applied", "applied"]


async def test_a_batch_is_overtaken_by_changes_only_once(database: str, connection: Connection) -> None:
    """An account that changes all the time does not keep a batch from its commit: the second try holds it."""
    async with in_flight(database, connection) as (schedule, worker):
        await worker.apply(document())
        await worker.batch([numbered_event(1)])

        async def change() -> None:
            for number in range(1, 3):
                await apply(schedule, document(name=str(number), sales=number == 2))
                await (await schedule.connect(1)).fetchval(BETWEEN)

        turns = chain(
            schedule.turns_until(1, BETWEEN), [0], schedule.turns_until(0, LOCK_CONTACTS), repeat(1)
        )
        batch = worker.batch([numbered_event(2)])
        committed = await beside(schedule, batch, change(), until=LOCK_CONTACTS, turns=turns)
    assert committed == [0]
    assert schedule.lock_waits == 1
    assert await connection.fetchval("select name from accounts") == "2"


async def test_a_definition_that_a_batch_counts_cannot_be_deleted(
    database: str, connection: Connection
) -> None:
    """A change that has to know whether a definition has counted waits for the batch that counts it first."""
    async with in_flight(database, connection) as (schedule, worker):
        await worker.apply(document(definitions=_TWO))
        await worker.batch([numbered_event(1)])

        refused = []

        async def change() -> None:
            try:
                await change_catalog(await schedule.connect(1), "acme", _without_lost, by="mia")
            except RefusedError as error:
                refused.append(error)

        await beside(schedule, worker.batch([numbered_event(2, type="deal.lost")]), change())
    assert len(refused) == schedule.lock_waits == 1
    assert await service.overall_scores(connection) == {"ann": 20}
    assert (await verify(database)).differences == []


async def test_a_batch_that_would_count_a_deleted_definition_is_matched_again(
    database: str, connection: Connection
) -> None:
    """A batch that finds a definition of its own in change waits for that, and leaves nothing of a deleted one."""
    async with in_flight(database, connection) as (schedule, worker):
        await worker.apply(document(definitions=_TWO))
        await worker.batch([numbered_event(1)])

        async def change() -> None:
            await change_catalog(await schedule.connect(1), "acme", _without_lost, by="mia")

        turns = chain(schedule.turns_until(1, RAISE_REVISION), repeat(0))
        batch = worker.batch([numbered_event(2, type="deal.lost")])
        await beside(schedule, batch, change(), until=MARK_COUNTED, turns=turns)
        assert worker.outcomes[1:] == ["unmatched"]
    assert schedule.lock_waits == 1
    assert len(await service.verdicts(connection)) == 1
    assert (await verify(database)).differences == []


def _without_lost(account: AccountCatalog) -> AccountCatalog:
    if account.definitions["lost"].counted:
        raise RefusedError
    return replace(
        account, definitions={key: one for key, one in account.definitions.items() if key != "lost"}
    )


async def test_the_first_count_is_by_the_points_that_stay(database: str, connection: Connection) -> None:
    """A batch that counts a definition for the first time does so by the points that are frozen by that."""
    async with in_flight(database, connection) as (schedule, worker):
        await worker.apply(document())
        await worker.apply(document(definitions=_TWO))
        await worker.batch([numbered_event(1)])
        dearer = document(definitions=[_TWO[0], definition("lost", "deal.lost", default_points=70)])
        batch = worker.batch([numbered_event(2, type="deal.lost")])
        await beside(schedule, batch, apply(schedule, dearer), until=MARK_COUNTED)
    assert await service.overall_scores(connection) == {"ann": 80}
    assert (await verify(database)).differences == []


async def test_a_group_can_be_deleted_beside_a_batch_that_scores_in_it(
    database: str, connection: Connection
) -> None:
    """A batch in flight scores in the group that its version names, though the catalog has it no more."""
    async with in_flight(database, connection) as (schedule, worker):
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1, type="deal.lost")])

        def move(account: AccountCatalog) -> AccountCatalog:
            lost = replace(account.definitions["lost"], group="purchase")
            kept = {key: group for key, group in account.groups.items() if key != "support"}
            return replace(account, groups=kept, definitions={**account.definitions, "lost": lost})

        async def change() -> None:
            await change_catalog(await schedule.connect(1), "acme", move, by="mia")

        await beside(schedule, worker.batch([numbered_event(2, type="deal.lost")]), change())
    assert schedule.lock_waits == 0
    newest = (await service.score_changes(connection))[-1]
    assert newest["groups"]["support"] == {"previous": 10, "current": 20}
    assert (await verify(database)).differences == []


async def test_a_publish_at_once_waits_for_batches(database: str, connection: Connection) -> None:
    """A version that is published while nothing has counted has a score of every contact, new ones too."""
    async with in_flight(database, connection) as (schedule, worker):
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1, type="contact.upserted")])
        batch = worker.batch([numbered_event(2, type="contact.upserted", subject="new")])
        await beside(schedule, batch, apply(schedule, weights_document(won=3)))
    assert schedule.lock_waits == 1
    assert await service.overall_scores(connection) == {"ann": 0, "new": 0}
    assert (await verify(database)).differences == []


async def test_a_batch_that_knows_another_number_of_shards_is_triaged_again(
    database: str, connection: Connection
) -> None:
    """A dead letter goes to a shard that is in use: shards belong to no account, and are compared as well."""
    async with service.running(database, feed=service.Feed("deals", 3)) as worker:
        await worker.apply(document())
        await connection.execute("update installation set shards = 4")
        await worker.batch([numbered_event(1)])
        await connection.execute("update installation set shards = 1")
        await worker.batch([numbered_event(number, type="") for number in range(10)])
    shards = await connection.fetch("select distinct shard from outbox where 'dead_letter' = any(kinds)")
    assert [row["shard"] for row in shards] == [0]
