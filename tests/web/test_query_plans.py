"""Every query of the API is served by the index that its line of purpose names, among rows enough to matter."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from consumer import db
from sql import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from consumer.db import Connection

# The concerns whose statements requests wait for; `flush` is the worker's.
STATEMENTS = [
    (concern, name)
    for concern in ("web", "inbox")
    for name in queries(concern)
    if (concern, name) != ("inbox", "flush")
]
# Those that no index serves, and why that may be.
EXCEPTIONS = {
    ("web", "group_is_adjusted"): "a group is deleted now and then, and adjustments are made by people",
    ("web", "left_entries"): "a definition is deleted now and then; an index would cost every event",
}
# Of one row.
TINY = {"installation"}

FILL = """
insert into accounts (key, name) select 'account' || n, 'x' from generate_series(1, 1000) n;
insert into groups (account_id, key, name, icon, position)
    select id, 'g' || n, 'x', 'x', n from accounts, generate_series(1, 3) n;
insert into definitions (account_id, key, name, group_id, icon, default_points, active, events, policy, per,
    position)
    select account_id, 'd' || n, 'x', id, 'x', 0, true, array['t' || n], 'always', 'contact', n
    from groups, generate_series(1, 3) n where groups.key = 'g1';
insert into inbox (account_id, type, count, first_seen_at, last_seen_at, sample)
    select id, 'type' || n, n, now(), now(), '{}' from accounts, generate_series(1, 200) n where id <= 20;
insert into audit (account_id, actor, action, subject)
    select id, 'x', 'changed', 'x' from accounts, generate_series(1, 200) n where id <= 40;
analyze accounts, groups, definitions, inbox, audit;
"""


@pytest.fixture(scope="module")
async def filled(module_database: str) -> AsyncIterator[Connection]:
    """Give a connection to a database with thousands of rows, as the API has it."""
    connection = await db.connect(module_database)
    await connection.execute(FILL)
    yield connection
    await connection.close()


@pytest.mark.parametrize(("concern", "name"), STATEMENTS, ids=str)
async def test_each_query_is_served_by_the_index_that_it_names(
    filled: Connection, concern: str, name: str
) -> None:
    """The plan for any values uses the named index, and reads no table whole that grows."""
    statement = queries(concern)[name].rstrip().rstrip(";")
    indexes = [row["indexname"] for row in await filled.fetch("select indexname from pg_indexes")]
    named = {index for index in indexes if re.search(rf"\({index}\)", statement)}
    if (concern, name) in EXCEPTIONS:
        assert not named
        return
    assert named, "the line of purpose names no index"
    nodes = [*_nodes(await _plan(filled, statement))]
    assert named <= {node.get("Index Name") for node in nodes}
    read_whole = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
    assert read_whole <= TINY


async def _plan(connection: Connection, statement: str) -> dict[str, Any]:
    prepared = await connection.prepare(statement)
    values = ", ".join(["null"] * len(prepared.get_parameters()))
    await connection.execute(f"prepare asked as {statement}")
    text = await connection.fetchval(f"explain (format json) execute asked{f'({values})' if values else ''}")
    await connection.execute("deallocate asked")
    plan: dict[str, Any] = json.loads(text)[0]["Plan"]
    return plan


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)
