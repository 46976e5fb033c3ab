"""One contact with a long timeline: a batch reads each of its entries once, however many keys it has."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.builders.catalog_documents import HOURLY, dedup_document
from tests.builders.events import AT, dated_event
from tests.pipeline import service
from tests.waiting import eventually

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection
    from tests.oracle import OracleRecord
    from tests.pipeline.service import Service

_STORED, _NEW = 400, 100
_MONTHLY = {"policy": "cooldown", "interval": "30d", "per": "object"}


@pytest.mark.parametrize("dedup", [{"policy": "once", "per": "object"}, _MONTHLY], ids=["once", "cooldown"])
async def test_new_keys_of_a_changed_edition(
    database: str, connection: Connection, dedup: dict[str, Any]
) -> None:
    """Keys that are seen first look for what counted under older editions in one reading of the timeline."""
    async with service.running(database) as worker:
        await worker.apply(dedup_document({**HOURLY, "per": "object"}))
        await worker.batch(_events(0, _STORED))
        await worker.apply(dedup_document(dedup))
        assert await _entries_read(worker, connection, _events(_STORED, _NEW)) <= _STORED


async def test_settled_events(database: str, connection: Connection) -> None:
    """Settled events of many keys look for what counts near them in one reading of the timeline."""
    async with service.running(database) as worker:
        await worker.apply(dedup_document(_MONTHLY))
        await worker.batch(_events(0, _STORED, settled=True))
        # Each is judged against the entries of its object, so that the reading has something to find.
        again = _events(_STORED, _NEW, settled=True, first_object=0)
        assert await _entries_read(worker, connection, again) <= _STORED
        assert (
            await connection.fetchval("select count(*) from timeline where verdict = 'cooling_down'") == _NEW
        )


def _events(
    first: int, count: int, *, settled: bool = False, first_object: int | None = None
) -> list[OracleRecord]:
    """Return events of one contact, an object each, a second apart; settled ones arrive 60 days late."""
    objects = first if first_object is None else first_object
    return [
        dated_event(
            str(first + number),
            (time := AT + timedelta(seconds=first + number)),
            timestamp=time + timedelta(days=60 if settled else 0),
            objectid=f"o-{objects + number}",
        )
        for number in range(count)
    ]


async def _entries_read(worker: Service, connection: Connection, records: list[OracleRecord]) -> int:
    """Process records as one batch, and return how many entries of the timeline it has fetched."""
    worker.processor.close()
    [claims] = await _counted(connection, "claims", "n_tup_ins", at_least=_STORED)
    before = await _counted(connection, "timeline_%", "idx_tup_fetch")
    assert set(await worker.batch(records)) == {"applied"}
    worker.processor.close()
    await _counted(connection, "claims", "n_tup_ins", at_least=claims + len(records))
    return sum(await _counted(connection, "timeline_%", "idx_tup_fetch")) - sum(before)


async def _counted(connection: Connection, tables: str, what: str, *, at_least: int = 0) -> list[int]:
    """Return a statistic of these tables, once its sum is at least this; backends report at their end."""

    async def read() -> list[int]:
        rows = await connection.fetch(f"select {what} from pg_stat_user_tables where relname like $1", tables)
        return [row[what] for row in rows] if sum(row[what] for row in rows) >= at_least else []

    return await eventually(read, within=10, what=f"{what} of {tables} to be reported")
