"""The service without Kafka: documents and records in as the worker takes them, what it committed out.

Owns driving the path in tests, and reading the database in the words of the oracle. Never judges anything.
"""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from consumer import catalog
from consumer.domain.decode import decode
from consumer.domain.model import Event
from consumer.infra import postgres
from consumer.infra.clock import SystemClock
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.telemetry.metrics import Metrics
from consumer.ingest.apply import Origin
from consumer.ingest.backfill.dated_event import event_of_line
from consumer.ingest.backfill.from_files import record_of
from consumer.ingest.backfill.sorted_events import SortedEvents
from consumer.ingest.batch import DecodedRecord
from consumer.ingest.batch_processor import BatchProcessor
from consumer.ingest.decode_records import decode_records
from consumer.ingest.held_lanes import HeldLanes
from consumer.ingest.ignored_events import IgnoredEvents
from consumer.ingest.outside_lanes import OutsideLanes
from consumer.ingest.stopwatch import Stopwatch
from consumer.ingest.unmatched_inbox import UnmatchedInbox
from consumer.relay.message_json import MessageEncoder
from consumer.scoring import identity, profile_publish
from schemas.vocabulary import Outcome
from tests.builders.catalog_documents import weights_document
from tests.builders.kafka_records import structured_record
from tests.builders.lanes import take_lanes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from consumer.catalog import CatalogDocument
    from consumer.domain.model import Record
    from consumer.infra.postgres.connection import Connection
    from consumer.ingest.batch import RecordOutcome
    from consumer.lanes.positions import LaneKey
    from schemas.published import PublishedCloudEvent
    from tests.oracle import OracleRecord


# In the place of a tombstone among the score-changed messages of a contact and profile.
TOMBSTONE: dict[str, Any] = {"tombstone": True}


@dataclass
class Feed:
    """One lane in place of Kafka: gives records their offsets."""

    topic: str = "deals"
    partition: int = 0
    next_offset: int = 0

    def records(self, records: Sequence[OracleRecord]) -> list[Record]:
        """Give the records the next offsets of the lane."""
        made = [
            structured_record(record, self.topic, self.partition, self.next_offset + place)
            for place, record in enumerate(records)
        ]
        self.next_offset += len(records)
        return made


@dataclass
class Service:
    """The batch processor of one worker on a database, with one lane of its own."""

    dsn: str
    connect: Callable[[], Awaitable[Connection]]
    processor: BatchProcessor
    lanes: HeldLanes
    metrics: Metrics
    inbox: UnmatchedInbox
    ignored: IgnoredEvents
    backfills: Mapping[bool, OutsideLanes]
    feed: Feed = field(default_factory=Feed)
    outcomes: list[str] = field(default_factory=list)

    async def apply(self, document: dict[str, Any]) -> None:
        """Apply a catalog document: JSON is YAML."""
        await apply_document(self.dsn, document)

    async def batch(self, records: Sequence[OracleRecord]) -> list[str]:
        """Process records as one batch; returns outcomes, of a dead one 'dead REASON'."""
        outcomes = [outcome_of(one) for one in await self.process(self.feed.records(records))]
        self.outcomes += outcomes
        return outcomes

    async def backfill(self, records: Sequence[OracleRecord], *, with_xp: bool = True) -> list[str]:
        """Process records as one batch of a backfill; returns outcomes.

        A record whose timestamp is its own time comes as the line of a file, any other as one read again.
        """
        with sorted_events(records) as events:
            batch = [DecodedRecord(record, event) for event, record in events]
        outcomes = [""] * len(records)
        for one in await self.backfills[with_xp].apply(batch):
            outcomes[one.record.offset] = outcome_of(one)
        self.outcomes += outcomes
        return outcomes

    async def process(self, records: Sequence[Record]) -> Sequence[RecordOutcome]:
        """Take records, each lane's in offset order, to a commit; return the outcomes of those that were due."""
        watch = Stopwatch(self.metrics)
        return await self.processor.commit_batch(await decode_records(records, watch), watch)

    async def take_lanes(self, starts: Mapping[LaneKey, int]) -> None:
        """Hold these lanes and no others, fencing their owners; `starts` are the positions of new ones."""
        connection = await self.connect()
        try:
            self.lanes.clear()
            self.lanes.hold(await take_lanes(connection, starts))
        finally:
            await connection.close()


@asynccontextmanager
async def running(
    dsn: str, *, feed: Feed | None = None, connect: Callable[[], Awaitable[Connection]] | None = None
) -> AsyncIterator[Service]:
    """Give a batch processor that has taken the lane of `feed`."""
    metrics, inbox, ignored = Metrics(), UnmatchedInbox(SystemClock()), IgnoredEvents(SystemClock())

    async def plain_connect() -> Connection:
        return await postgres.connect(dsn)

    lanes = HeldLanes()
    processor = BatchProcessor(
        connect or plain_connect,
        lanes,
        metrics=metrics,
        inbox=inbox,
        ignored=ignored,
        claim_window=timedelta(days=90),
    )
    backfills = {
        with_xp: OutsideLanes(
            connect or plain_connect, claim_window=timedelta(days=90), origin=Origin("backfill", with_xp)
        )
        for with_xp in (False, True)
    }
    service = Service(
        dsn, plain_connect, processor, lanes, metrics, inbox, ignored, backfills, feed or Feed()
    )
    lane = (service.feed.topic, service.feed.partition)
    await service.take_lanes({lane: 0})
    service.feed.next_offset = lanes[lane].next_offset
    yield service
    processor.close()
    for backfill in backfills.values():
        backfill.close()


def parsed(document: dict[str, Any]) -> CatalogDocument:
    """Parse a document, or take what came of it when another account had it: reading YAML takes its time."""
    nameless = {name: value for name, value in document.items() if name != "account"}
    return replace(_parsed_text(json.dumps(nameless)), account=document["account"])


@lru_cache(maxsize=16)
def _parsed_text(text: str) -> CatalogDocument:
    return catalog.parse_document(text, account="any")


async def apply_document(
    dsn: str, document: dict[str, Any], *, limits: catalog.CatalogLimits = catalog.DEFAULT_LIMITS
) -> None:
    """Apply a catalog document over a connection of its own, and bring what it publishes to its end."""
    connection = await postgres.connect(dsn)
    try:
        await catalog.apply_document(
            connection, catalog.parse_document(json.dumps(document, ensure_ascii=False)), limits=limits
        )
        await publish_all(dsn, await profile_publish.unfinished_publishes(connection))
    finally:
        await connection.close()


async def carry_out(dsn: str) -> None:
    """Carry out all joins and deletions that have come."""
    connection = await postgres.connect(dsn)
    try:
        while due := await identity.due_contacts(connection, 10):
            for contact in due:
                await identity.carry_out(connection, contact)
    finally:
        await connection.close()


@asynccontextmanager
async def kept_connection(dsn: str) -> AsyncIterator[ConnectionKeeper]:
    """Give a connection keeper, and drop its connection at the end."""
    keeper = ConnectionKeeper(lambda: postgres.connect(dsn))
    yield keeper
    keeper.drop()


async def publish_all(dsn: str, publishes: Sequence[int]) -> None:
    """Bring publishes to their end."""
    async with kept_connection(dsn) as keeper:
        for publish in publishes:
            async for _ in profile_publish.run_publish(keeper, publish):
                pass


async def begin_publish(connection: Connection, account: str = "acme", **weights: int) -> int:
    """Begin to publish these weights, as a document asks for it, and return the publish's number."""
    await catalog.apply_document(connection, parsed(weights_document(account, **weights)))
    [publish] = await profile_publish.unfinished_publishes(connection)
    return publish


async def run_publish_until(dsn: str, publish: int, state: str) -> None:
    """Carry a publish on until it is in this state, and no further."""
    async with kept_connection(dsn) as keeper:
        async for status in profile_publish.run_publish(keeper, publish):
            if status.state == state:
                return
    raise AssertionError(f"never {state}")


def outcome_of(result: RecordOutcome) -> str:
    """Return the outcome in the words of tests/vectors.yaml."""
    if result.outcome is Outcome.DEAD:
        return f"dead {result.reason}"
    return result.outcome.value


def sorted_events(records: Sequence[OracleRecord]) -> SortedEvents:
    """Return the events of records as a backfill reads them; the offset of each is its place."""
    events = SortedEvents()
    for place, record in enumerate(records):
        event = _backfilled(structured_record(record, "file", 0, place))
        events.add(event, record_of(event, "file", place))
    return events


def _backfilled(record: Record) -> Event:
    """Return the event of a record as a backfill reads it."""
    event = decode(record)
    assert isinstance(event, Event)
    if record.timestamp != event.occurred_us // 1000:
        return event
    assert record.value is not None
    line = event_of_line(record.value, event.occurred_us)
    assert isinstance(line, Event)
    return line


# What is stored, in the words of the oracle ---------------------------------------------------------------


async def entries(connection: Connection) -> dict[tuple[str, str, str, str], tuple[str, int, bool, int, int]]:
    """(account, contact, definition, event key in hex) -> (verdict, edition, settled, worth, K)."""
    rows = await connection.fetch("""
        select a.key as account, c.external_id, d.key as definition, t.*
        from timeline t join accounts a on a.id = t.account_id join contacts c on c.id = t.contact_id
        join definitions d on d.id = t.definition_id""")
    return {
        (row["account"], row["external_id"], row["definition"], row["event_key"].hex()): (
            row["verdict"],
            row["edition"],
            row["settled"],
            row["xp_worth"],
            row["credit_number"],
        )
        for row in rows
    }


async def tallies(connection: Connection) -> dict[tuple[str, str, str, int], int]:
    """(account, contact, definition, edition) -> how often it counted; those of 0 are not there."""
    rows = await connection.fetch("""
        select a.key as account, c.external_id, d.key as definition, t.edition, sum(t.count) as count
        from dedup_keys t join contacts c on c.id = t.contact_id join accounts a on a.id = c.account_id
        join definitions d on d.id = t.definition_id group by 1, 2, 3, 4 having sum(t.count) <> 0""")
    return {
        (row["account"], row["external_id"], row["definition"], row["edition"]): row["count"] for row in rows
    }


async def scores(connection: Connection) -> dict[tuple[str, str, str], dict[str, int]]:
    """(account, published profile, contact ever seen) -> `overall` and every group of the catalog, as shown."""
    rows = await connection.fetch("""
        select a.key as account, p.key as profile, c.external_id, g.key as group_key,
            s.points + greatest(f.floor - s.points, 0) - greatest(s.points - f.cap, 0) as points
        from contacts c
        join accounts a on a.id = c.account_id
        join profiles p on p.account_id = a.id and p.published_version is not null
        cross join lateral (select 0 as id, 'overall' as key union all
                            select id, key from groups where account_id = a.id) g
        left join scores s on s.contact_id = c.id and s.profile_id = p.id and s.version = p.published_version
            and s.group_id = g.id
        left join version_groups f on f.profile_id = p.id and f.version = p.published_version and f.group_id = g.id
        where c.survivor_id is null and c.external_id is not null""")
    found: defaultdict[tuple[str, str, str], dict[str, int]] = defaultdict(dict)
    for row in rows:
        # Of an overall score the row itself is promised, of a group's only once something counted.
        points = row["points"] if row["group_key"] == "overall" else row["points"] or 0
        found[row["account"], row["profile"], row["external_id"]][row["group_key"]] = points
    return dict(found)


async def bands(connection: Connection) -> dict[tuple[str, str, str], dict[str, str]]:
    """(account, published profile, contact ever seen) -> the bands of `overall` and of each group with bands."""
    rows = await connection.fetch("""
        select a.key, p.key, coalesce(g.key, 'overall'), band.key, band.least
        from profiles p join accounts a on a.id = p.account_id
        join version_groups f on f.profile_id = p.id and f.version = p.published_version
        left join groups g on g.id = f.group_id
        cross join lateral unnest(f.band_keys, f.band_least) as band(key, least)""")
    found: dict[tuple[str, str, str], dict[str, str]] = {}
    for (account, profile, contact), points in (await scores(connection)).items():
        own = [tuple(row)[2:] for row in rows if tuple(row)[:2] == (account, profile)]
        found[account, profile, contact] = {
            group: key for group, key, least in sorted(own, key=lambda one: one[2]) if least <= points[group]
        }
    return found


async def contacts(connection: Connection) -> dict[tuple[str, str], dict[str, str]]:
    """(account, contact) -> its fields, of contacts that are shown: not erased, nor joined to others."""
    rows = await connection.fetch("""
        select a.key as account, c.external_id, coalesce(jsonb_object_agg(f.field, f.value)
            filter (where f.field is not null), '{}')::text as fields
        from contacts c join accounts a on a.id = c.account_id left join contact_fields f on f.contact_id = c.id
        where c.survivor_id is null and c.external_id is not null group by 1, 2""")
    return {(row["account"], row["external_id"]): json.loads(row["fields"]) for row in rows}


async def verdicts(connection: Connection) -> dict[str, str]:
    """(event id) -> verdict, in event order; for accounts of one definition."""
    rows = await connection.fetch("select event_id, verdict from timeline order by occurred_at, event_key")
    return {row["event_id"]: row["verdict"] for row in rows}


async def overall_scores(connection: Connection) -> dict[str, int]:
    """(contact) -> overall score; for databases of one account and one published profile."""
    return {contact: score["overall"] for (_, _, contact), score in (await scores(connection)).items()}


async def score_changes(connection: Connection, contact: str = "ann") -> list[dict[str, Any]]:
    """Return the data of a contact's score-changed messages in the outbox, in position order."""
    changed, _ = await messages(connection)
    return [message["data"] for message in changed if message["subject"] == contact]


def validate(message: dict[str, Any], model: type[PublishedCloudEvent]) -> None:
    """Fail where a message of the outbox is not one of its published schema."""
    model.model_validate_json(
        json.dumps({name: value for name, value in message.items() if name != "kafka_key"})
    )


async def messages(connection: Connection) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the score-changed and the xp-credited messages of the outbox, each in position order.

    A tombstone has no `id`.
    """
    by_kind = await _messages(connection)
    return by_kind["score_changed"], by_kind["xp_credited"]


async def band_changes(connection: Connection) -> list[dict[str, Any]]:
    """Return the band-changed messages of the outbox in position order."""
    return (await _messages(connection))["band_changed"]


async def _messages(connection: Connection) -> defaultdict[str, list[dict[str, Any]]]:
    rows = await connection.fetch(
        "select o.*, i.incarnation from outbox o, installation i order by committed_at, shard, first_position"
    )
    by_kind: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        encoder = MessageEncoder(row["incarnation"], row["groups"], row["committed_at"])
        for kind, facts in zip(row["kinds"], row["facts"], strict=True):
            if kind != "dead_letter":
                if kind == "tombstone":
                    account, contact, profile, _ = facts.split("\x1f")
                    ended = {"accountid": account, "subject": contact, "data": {"profile": profile}}
                    by_kind["score_changed"].append(ended)
                    continue
                key, value = encoder.encode(kind, facts)
                by_kind[kind].append({**json.loads(value), "kafka_key": key.decode()})
    return by_kind
