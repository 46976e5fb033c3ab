"""Publishes and rejudgements beside batches in flight: they cover what those add (docs/decisions/0026).

Worker 0 has a batch in flight, 1 is at work on the job.
"""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from consumer.infra.postgres.connection import connect
from consumer.infra.postgres.revision_lock import begin_shared
from consumer.scoring import jobs, profile_publish, rejudgement
from consumer.scoring.profile_publish import PUBLISHES
from consumer.scoring.rejudgement import REJUDGEMENTS
from consumer.scoring.verify import verify
from tests.builders.catalog_documents import ALWAYS, ONCE, dedup_document, weights_document
from tests.builders.events import clock_event, numbered_event
from tests.pipeline import service
from tests.pipeline.batch_in_flight import BETWEEN, apply, beside, in_flight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.jobs import JobKind
    from tests.pipeline.statement_schedule import Schedule


async def _carry_on(schedule: Schedule, kind: JobKind[Any], number: int) -> None:
    """Run a job to its end as worker 1; its first step has to wait for the batch that is in flight."""
    working = await schedule.connect(1)
    step = await jobs.take_step(working, kind, number)
    assert step.waits_for is jobs.WaitsFor.BATCHES
    await working.fetchval(BETWEEN)
    while (await kind.status(working, number)).ended_at is None:
        step = await jobs.take_step(working, kind, number, awaited=step.awaited)


def _until_it_waits(schedule: Schedule) -> Iterator[int]:
    """Give turns to worker 1 until a job waits for the batch, then to the batch."""
    return chain(schedule.turns_until(1, BETWEEN), repeat(0))


async def test_a_publish_begun_beside_a_batch_covers_the_contacts_that_it_creates(
    database: str, connection: Connection
) -> None:
    """A batch in flight at the begin knows nothing of the new version: its contacts are built after its commit."""
    async with in_flight(database, connection) as (schedule, worker):
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1)])

        async def publish() -> None:
            publish = await service.begin_publish(await schedule.connect(1), won=3)
            await _carry_on(schedule, PUBLISHES, publish)

        batch = worker.batch([numbered_event(2), numbered_event(3, subject="new")])
        await beside(schedule, batch, publish(), turns=_until_it_waits(schedule))
    assert await service.overall_scores(connection) == {"ann": 6, "new": 3}
    assert (await verify(database)).differences == []


async def _being_built(worker: service.Service, connection: Connection) -> int:
    """Begin a publish that a batch has met and of which all contacts are built; return its number."""
    await worker.apply(weights_document())
    await worker.batch([numbered_event(1)])
    publish = await service.begin_publish(connection, won=3)
    await worker.batch([numbered_event(4, subject="bob")])  # which reads the new version
    assert await jobs.take_step(connection, PUBLISHES, publish) == jobs.Step()
    return publish


async def test_a_flip_beside_a_batch_is_announced_to_the_contacts_that_it_creates(
    database: str, connection: Connection
) -> None:
    """A batch in flight at the flip announces the version before; its contacts learn of the flip afterwards."""
    async with in_flight(database, connection) as (schedule, worker):
        publish = await _being_built(worker, connection)

        async def flip() -> None:
            flipped = await jobs.take_step(await schedule.connect(1), PUBLISHES, publish)
            assert flipped.new_state == "announcing"
            await _carry_on(schedule, PUBLISHES, publish)

        batch = worker.batch([numbered_event(2), numbered_event(3, subject="new")])
        await beside(schedule, batch, flip(), turns=_until_it_waits(schedule))
    for contact, score in (("ann", 6), ("new", 3)):
        last = (await service.score_changes(connection, contact))[-1]
        assert (last["overall"]["current"], last["causes"]) == (score, ["publish"])
    assert set(await connection.fetchval("select array_agg(distinct version) from contact_scores")) == {2}
    assert (await verify(database)).differences == []


async def test_a_cancel_beside_a_batch_leaves_nothing_of_the_version(
    database: str, connection: Connection
) -> None:
    """What a batch in flight at the cancellation adds to the version is deleted, of new contacts too."""
    async with in_flight(database, connection) as (schedule, worker):
        publish = await _being_built(worker, connection)

        async def cancel() -> None:
            await profile_publish.cancel(await schedule.connect(1), publish, by="mia")
            await _carry_on(schedule, PUBLISHES, publish)

        batch = worker.batch([numbered_event(2), numbered_event(3, subject="new")])
        await beside(schedule, batch, cancel(), turns=_until_it_waits(schedule))
    assert (await profile_publish.status(connection, publish)).state == "cancelled"
    assert set(await connection.fetchval("select array_agg(distinct version) from contact_scores")) == {1}
    assert (await verify(database)).differences == []


async def test_batches_are_waited_for_in_each_state(database: str, connection: Connection) -> None:
    """Batches that began before a cancellation are waited for, though those before the begin have ended."""
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1)])
    publish = await service.begin_publish(connection, won=3)
    before_begin, before_cancel = await connect(database), await connect(database)
    try:
        await begin_shared(before_begin)
        building = await jobs.take_step(connection, PUBLISHES, publish)
        assert building.waits_for is jobs.WaitsFor.BATCHES
        await begin_shared(before_cancel)
        await profile_publish.cancel(connection, publish, by="mia")
        await before_begin.execute("commit")
        cancelling = await jobs.take_step(connection, PUBLISHES, publish, awaited=building.awaited)
        assert cancelling.waits_for is jobs.WaitsFor.BATCHES
        await before_cancel.execute("commit")
        await service.publish_all(database, [publish])
    finally:
        before_begin.terminate()
        before_cancel.terminate()
    assert (await profile_publish.status(connection, publish)).state == "cancelled"


async def test_a_rejudgement_covers_the_contacts_of_a_batch_in_flight(
    database: str, connection: Connection
) -> None:
    """A batch in flight when the newest edition was opened creates contacts that the rejudgement has to judge."""
    async with in_flight(database, connection) as (schedule, worker):
        await worker.apply(dedup_document(ALWAYS))
        await worker.batch([clock_event("08:00")])
        batch = worker.batch([clock_event(at, subject="new") for at in ("09:00", "10:00")])

        async def change() -> None:
            await apply(schedule, dedup_document(ONCE))
            changing = await schedule.connect(1)
            number = await rejudgement.begin(changing, "acme", "won", with_xp=False, by="mia")
            await _carry_on(schedule, REJUDGEMENTS, number)

        await beside(schedule, batch, change(), turns=_until_it_waits(schedule))
    assert (await service.verdicts(connection))["10:00"] == "already_counted"
    assert (await verify(database)).differences == []
