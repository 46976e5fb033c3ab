"""Events that reached no timeline: kept for some days, bounded by contact and account, beside the batches."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from consumer.infra import postgres
from consumer.infra.clock import SystemClock
from consumer.ingest import ignored_events
from consumer.worker.maintenance import Kept, Maintenance
from tests.builders.catalog_documents import document
from tests.builders.events import numbered_event
from tests.pipeline import service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.infra.postgres.connection import Connection
    from tests.oracle import OracleRecord
    from tests.pipeline.service import Service


@pytest.fixture
async def worker(database: str) -> AsyncIterator[Service]:
    """Give a worker of two accounts."""
    async with service.running(database) as running:
        await running.apply(document())
        await running.apply(document("birch"))
        yield running


def _unmatched(number: int, subject: str = "ann", account: str = "acme") -> OracleRecord:
    return numbered_event(number, type="deal.unheard_of", subject=subject, accountid=account)


async def _kept(connection: Connection, account: str = "acme") -> list[str]:
    """Return the ids of the events that are kept, in the order in which they came."""
    rows = await connection.fetch(
        """
        select event_id from ignored_events i join accounts a on a.id = i.account_id
        where a.key = $1 order by i.id
        """,
        account,
    )
    return [row["event_id"] for row in rows]


async def test_of_a_contact_the_newest_are_kept(worker: Service, connection: Connection) -> None:
    """Twenty, of one batch and of several flushes."""
    await worker.batch([_unmatched(number) for number in range(30)])
    await worker.ignored.flush(connection)
    assert await _kept(connection) == [str(number) for number in range(10, 30)]
    await worker.batch([_unmatched(number) for number in range(30, 35)])
    await worker.ignored.flush(connection)
    assert await _kept(connection) == [str(number) for number in range(15, 35)]


async def test_one_account_leaves_room_for_others(worker: Service, connection: Connection) -> None:
    """Of an account whose events are all ignored a flush writes a hundred, of another all the same."""
    await worker.batch([_unmatched(number, f"contact-{number}") for number in range(150)])
    await worker.batch([_unmatched(200, account="birch")])
    await worker.ignored.flush(connection)
    assert await _kept(connection) == [str(number) for number in range(100)]
    assert await _kept(connection, "birch") == ["200"]


async def test_where_there_is_no_room_the_newest_stay(worker: Service, connection: Connection) -> None:
    """Once an account has as many as it may, what is kept of a contact is still its newest."""
    contacts = [f"contact-{number}" for number in range(50)]
    await worker.batch([_unmatched(number, contacts[number % 50]) for number in range(500)])
    await worker.ignored.flush(connection)
    assert await _kept(connection) == [
        str(number) for contact in range(50) for number in (400 + contact, 450 + contact)
    ]


async def test_of_an_account_the_oldest_go(
    worker: Service, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an account has is bounded: at a worker's first flush, and then after some more each time."""
    monkeypatch.setattr(ignored_events, "MOST_OF_ACCOUNT", 10)
    monkeypatch.setattr(ignored_events, "_BEFORE_TRIMMED", 5)
    for first in range(0, 40, 4):
        await worker.batch([_unmatched(number, f"contact-{number}") for number in range(first, first + 4)])
        await worker.ignored.flush(connection)
        assert len(await _kept(connection)) < 15
    assert (await _kept(connection))[-10:] == [str(number) for number in range(30, 40)]


async def test_they_are_forgotten_after_their_time(
    worker: Service, connection: Connection, database: str
) -> None:
    """A round of maintenance deletes those that came longer ago than they are kept, and no others."""
    await worker.batch([_unmatched(1), _unmatched(2), _unmatched(3, account="birch")])
    await worker.ignored.flush(connection)
    await connection.execute(
        "update ignored_events set received_at = now() - interval '8 days' where event_id = '1'"
    )
    kept = Kept(claims=timedelta(days=90), dead_letters=None, samples=None, ignored_events=timedelta(days=7))
    maintenance = Maintenance(lambda: postgres.connect(database), kept=kept, clock=SystemClock(), rest=0.0)
    round_ = await maintenance.round(asyncio.Event())
    maintenance._database.drop()
    assert round_ is not None
    assert round_.ignored_events == 1
    assert [await _kept(connection), await _kept(connection, "birch")] == [["2"], ["3"]]


async def test_dead_records_that_cannot_be_right_harm_nothing(
    worker: Service, connection: Connection
) -> None:
    """Of a contact that cannot be read, with a timestamp that no calendar has, or an id that none has."""
    [record] = worker.feed.records(
        [numbered_event(1, data='{"amount": "much"}', time="2026-03-02T10:00:00Z")]
    )
    assert record.value is not None
    odd = [
        msgspec.structs.replace(record, value=b"{"),
        msgspec.structs.replace(record, timestamp=2**62),
        msgspec.structs.replace(record, timestamp=None),
        msgspec.structs.replace(record, value=record.value.replace(b'"ann"', b'"a\\u0000"')),
        msgspec.structs.replace(record, value=record.value.replace(b'"ann"', b'"' + b"a" * 300 + b'"')),
        msgspec.structs.replace(record, value=record.value.replace(b'"ann"', b"7")),
    ]
    made = [msgspec.structs.replace(one, offset=record.offset + place) for place, one in enumerate(odd)]
    worker.feed.next_offset += len(made)
    assert {one.outcome.value for one in await worker.process(made)} == {"dead"}
    await worker.ignored.flush(connection)
    rows = await connection.fetch("select outcome, reason, dead_letter_id from ignored_events order by id")
    assert [(row["outcome"], row["reason"]) for row in rows] == [
        ("dead", "data_invalid"),
        ("dead", "time_out_of_bounds"),
    ]
    numbers = [row["id"] for row in await connection.fetch("select id from dead_letters order by id")]
    assert [row["dead_letter_id"] for row in rows] == numbers[1:3]
