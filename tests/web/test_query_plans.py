"""Every query of the API is served by the index that its line of purpose names, among rows enough to matter."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from consumer.infra import postgres
from consumer.ingest import timeline_partitions
from consumer.scoring.segments import repository
from consumer.scoring.segments.definition import Match
from consumer.scoring.segments.repository import ResolvedMatch
from consumer.web.api.contacts import list_filters, list_query, list_totals, recent_contacts
from consumer.web.api.contacts.profile_view import read_profile_view
from sql import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from consumer.infra.postgres.connection import Connection

# Of the concerns below: the worker's, and what only writes.
OTHERS = {
    ("inbox", "flush"),
    ("adjustments", "add"),
    ("segments", "add"),
    *(("ignored_events", name) for name in ("store", "trim_contacts", "trim_account")),
    # Of the tracker's background, and what only writes.
    *(("tracker_tokens", name) for name in ("position", "count", "raise_revision", "create", "change")),
    *(("tracker_tokens", name) for name in ("add_key", "replace_keys", "revoke")),
    # Of the command alone.
    *(("dead_letters", name) for name in ("list_dead_letters", "count_dead_letters", "pick")),
}
# The statements that requests wait for.
STATEMENTS = [
    (concern, name)
    for concern in (
        "accounts",
        "adjustments",
        "audit",
        "catalog_reads",
        "contact_facts",
        "contact_timeline",
        "contacts",
        "dead_letters",
        "definition_counts",
        "event_samples",
        "ignored_events",
        "inbox",
        "job_list",
        "profile_history",
        "publish_preview",
        "segments",
        "tracker_tokens",
    )
    for name in queries(concern)
    if (concern, name) not in OTHERS
]
# Those that no index serves, and why that may be.
EXCEPTIONS = {
    ("catalog_reads", "has_history"): "for changes that may publish, and adjustments are made by people",
    ("accounts", "group_is_adjusted"): "a group is deleted now and then, and adjustments are made by people",
    ("publish_preview", "lock"): "a row of accounts by its key, once for each preview",
    ("publish_preview", "base"): "counts all contacts of the account, which a preview goes through anyway",
    (
        "publish_preview",
        "compare",
    ): "goes through the whole base, some contacts after another, planned for them",
    ("publish_preview", "counted"): "of the movers that are named, by key",
    ("publish_preview", "external_ids"): "of the contacts that are named, by key",
    ("accounts", "left_entries"): "a definition is deleted now and then; an index would cost every event",
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
    select id, 'x', 'changed', 's' || n from accounts, generate_series(1, 20) n;
insert into profiles (account_id, key, name, is_primary, published_version, position)
    select id, 'p' || n, 'x', n = 1, 1, n from accounts, generate_series(1, 2) n;
insert into contacts (account_id, external_id, shard)
    select id, 'c' || n, 0 from accounts, generate_series(1, 200) n where id <= 40;
insert into contact_fields
    select account_id, id, field, field || id % 20, now(), '' from contacts, unnest(array['name', 'owner']) field;
update contacts set survivor_id = id + 1 where id % 10 = 1;
insert into contact_scores
    select c.id, p.id, 1, c.id % 50, '{1,2,3}', array_fill(c.id % 50, array[3])
    from contacts c join profiles p using (account_id);
insert into ranks select profile_id, version, group_id, points, contact_id from scores;
insert into editions select id, 1, 'cooldown', 60, 'object' from definitions;
insert into profile_versions select id, 1, 'published', true, '{}', 'x' from profiles;
insert into version_weights
    select p.id, 1, d.id, d.group_id, 1 from profiles p join definitions d using (account_id);
insert into timeline
    select account_id, id, (case when n > 10 then '2010-01-01Z' else '2026-01-01Z' end)::timestamptz
            + n % 11 * interval '5 days' + id * interval '1 second',
        decode(md5(id || '-' || n), 'hex'), account_id * 3 - n % 3, 1, 'counted', false, 0, 0, 'x', 'x', 'x', null,
        null, null, '{}', now()
    from contacts, generate_series(1, 20) n;
insert into dedup_keys select contact_id, definition_id, 1, 'o' || n, 1, occurred_at, event_key
    from timeline, generate_series(1, 2) n on conflict do nothing;
insert into adjustments (contact_id, profile_id, group_id, points, reason, author, client_key)
    select contact_id, profile_id, g.id, 1, 'x', 'x', 'k' || p.id
    from scores join profiles p on p.id = profile_id join groups g on g.account_id = p.account_id and g.key = 'g1'
    where group_id = 0;
insert into ignored_events (account_id, id_hash, outcome, type, dated_at, received_at)
    select account_id, sha256(salt || convert_to(account_id || E'\x1f' || external_id, 'UTF8')), 'unmatched', 'x',
        now(), now()
    from contacts, installation, generate_series(1, 3);
insert into dead_letters (topic, partition, "offset", headers, reason, detail, account_key)
    select 'deals', 0, n, '[]', 'not_json', 'x', case when n % 50 > 0 then 'account' || n % 20 end
    from generate_series(1, 5000) n;
insert into segments (account_id, key, name, conditions, position)
    select id, 's' || n, 'x', '{}', n from accounts, generate_series(1, 5) n;
insert into tracker_tokens (account_id, revision, name, origins, event_names, anonymous_only, may_set_traits,
    keeps_addresses, query_parameters, per_second, per_second_by_address, per_day)
    select id, id * 50 + n, 'x', '{}', '{}', false, false, false, '{}', 1, 1, 1
    from accounts, generate_series(1, 20) n;
insert into tracker_keys (hash, token_id, ending, signing_secret)
    select sha256(convert_to(id::text || n, 'UTF8')), id, 'x', 'x' from tracker_tokens, generate_series(1, 2) n;
insert into publishes (profile_id, version, requested_by, until_contact_id, ended_at)
    select id, 1, 'x', 0, now() from profiles, generate_series(1, 20);
insert into publishes (profile_id, version, requested_by, until_contact_id)
    select id, 1, 'x', 0 from profiles where id % 10 = 1;
insert into rejudgements (definition_id, edition, with_xp, requested_by, until_contact_id, ended_at)
    select id, 1, true, 'x', 0, now() from definitions, generate_series(1, 10);
insert into rejudgements (definition_id, edition, with_xp, requested_by, until_contact_id)
    select id, 1, true, 'x', 0 from definitions where id % 10 = 1;
insert into purges (account_id, horizon, until_contact_id, ended_at)
    select id, now(), 0, now() from accounts, generate_series(1, 20);
insert into purges (account_id, horizon, until_contact_id) select id, now(), 0 from accounts where id % 10 = 1;
insert into backfills (account_id, with_xp, requested_by, ended_at)
    select id, true, 'x', now() from accounts, generate_series(1, 20);
insert into backfills (account_id, with_xp, requested_by) select id, true, 'x' from accounts where id % 10 = 1;
analyze publishes, rejudgements, purges, backfills;
analyze tracker_tokens, tracker_keys;
analyze segments, timeline, dedup_keys, contact_scores, ranks, adjustments, editions, profile_versions;
analyze ignored_events, dead_letters;
analyze version_weights, accounts, groups, definitions, inbox, audit, profiles, contacts, contact_fields;
"""


@pytest.fixture(scope="module")
async def filled(module_database: str) -> AsyncIterator[Connection]:
    """Give a connection to a database with thousands of rows, as the API has it."""
    connection = await postgres.connect(module_database)
    await timeline_partitions.create(connection, {(2026, 1), (2026, 2)})
    await connection.execute(FILL)
    # Of values that are not known, no month can be left out.
    await connection.execute("set enable_partition_pruning = off")
    yield connection
    await connection.close()


@pytest.mark.parametrize(("concern", "name"), STATEMENTS, ids=str)
async def test_each_query_is_served_by_the_index_that_it_names(
    filled: Connection, concern: str, name: str
) -> None:
    """The plan for any values uses the named index, and reads no table whole that grows."""
    statement = queries(concern)[name].rstrip().rstrip(";")
    indexes = [row["indexname"] for row in await filled.fetch("select indexname from pg_indexes")]
    purpose = " ".join(line for line in statement.splitlines() if line.startswith("--"))
    named = {index for index in indexes if re.search(rf"[(,] ?{index}[,)]", purpose)}
    if (concern, name) in EXCEPTIONS:
        assert not named
        return
    assert named, "the line of purpose names no index"
    nodes = [*_nodes(await _plan(filled, statement))]
    inherited = (
        "select inhrelid::regclass::text as index, inhparent::regclass::text as parent from pg_inherits"
    )
    parents = {row["index"]: row["parent"] for row in await filled.fetch(inherited)}
    used = {node.get("Index Name") for node in nodes}
    assert named <= used | {parents.get(index) for index in used}
    read_whole = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
    assert read_whole <= TINY


@pytest.mark.parametrize("sort", ["score", "-score", "last_event_at", "-last_event_at"])
async def test_what_is_asked_of_contacts_is_looked_up_by_key(filled: Connection, sort: str) -> None:
    """A list walks along the index of its order and looks up by key whether each contact passes its filters.

    Counting and selecting all members reads what a condition is about whole: `plan_for_many` says why.
    """
    conditions = [
        {"score": {"group": "g1", "min": 1}},
        {"score": {"group": "g2", "max": 9}},
        {"band": {"in": ["cold", "hot"]}},
        {"count": {"definitions": ["d1"], "min": 2}},
        {"last_event": {"within_days": 60}},
        {"owner": {"any_of": ["owner1"]}},
        {"not": {"tags": {"all_of": ["vip"]}}},
        {"first_seen": {"within_days": 9}},
        {"count": {"definitions": ["d3"], "min": 2, "within_days": 60}},
        {"any": [{"count": {"definitions": ["d2"], "max": 0}}, {"last_event": {"not_within_days": 30}}]},
    ]
    there = await repository.read_account_ids(filled, 1)
    asking = ResolvedMatch(
        Match.model_validate({"all": conditions}),
        there.match_context(1, None, datetime(2026, 3, 1, tzinfo=UTC)),
    )
    view = await read_profile_view(filled, 1, None)
    filters = list_filters.ContactFilters(sort=sort, owner="owner1", q="name1", group="g2", minimum=1)
    query = replace(await list_filters.build_query(filled, 1, view, filters), segment=asking)
    if query.sort_group is None:
        statement, _ = recent_contacts.statement(query, None, 256)
    else:
        statement, _ = list_query.statement(query, None, None, 51)
    nodes = [*_nodes(await _plan(filled, statement))]
    used = {node["Index Name"] for node in nodes if "Index Name" in node}
    assert {"contact_scores_pkey", "dedup_keys_pkey", "timeline_2026_02_pkey", "contact_fields_pkey"} <= used
    assert {"contacts_pkey", "contacts_by_survivor"} <= used
    if query.sort_group is None:
        assert any("occurred_at_contact_id" in index for index in used)
        # The few that are listed are sorted.
        [scanned] = [node for node in nodes if node.get("Subplan Name") == "CTE scanned"]
        in_order = [*_nodes(scanned)]
    else:
        assert "ranks_pkey" in used
        in_order = nodes
    assert not [node for node in in_order if node["Node Type"] == "Sort"]
    assert not [node for node in nodes if node["Node Type"] in {"Seq Scan", "Hash Join"}]


@pytest.mark.parametrize("what", ["page", "total"])
async def test_what_is_selected_at_once_is_joined(filled: Connection, what: str) -> None:
    """Where contacts are selected at once, each condition is a join: nothing is asked contact by contact."""
    there = await repository.read_account_ids(filled, 1)
    conditions = [
        {"not": {"last_event": {"within_days": 60}}},
        {"not": {"owner": {"any_of": ["owner1"]}}},
        {"any": [{"first_seen": {"within_days": 9}}, {"count": {"definitions": ["d2"], "max": 0}}]},
    ]
    asking = ResolvedMatch(
        Match.model_validate({"all": conditions}),
        there.match_context(1, None, datetime(2026, 3, 1, tzinfo=UTC)),
    )
    view = await read_profile_view(filled, 1, None)
    filters = list_filters.ContactFilters(owner="owner1", q="name1", group="g2", minimum=1, sort="-score")
    query = replace(await list_filters.build_query(filled, 1, view, filters), segment=asking)
    text, values = (
        list_query.statement(query, None, None, 51, joined=True)
        if what == "page"
        else list_totals.statement(query, None)
    )
    async with filled.transaction():
        await filled.execute(queries("members")["plan_for_many"])
        explained = await filled.fetchval(f"explain (format json) {text}", *values)
    nodes = [*_nodes(json.loads(explained)[0]["Plan"])]
    assert not [node for node in nodes if node.get("Subplan Name", "").startswith("SubPlan")]
    assert sum("Join" in node["Node Type"] for node in nodes) >= 6


async def _plan(connection: Connection, statement: str) -> dict[str, Any]:
    prepared = await connection.prepare(statement)
    values = ", ".join(["null"] * len(prepared.get_parameters()))
    await connection.execute(f"prepare plan as {statement}")
    text = await connection.fetchval(f"explain (format json) execute plan{f'({values})' if values else ''}")
    await connection.execute("deallocate plan")
    plan: dict[str, Any] = json.loads(text)[0]["Plan"]
    return plan


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)
