"""How statements find what they need, whatever their plans were made for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from consumer.infra.postgres.revision_lock import LOOK_UP_BY_KEY
from sql import queries
from tests.builders.catalog_documents import HOURLY, dedup_document
from tests.builders.events import clock_event
from tests.pipeline import service
from tests.pipeline.query_plans import generic_plan, nodes
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.infra.postgres.connection import Connection

_BATCHES, _TOGETHER = 20, 40
# So that each counted event is an XP message as well.
_REP: dict[str, Any] = {"actorid": "rita", "actortype": "rep"}

# Tables that have a row, or several, for each contact.
_GROWING = {"contacts", "contact_scores", "ranks", "dedup_keys", "adjustments"}
# Parts of a statement that have one row, or few that belong to the row they are asked for.
_OF_ONE_ROW = {"done", "its_stands", "its_older", "its_steps"}


async def test_no_table_is_read_whole(database: str, connection: Connection) -> None:
    """However much is stored, a batch finds what it needs by key, though plans were first made for empty tables."""

    async def stored() -> dict[str, int] | None:
        """Return how many rows each table has had read in order, once all batches are accounted for."""
        rows = await connection.fetch("select relname, seq_tup_read, n_tup_ins from pg_stat_user_tables")
        written = {row["relname"]: row["n_tup_ins"] for row in rows}
        if written["claims"] < (_BATCHES + 1) * _TOGETHER:
            return None
        named = ("claims", "contacts", "dedup_keys", "contact_scores", "ranks", "timeline")
        return {row["relname"]: row["seq_tup_read"] for row in rows if row["relname"].startswith(named)}

    async with service.running(database) as worker:
        await worker.apply(dedup_document(HOURLY))
        for number in range(_BATCHES + 1):
            # Every other batch is late for the contacts of the one before it, and takes its place.
            contacts = range(number // 2 * _TOGETHER, (number // 2 + 1) * _TOGETHER)
            at = "10:00" if number % 2 else "10:30"
            await worker.batch(
                [clock_event(at, subject=f"c-{one}", id=f"{number}-{one}", **_REP) for one in contacts]
            )
    read = await eventually(stored, within=10, what="the statistics to be written down")
    assert read
    assert {table: rows for table, rows in read.items() if rows} == {}


_STATEMENTS = {
    f"{concern} {name}": queries(concern)[name]
    for concern, names in {
        "batch": ("fence_and_look_up", "on_timeline", "claim_and_lock", "create_contacts"),
        "dedup_keys": ("read", "counted_before", "stored_entries", "write"),
        "timeline_entries": ("flip",),
        "contact_scores": ("read", "write", "write_ranks"),
        "weights": ("of_definitions", "versions", "mark_counted"),
        "outbox": ("enqueue",),
    }.items()
    for name in names
}


@pytest.mark.parametrize("counted", [False, True], ids=["nothing counted", "everything counted"])
@pytest.mark.parametrize("name", _STATEMENTS)
async def test_no_part_of_a_batch_is_gone_through_for_each_of_another(
    database: str, connection: Connection, name: str, counted: bool
) -> None:
    """With statistics and without, no plan loops one part of a batch over another or reads a table whole.

    The first is a square; the second grows with what is stored, or with the number of accounts.
    """
    async with service.running(database) as worker:
        await worker.apply(dedup_document(HOURLY))
        for at in ("10:30", "10:00"):
            await worker.batch(
                [clock_event(at, subject=f"c-{one}", id=f"{at}-{one}", **_REP) for one in range(200)]
            )
    if counted:
        await connection.execute("analyze")
    plan = await generic_plan(connection, _STATEMENTS[name], LOOK_UP_BY_KEY)
    assert list(_loops_over_parts(plan)) == []
    assert _tables_read_whole(plan) <= {"installation", "lanes"}


async def test_republishing_reads_only_whom_it_sends(database: str, connection: Connection) -> None:
    """A part of a large account is sent again by looking its contacts up, not by reading what there is of all."""
    await _fill(database, connection)
    plan = await generic_plan(connection, queries("announce")["enqueue_score_messages"])
    assert not _tables_read_whole(plan) & _GROWING


@pytest.mark.parametrize("name", ["build_scores", "delete_scores"])
async def test_publishing_reads_only_whom_it_goes_through(
    database: str, connection: Connection, name: str
) -> None:
    """Each step looks up what hangs on its contacts."""
    await _fill(database, connection)
    plan = await generic_plan(connection, queries("publish")[name], queries("publish")["pin_plans"])
    assert not _tables_read_whole(plan) & _GROWING


async def _fill(database: str, connection: Connection) -> None:
    """Store 20,000 contacts with announced scores, and analyze."""
    async with service.running(database) as worker:
        await worker.apply(dedup_document(HOURLY))
    await connection.execute("""
        insert into contacts (account_id, external_id, shard)
            select a.id, 'c-' || n, 0 from accounts a, generate_series(1, 20000) n;
        insert into contact_scores
            select c.id, p.id, p.published_version, 7, '{1}', '{7}', 1 from contacts c, profiles p;
        insert into ranks select profile_id, version, group_id, points, contact_id from scores;
        insert into dedup_keys (contact_id, definition_id, edition, object_key, count)
            select c.id, d.id, 1, '', 1 from contacts c, definitions d;
        analyze""")


def _tables_read_whole(plan: dict[str, Any]) -> set[str]:
    return {
        node["Relation Name"]
        for node in nodes(plan)
        if "Relation Name" in node
        and "Scan" in node["Node Type"]
        and "Index Cond" not in node
        and "Recheck Cond" not in node
        and "TID Cond" not in node
    }


def _loops_over_parts(node: dict[str, Any]) -> Iterator[str]:
    """Give each part of the batch that is gone through for every row of another."""
    below = node.get("Plans", [])
    if node["Node Type"] == "Nested Loop":
        sides = {one["Parent Relationship"]: set(_read_whole(one)) - _OF_ONE_ROW for one in below}
        outer, inner = sides["Outer"], sides["Inner"]
        if outer:
            yield from (f"{sorted(outer)} × {part}" for part in sorted(inner))
    for one in below:
        yield from _loops_over_parts(one)


def _read_whole(node: dict[str, Any]) -> Iterator[str]:
    """Give the parts of the batch that this side of a loop reads, each time it is asked for a row."""
    if node["Node Type"] in {"CTE Scan", "Function Scan"}:
        yield node.get("CTE Name") or node.get("Alias", "")
    for one in node.get("Plans", []):
        if one.get("Parent Relationship") != "InitPlan" and not _is_hashed(one, node):
            yield from _read_whole(one)


def _is_hashed(subplan: dict[str, Any], node: dict[str, Any]) -> bool:
    """Return whether this is a subplan that is read once, into a hash table that each row is looked up in."""
    name = subplan.get("Subplan Name")
    return name is not None and f"hashed {name}" in node.get("Filter", "")
