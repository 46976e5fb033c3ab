"""Runs drawn histories on a database and replays what was committed, in commit order, to the oracle.

Counts how often a history has what the tests are about. oracle_comparison.py compares.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from consumer import catalog
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.scoring import identity, profile_publish
from tests.builders.kafka_records import binary_record, structured_record
from tests.oracle import Oracle
from tests.pipeline import service
from tests.pipeline.strategies import WORKERS, Chapter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from consumer.domain.model import Record
    from consumer.infra.postgres.connection import Connection
    from tests.oracle import OracleRecord
    from tests.pipeline.statement_schedule import Schedule

# What the schema itself puts into a new database.
_FIXTURES = ("installation", "migrations", "outbox_heads", "relay_floors")
SCARCE = 0.1
# In the place of a document: joins and deletions are carried out.
CARRIED_OUT: dict[str, Any] = {}


@dataclass
class Commit:
    """Records that were committed together, and what the service said became of them."""

    records: Sequence[OracleRecord]
    outcomes: list[str] = field(default_factory=list)


class BothEncodings(service.Feed):
    """A lane with a structured record at even offsets, a binary one at odd offsets."""

    def records(self, records: Sequence[OracleRecord]) -> list[Record]:
        """Give the records the next offsets of the lane."""
        encodings = (structured_record, binary_record)
        first = self.next_offset
        self.next_offset += len(records)
        return [
            encodings[offset % 2](record, self.topic, self.partition, offset)
            for offset, record in enumerate(records, first)
        ]


class HistoryRunner:
    """Workers with a lane each on one database; what they commit is written down in its order."""

    def __init__(self, schedule: Schedule) -> None:
        self.committed: list[Commit | dict[str, Any]] = []
        self.workers: list[service.Service] = []
        self._schedule = schedule
        self._in_flight: dict[int, Commit] = {}

    async def play(self, chapters: Sequence[Chapter]) -> list[Commit | dict[str, Any]]:
        """Take a history through the path; returns documents and commits as they took effect."""
        self.committed = []
        for chapter in chapters:
            for document in chapter.documents:
                await catalog.apply_document(self._schedule.monitor, service.parsed(document))
                await self._publish()
                self.committed.append(document)
            await self._schedule.run(
                chapter.turns, {number: self._work(number, chapter) for number in range(WORKERS)}
            )
            if chapter.carries_out:
                await self._carry_out()
        return self.committed

    async def _carry_out(self) -> None:
        """Carry out the joins and deletions that have come."""
        while due := await identity.due_contacts(self._schedule.monitor, 10):
            for contact in due:
                await identity.carry_out(self._schedule.monitor, contact)
        self.committed.append(CARRIED_OUT)

    async def _publish(self) -> None:
        """Bring what the document publishes over history to its end."""

        async def monitor() -> Connection:
            return self._schedule.monitor

        for publish in await profile_publish.unfinished_publishes(self._schedule.monitor):
            async for _ in profile_publish.run_publish(ConnectionKeeper(monitor), publish):
                pass

    @property
    def conflicting_duplicates(self) -> int:
        """How many event keys the workers say came with other contents."""
        name = "engagement_conflicting_duplicates_total"
        return int(sum(worker.metrics.registry.get_sample_value(name) or 0 for worker in self.workers))

    async def _work(self, number: int, chapter: Chapter) -> None:
        for batch in chapter.batches:
            if batch.worker == number:
                commit = self._in_flight[number] = Commit(batch.records)
                commit.outcomes = await self.workers[number].batch(batch.records)
                assert number not in self._in_flight, "a batch without a commit"

    def commit(self, number: int) -> None:
        """Write down that a worker's batch is committed."""
        assert number in self._in_flight, "a batch was committed in parts"
        self.committed.append(self._in_flight.pop(number))


@asynccontextmanager
async def running_history(schedule: Schedule) -> AsyncIterator[HistoryRunner]:
    """Empty the database and let new workers take their lanes, over the connections of those before."""
    await emptied(schedule.monitor)
    runner = HistoryRunner(schedule)
    schedule.committed, schedule.lock_waits = runner.commit, 0
    try:
        for number in range(WORKERS):
            runner.workers.append(await _worker(schedule, number))
        yield runner
    except BaseException:
        schedule.close()
        raise


async def _worker(schedule: Schedule, number: int) -> service.Service:
    feed = BothEncodings("deals", number)
    # Not ended: that would only give up the connection, which the next example's worker takes over.
    return await service.running(
        schedule.dsn, feed=feed, connect=lambda: schedule.connect(number)
    ).__aenter__()


async def emptied(connection: Connection) -> None:
    """Forget all that happened and all accounts; months of the timeline stay, as they do in service."""
    tables = await connection.fetch(
        """select quote_ident(relname) as name from pg_class
           where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
               and relname <> all ($1::text[])""",
        _FIXTURES,
    )
    await connection.execute(
        f"truncate {', '.join(row['name'] for row in tables)};"
        "update outbox_heads set head = 0; update relay_floors set floor = 0"
    )


# The oracle's part ------------------------------------------------------------------------------------------


@dataclass
class Seen:
    """In how many examples something happened that the law is about."""

    late: int = 0
    flips: int = 0
    duplicates: int = 0
    reversals: int = 0
    lock_waits: int = 0
    settled_counted: int = 0
    settled_not_counted: int = 0
    examples: int = 0

    def add(self, other: Seen) -> None:
        """Count one more example, in which each thing happened as often as in `other`."""
        self.examples += 1
        for each in fields(self):
            if each.name != "examples":
                setattr(self, each.name, getattr(self, each.name) + bool(getattr(other, each.name)))

    def scarce(self, names: Sequence[str]) -> list[str]:
        """List which of these happened in less than a tenth of the examples."""
        return [name for name in names if getattr(self, name) < SCARCE * self.examples]

    def __str__(self) -> str:
        counts = {each.name.replace("_", " "): getattr(self, each.name) for each in fields(self)[:-1]}
        shown = [f"{count} with {name}" for name, count in counts.items() if count]
        return f"{self.examples} examples, {', '.join(shown)}"


def replay(committed: Sequence[Commit | dict[str, Any]], seen: Seen) -> tuple[Oracle, list[str]]:
    """Replay what was committed to an oracle; return it, and the outcomes that differ."""
    oracle, differences = Oracle(), []
    for step in committed:
        if step is CARRIED_OUT:
            oracle.carry_out()
            continue
        if isinstance(step, dict):
            oracle.apply(step)
            continue
        before = {entry: entry.verdict for entry in oracle.timeline}
        outcomes = oracle.batch(list(step.records))
        differences += [
            f"outcome of {record.id} in {record.accountid}: {found}, should be {wanted}"
            for record, found, wanted in zip(step.records, step.outcomes, outcomes, strict=True)
            if found != wanted
        ]
        seen.duplicates += outcomes.count("duplicate")
        seen.flips += sum(entry.verdict != verdict for entry, verdict in before.items())
        seen.late += sum(_met_a_gate(entry, before) for entry in oracle.timeline if entry not in before)
    settled = [entry for entry in oracle.timeline if entry.event.settled and entry.edition.policy != "always"]
    seen.settled_counted += sum(entry.counted for entry in settled)
    seen.settled_not_counted += sum(not entry.counted for entry in settled)
    seen.reversals += sum(message.reverses is not None for message in oracle.xp)
    return oracle, differences


def _met_a_gate(new: Any, before: dict[Any, str]) -> bool:
    """Return whether an entry came when a later one of its key had counted already."""
    if new.verdict == "excluded" or new.event.settled or new.edition.policy == "always":
        return False
    return any(
        verdict == "counted"
        and not other.event.settled
        and other.order > new.order
        and _key(other) == _key(new)
        for other, verdict in before.items()
    )


def _key(entry: Any) -> tuple[Any, ...]:
    event = entry.event
    return (event.account, event.subject, entry.definition, entry.edition.number, entry.key_object)
