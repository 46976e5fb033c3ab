"""Runs drawn histories on a database and replays what was committed, in commit order, to the oracle.

Counts how often a history has what the tests are about. oracle_comparison.py compares.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from consumer import catalog
from consumer.domain.identity import hash_of
from consumer.infra.postgres.connection import fetch_one
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.postgres.errors import retry_reason
from consumer.scoring import adjustments, identity, profile_publish, rejudgement
from consumer.scoring.adjustments import Adjustment, NothingToAdjustError
from schemas.vocabulary import RetryReason
from tests.builders.kafka_records import binary_record, structured_record
from tests.oracle import Oracle
from tests.pipeline import service
from tests.pipeline.purging import purge
from tests.pipeline.strategies import ANONYMOUS, KNOWN, WORKERS, Chapter, Purge, Rejudge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from consumer.domain.model import Record
    from consumer.infra.postgres.connection import Connection
    from tests.oracle import OracleRecord
    from tests.pipeline.statement_schedule import Schedule
    from tests.pipeline.strategies import Act

# What the schema itself puts into a new database.
_FIXTURES = ("installation", "migrations", "outbox_heads", "relay_floors")
SCARCE = 0.1


@dataclass(frozen=True, eq=False)
class CarriedOut:
    """Joins and deletions of the contacts that joins connect with one were carried out. of: its account and id."""

    of: tuple[str, str]


@dataclass
class Commit:
    """Records that were committed together, and what the service said became of them."""

    records: Sequence[OracleRecord]
    backfilled: bool = False
    outcomes: list[str] = field(default_factory=list)


# A document, or what was committed.
Taken: TypeAlias = "dict[str, Any] | Commit | CarriedOut | Act"
_ID = """
    select a.key as account, c.account_id, c.external_id, c.id_hash, i.salt
    from contacts c join accounts a on a.id = c.account_id cross join installation i where c.id = $1"""


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
    """Workers with a lane each on one database; what they commit is written down in its order.

    Beside them go those who carry out joins and deletions, as many as a chapter says.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.committed: list[Taken] = []
        self.workers: list[service.Service] = []
        # How often a carrying out was given up in a deadlock, and tried again.
        self.retried = 0
        self._schedule = schedule
        self._in_flight: dict[int, Commit | CarriedOut] = {}

    async def play(self, chapters: Sequence[Chapter]) -> list[Taken]:
        """Take a history through the path; returns documents and commits as they took effect."""
        self.committed = []
        for chapter in chapters:
            for document in chapter.documents:
                await catalog.apply_document(self._schedule.monitor, service.parsed(document))
                await self._publish()
                self.committed.append(document)
            work = {number: self._work(number, chapter) for number in range(WORKERS)}
            carriers = range(WORKERS, WORKERS + chapter.carriers)
            await self._schedule.run(
                chapter.turns, {**work, **{number: self._carry_out_meanwhile(number) for number in carriers}}
            )
            if chapter.carries_out:
                while await self._carry_out_due(self._schedule.monitor, WORKERS):
                    pass
            for act in chapter.acts:
                if await self._do(act):
                    self.committed.append(act)
        return self.committed

    async def _carry_out_meanwhile(self, number: int) -> None:
        """Carry out what has come, as long as batches are in flight; again after a deadlock, as a worker does."""
        connection = await self._schedule.connect(number)
        while any(worker < WORKERS for worker in self._schedule.unfinished):
            try:
                await self._carry_out_due(connection, number)
            except Exception as error:
                if retry_reason(error) is not RetryReason.DEADLOCK:
                    raise
                self._in_flight.pop(number)
                self.retried += 1

    async def _carry_out_due(self, connection: Connection, number: int) -> bool:
        """Carry out what waits longest of one account; returns whether anything did."""
        due = await identity.due_contacts(connection, 1)
        for contact in due:
            step = self._in_flight[number] = CarriedOut(await _id_of(connection, contact))
            await identity.carry_out(connection, contact)
            del self._in_flight[number]
            places = [place for place, one in enumerate(self.committed) if one is step]
            if not places:  # over the monitor, whose commits are not reported
                self.committed.append(step)
            # A transaction that meets contacts joined meanwhile does nothing: the last one has done it.
            for place in reversed(places[:-1]):
                del self.committed[place]
        return bool(due)

    async def _publish(self) -> None:
        """Bring what the document publishes over history to its end."""
        for publish in await profile_publish.unfinished_publishes(self._schedule.monitor):
            async for _ in profile_publish.run_publish(self._monitor, publish):
                pass

    async def _do(self, act: Act) -> bool:
        """Do what a chapter ends with; returns False for an adjustment of a contact that there is not."""
        connection = self._schedule.monitor
        if isinstance(act, Purge):
            await purge(connection, act.account, act.horizon)
        elif isinstance(act, Rejudge):
            number = await rejudgement.begin(connection, act.account, act.definition, with_xp=True, by="ada")
            async for _ in rejudgement.run_rejudgement(self._monitor, number):
                pass
        else:
            given = Adjustment(
                account=act.account,
                contact=act.contact,
                profile=act.profile,
                group=act.group,
                points=act.points,
                reason="because",
                author="mia",
                client_key=f"{act.number}",
            )
            try:
                await adjustments.add(connection, given)
            except NothingToAdjustError:
                return False
        return True

    @property
    def _monitor(self) -> ConnectionKeeper:
        async def monitor() -> Connection:
            return self._schedule.monitor

        return ConnectionKeeper(monitor)

    @property
    def conflicting_duplicates(self) -> int:
        """How many event keys the workers say came with other contents."""
        name = "engagement_conflicting_duplicates_total"
        return int(sum(worker.metrics.registry.get_sample_value(name) or 0 for worker in self.workers))

    async def _work(self, number: int, chapter: Chapter) -> None:
        for batch in chapter.batches:
            if batch.worker == number:
                commit = self._in_flight[number] = Commit(batch.records, batch.backfilled)
                worker = self.workers[number]
                commit.outcomes = await (worker.backfill if batch.backfilled else worker.batch)(batch.records)
                assert number not in self._in_flight, "a batch without a commit"

    def commit(self, number: int) -> None:
        """Write down that a worker's batch, or a carrying out, is committed."""
        assert number in self._in_flight, "a batch was committed in parts"
        self.committed.append(self._in_flight[number])
        if number < WORKERS:
            del self._in_flight[number]


async def _id_of(connection: Connection, contact: int) -> tuple[str, str]:
    """Return account and id of a contact, of one that is erased too."""
    row = await fetch_one(connection, _ID, contact)
    if row["external_id"] is not None:
        return row["account"], row["external_id"]
    hashes = {hash_of(row["salt"], row["account_id"], name): name for name in [*KNOWN, *ANONYMOUS]}
    return row["account"], hashes[row["id_hash"]]


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
    backfilled: int = 0
    retried: int = 0
    settled_counted: int = 0
    settled_not_counted: int = 0
    purged: int = 0
    rejudged: int = 0
    adjusted: int = 0
    crossed: int = 0
    crossed_by_thresholds: int = 0
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


def replay(committed: Sequence[Taken], seen: Seen) -> tuple[Oracle, list[str]]:
    """Replay what was committed to an oracle; return it, and the outcomes that differ."""
    oracle, differences = Oracle(), []
    for step in committed:
        if isinstance(step, CarriedOut):
            oracle.carry_out(step.of)
            continue
        if isinstance(step, dict):
            oracle.apply(step)
            continue
        if not isinstance(step, Commit):
            _do(oracle, step, seen)
            continue
        before = {entry: entry.verdict for entry in oracle.timeline}
        outcomes = oracle.batch(list(step.records), backfilled=step.backfilled)
        seen.backfilled += step.backfilled and "applied" in outcomes
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
    seen.crossed += len(oracle.band_changes)
    # A publish that leaves all points as they were moves thresholds alone.
    seen.crossed_by_thresholds += sum(
        one.previous is not None
        and one.message.causes == ("publish",)
        and one.message.previous == one.message.current
        and all(before == after for before, after in one.message.groups.values())
        for one in oracle.band_changes
    )
    seen.reversals += sum(message.reverses is not None for message in oracle.xp)
    return oracle, differences


def _do(oracle: Oracle, act: Act, seen: Seen) -> None:
    """Let the oracle do an act, and count it: a purge that leaves some entries, new verdicts or editions."""
    before = {entry: (entry.verdict, entry.edition) for entry in oracle.timeline}
    if isinstance(act, Purge):
        oracle.purge(act.account, act.horizon)
        has_left = any(entry.purged for entry in oracle.timeline)
        seen.purged += (len(before) - len(oracle.timeline)) * has_left
    elif isinstance(act, Rejudge):
        oracle.rejudge(act.account, act.definition)
        seen.rejudged += any((entry.verdict, entry.edition) != was for entry, was in before.items())
    else:
        at = datetime.now(UTC)
        oracle.adjust(act.account, act.contact, act.profile, act.group, act.points, at=at)
        seen.adjusted += 1


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
