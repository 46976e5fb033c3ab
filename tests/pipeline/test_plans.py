"""How statements find what they need, whatever their plans were made for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.pipeline import service
from tests.pipeline.test_gates import HOUR, document, won
from tests.waiting import eventually

if TYPE_CHECKING:
    from consumer.db import Connection

_BATCHES, _TOGETHER = 20, 40
# So that each counted event is an XP message as well.
_REP: dict[str, Any] = {"actorid": "rita", "actortype": "rep"}


async def test_no_table_is_read_whole(database: str, connection: Connection) -> None:
    """However much is stored, a batch finds what it needs by key, though plans were first made for empty tables."""

    async def stored() -> dict[str, int] | None:
        """Return how many rows each table has had read in order, once all batches are accounted for."""
        rows = await connection.fetch("select relname, seq_tup_read, n_tup_ins from pg_stat_user_tables")
        written = {row["relname"]: row["n_tup_ins"] for row in rows}
        if written["claims"] < (_BATCHES + 1) * _TOGETHER:
            return None
        named = ("claims", "contacts", "gates", "tallies", "scores", "announcements", "timeline")
        return {row["relname"]: row["seq_tup_read"] for row in rows if row["relname"].startswith(named)}

    async with service.running(database) as worker:
        await worker.apply(document(HOUR))
        for number in range(_BATCHES + 1):
            # Every other batch is late for the contacts of the one before it, and takes its place.
            contacts = range(number // 2 * _TOGETHER, (number // 2 + 1) * _TOGETHER)
            at = "10:00" if number % 2 else "10:30"
            await worker.batch(
                [won(at, subject=f"c-{one}", id=f"{number}-{one}", **_REP) for one in contacts]
            )
    read = await eventually(stored, within=10, what="the statistics to be written down")
    assert read
    # What came before the first plans were made anew may have been read whole, a few times, when it was little.
    assert {table: rows for table, rows in read.items() if rows > 4 * _TOGETHER} == {}
