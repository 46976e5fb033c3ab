"""What a deletion takes away elsewhere (semantics 8.17): dead letters, samples of the inbox, names in the audit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from consumer.scoring import identity
from consumer.scoring.adjustments import Adjustment, add
from consumer.scoring.identity import requests
from consumer.scoring.verify import verify
from tests.builders.catalog_documents import definition, document
from tests.builders.events import clock_event
from tests.builders.kafka_records import binary_record, structured_record
from tests.pipeline import service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from consumer.infra.postgres.connection import Connection
    from tests.oracle import OracleRecord
    from tests.pipeline.service import Service


@pytest.fixture
async def worker(database: str) -> AsyncIterator[Service]:
    """Give a worker of an account in which deals count."""
    async with service.running(database) as running:
        await running.apply(document(definitions=[definition("won", "deal.won")]))
        yield running


def _about(clock: str, type_: str, contact: str, **data: Any) -> OracleRecord:
    return clock_event(clock, type=type_, subject=contact, data=json.dumps(data))


async def _dead(worker: Service, *records: OracleRecord) -> None:
    """Let records die: deals whose data is none of theirs."""
    outcomes = await worker.batch(records)
    assert {outcome.split()[0] for outcome in outcomes} == {"dead"}


async def _unreadable(worker: Service, *values: bytes) -> None:
    """Let records die whose values are these bytes."""
    records = worker.feed.records([clock_event("09:00")] * len(values))
    outcomes = await worker.process(
        [
            msgspec.structs.replace(record, key=None, value=value)
            for record, value in zip(records, values, strict=True)
        ]
    )
    assert {one.outcome.value for one in outcomes} == {"dead"}


async def _samples(connection: Connection) -> dict[str, str]:
    """Return the samples that are left, by type."""
    rows = await connection.fetch("select type, sample from inbox where sample <> '{}'")
    return {row["type"]: row["sample"] for row in rows}


async def _left(connection: Connection) -> list[tuple[str | None, bytes]]:
    rows = await connection.fetch("select account_key, value from dead_letters order by id")
    return [(row["account_key"], row["value"]) for row in rows]


async def test_it_holds_for_ids_that_led_to_the_deleted_one(
    worker: Service, connection: Connection, database: str
) -> None:
    """Dead letters, samples and audit entries of an id that was joined before go with the survivor (8.17, 8.26)."""
    await worker.batch([clock_event("09:00"), clock_event("09:01", subject="bob")])
    await _dead(worker, _about("09:10", "deal.won", "bob", amount="much"))
    await worker.batch([_about("09:20", "survey.answered", "bob", note="x")])
    await worker.inbox.flush(connection)
    await add(
        connection,
        Adjustment(
            account="acme",
            contact="bob",
            profile=None,
            group="purchase",
            points=3,
            reason="Bob",
            author="mia",
            client_key="1",
        ),
    )
    await worker.batch([_about("09:30", "contact.merged", "bob", into="ann")])
    await service.carry_out(database)
    await worker.batch([_about("23:00", "contact.deleted", "ann")])
    await connection.execute("update audit set at = '2026-03-02 10:00+00'")
    await service.carry_out(database)
    assert await _left(connection) == []
    assert await _samples(connection) == {}
    assert await connection.fetchval("select count(*) from audit where key = 'bob'") == 0


async def test_it_holds_for_joins_that_come_later(
    worker: Service, connection: Connection, database: str
) -> None:
    """An id whose join is dated before the deletion, and comes after that was done, is forgotten too (8.26)."""
    await worker.batch([clock_event("09:00"), clock_event("09:01", subject="bob")])
    await _dead(worker, _about("09:10", "deal.won", "bob", amount="much"))
    await worker.batch([_about("11:00", "contact.deleted", "ann")])
    await service.carry_out(database)
    assert len(await _left(connection)) == 1
    await worker.batch([_about("09:30", "contact.merged", "bob", into="ann")])
    await service.carry_out(database)
    assert await _left(connection) == []


class Meanwhile:
    """A connection before whose transaction something happens, once."""

    def __init__(self, connection: Connection, happen: Callable[[], Awaitable[object]]) -> None:
        self._connection = connection
        self._happen: Callable[[], Awaitable[object]] | None = happen

    async def execute(self, query: str, *args: Any) -> Any:
        if "begin" in query.split() and self._happen is not None:
            happen, self._happen = self._happen, None
            await happen()
        return await self._connection.execute(query, *args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


async def test_a_deletion_that_comes_meanwhile_is_not_left_out(
    worker: Service, connection: Connection
) -> None:
    """One that is committed while another fact is carried out takes dead letters away as well."""
    await worker.batch([clock_event("09:00"), clock_event("09:01", subject="bob")])
    await _dead(worker, _about("09:10", "deal.won", "ann", amount="much"))
    await worker.batch([_about("11:00", "contact.merged", "ann", into="bob")])
    [due] = await identity.due_contacts(connection, 10)
    late = [_about("12:00", "contact.deleted", "ann")]
    meanwhile = Meanwhile(connection, lambda: worker.batch(late))
    await identity.carry_out(cast("Connection", meanwhile), due)
    assert await identity.due_contacts(connection, 10) == []
    assert await _left(connection) == []


async def test_samples_with_any_text_are_forgotten(
    worker: Service, connection: Connection, database: str
) -> None:
    """Also those that Postgres would not take as JSON: with NUL, a lone surrogate, or a huge number."""
    await worker.batch(
        [
            clock_event("09:00", type="a.nul", data='{"note": "x\\u0000"}'),
            clock_event("09:01", type="a.surrogate", data='{"note": "\\ud800"}'),
            clock_event("09:02", type="a.number", data='{"note": 1e400000}'),
            clock_event("09:03", type="of.bob", subject="bob", data='{"note": "x\\u0000"}'),
            clock_event("09:04"),
        ]
    )
    await worker.inbox.flush(connection)
    samples = await _samples(connection)
    assert len(samples) > 1
    await worker.batch([_about("11:00", "contact.deleted", "ann")])
    await service.carry_out(database)
    assert await _samples(connection) == {"of.bob": samples["of.bob"]}


@pytest.mark.parametrize("contact", ["jürgen/1", 'a"b', "a\\b", "𝄞"])
async def test_ids_are_found_however_json_writes_them(
    worker: Service, connection: Connection, database: str, contact: str
) -> None:
    r"""As `\u00fc`, as `\/`, as UTF-8; structured and binary."""
    await worker.batch([clock_event("09:00", subject=contact)])
    dead = _about("09:10", "deal.won", contact, amount="much")
    structured = structured_record(dead, *_place(worker))
    written = json.loads(structured.value or b"")
    escaped = json.dumps(written).replace("/", "\\/").encode()
    records = [
        msgspec.structs.replace(structured, value=escaped),
        structured_record(dead, *_place(worker)),
        binary_record(dead, *_place(worker)),
    ]
    outcomes = await worker.process([msgspec.structs.replace(record, key=None) for record in records])
    assert [one.outcome.value for one in outcomes] == ["dead"] * 3
    await worker.batch([_about("11:00", "contact.deleted", contact)])
    await service.carry_out(database)
    assert await _left(connection) == []


def _place(worker: Service) -> tuple[str, int, int]:
    worker.feed.next_offset += 1
    return worker.feed.topic, worker.feed.partition, worker.feed.next_offset - 1


async def test_what_cannot_be_read_goes_where_the_id_stands_in_it(
    worker: Service, connection: Connection, database: str
) -> None:
    """As a whole word and beside the account, in whatever part of the record; not an id of which it is a part."""
    await worker.batch([clock_event("09:00", subject="47")])
    mine = b'{"accountid": "acme", "subject": "47", "data": '
    others = (
        b'{"accountid": "acme", "subject": "4711", "data": ',
        b'{"accountid": "other", "subject": "47", "data": ',
    )
    await _unreadable(worker, mine, *others)
    await worker.batch([_about("11:00", "contact.deleted", "47")])
    await service.carry_out(database)
    assert [value for _, value in await _left(connection)] == list(others)


async def test_an_id_of_which_there_is_nothing_else(
    worker: Service, connection: Connection, database: str
) -> None:
    """Of an id that has no events, fields or adjustments, dead letters and samples are forgotten too."""
    await _dead(worker, _about("09:10", "deal.won", "zoe", amount="much"))
    await worker.batch([_about("09:20", "survey.answered", "zoe", note="x")])
    await worker.inbox.flush(connection)
    await worker.batch([_about("11:00", "contact.deleted", "zoe")])
    await service.carry_out(database)
    assert await _left(connection) == []
    assert await _samples(connection) == {}


async def test_a_deletion_by_people_of_an_id_of_which_there_is_nothing_else(
    worker: Service, connection: Connection, database: str
) -> None:
    """A dead letter and a sample name an id that is no contact: each time its deletion is asked for they go."""
    for _ in range(2):
        await _dead(worker, _about("09:10", "deal.won", "eve", amount="much"))
        await worker.batch([_about("09:20", "survey.answered", "eve", note="x")])
        await worker.inbox.flush(connection)
        await requests.delete(connection, "acme", "eve", by="ada")
        await service.carry_out(database)
        assert (await _left(connection), await _samples(connection)) == ([], {})
    assert await connection.fetchval("select count(*) from contacts where external_id is null") == 1
    assert (await verify(database)).differences == []
    # An event dated before is gone, one that comes later begins anew.
    assert await worker.batch([clock_event("10:00", subject="eve")]) == ["gone"]


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
async def test_a_worker_does_not_bring_a_sample_back(
    worker: Service, connection: Connection, database: str, known: bool
) -> None:
    """A sample in the memory of a worker is not stored once its event is gone."""
    if known:
        await worker.batch([clock_event("09:00")])
    await worker.batch([_about("09:20", "survey.answered", "ann", note="x")])
    await worker.batch([_about("11:00", "contact.deleted", "ann")])
    await service.carry_out(database)
    await worker.inbox.flush(connection)
    assert await _samples(connection) == {}
    assert await connection.fetchval("select count from inbox") == 1
