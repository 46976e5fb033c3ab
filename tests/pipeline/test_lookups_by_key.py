"""What grows with the events that are stored is looked up by key, one row or one contact at a time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import sql
from consumer.infra.postgres.revision_lock import LOOK_UP_BY_KEY
from consumer.ingest import timeline_partitions
from consumer.worker.background_jobs import KINDS
from tests.builders.catalog_documents import HOURLY, dedup_document
from tests.pipeline import service
from tests.pipeline.query_plans import generic_plan, nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.infra.postgres.connection import Connection

# Tables that grow with events and contacts, and the columns that lead to one row, or to the rows of one contact.
_KEYS: dict[str, list[tuple[str, ...]]] = {
    "claims": [("account_id", "event_key")],
    "contacts": [("id",), ("account_id", "external_id"), ("account_id", "id_hash"), ("survivor_id",)],
    "contact_fields": [("contact_id",)],
    "joined_fields": [("contact_id",)],
    "joins": [("contact_id",), ("into_id",)],
    "deletions": [("contact_id",)],
    "ended_chains": [("contact_id",)],
    "timeline": [("account_id", "contact_id")],
    "dedup_keys": [("contact_id",)],
    "contact_scores": [("contact_id",)],
    "ranks": [("profile_id", "version", "group_id", "points", "contact_id")],
    "adjustments": [("contact_id",), ("id",), ("undoes",)],
    "ignored_events": [("account_id", "id_hash")],
}

# Concerns and statements that are to go through what is stored.
_WHOLE_CONCERNS = {
    "accounts": "asked when a group or a definition is deleted",
    "catalog": "once for each change of the configuration",
    "catalog_reads": "whether an account has an adjustment, for changes that may publish",
    "definition_counts": "by the index over instants: a bounded part of them, once a minute at most",
    "demo": "a database of the demo is small",
    "maintenance": "forgets claims by page, each page once",
    "members": "fragments; tests/web/test_query_plans.py has them",
    "verify": "compares everything, in a process of its own",
}
_EXCEPTIONS = {
    ("contact_keyset", "count_contacts"): "by the index over an account's numbers, up to a limit",
    ("contact_keyset", "next_contacts"): "by the index over an account's numbers, up to a limit",
    ("identity", "deletion_status"): "by an index of its own, for one request",
    ("contacts", "counted"): "by the index over points, up to a limit",
    ("contacts", "ends"): "by the index over points, from both ends; once a minute at most",
    ("contacts", "found"): "by the indexes over words and beginnings of ids, up to a limit",
    ("contacts", "in_ranges"): "by the index over points; once a minute at most",
    ("contacts", "owned"): "by the index over owners, up to a limit",
    ("contacts", "recent_ascending"): "by the index over instants, so many entries",
    ("contacts", "recent_descending"): "by the index over instants, so many entries",
    ("contacts", "ranged"): "by the index over points, up to a limit",
    ("contacts", "walk_ascending"): "by the index over points, up to a limit",
    ("contacts", "walk_descending"): "by the index over points, up to a limit",
    ("event_samples", "recent"): "by the index over instants, so many entries",
    (
        "ignored_events",
        "trim_account",
    ): "all of an account, each after some hundred more",
    ("jobs", "fix_end"): "the highest number, from the end of the primary key",
    ("publish", "cancel"): "the highest number, from the end of the primary key",
    ("publish", "flip"): "the highest number, from the end of the primary key",
    ("publish_preview", "compare"): "some thousand contacts after another, planned for them",
    ("publish_preview", "compare_shown"): "some thousand contacts after another, planned for them",
    ("rejudgement", "begin"): "the highest number, from the end of the primary key",
    ("republish", "contacts"): "in the order of the unique key, up to a limit",
}
# Tables of which a statement asks whether they have a row.
_FIRST_ROW = {"batch changed_accounts": "deletions"}
# Concerns of transactions that hold contact locks, but for publishes, which have settings of their own.
_UNDER_LOCKS = {
    "adjustments",
    "batch",
    "contact_scores",
    "dedup_keys",
    "identity",
    "outbox",
    "rejudgement",
    "retention",
    "timeline_entries",
    "weights",
}

_FILL = """
insert into contacts (account_id, external_id, shard)
    select a.id, 'c-' || n, 0 from accounts a, generate_series(1, 2000) n;
insert into contact_fields select account_id, id, field, 'x', now(), ''
    from contacts, unnest(array['name', 'owner']) field;
update contacts set survivor_id = id + 1 where id % 2 = 1;
insert into joins select id, id + 1, 'api', now(), '' from contacts where id % 2 = 1;
insert into deletions select id, now(), '' from contacts;
insert into joined_fields select contact_id, field, value, occurred_at, event_key from contact_fields;
insert into ended_chains select c.id, p.id, 1 from contacts c, profiles p;
insert into timeline
    select c.account_id, c.id, (case when n > 10 then '2010-01-01Z' else '2026-01-01Z' end)::timestamptz
            + n % 11 * interval '5 days' + c.id * interval '1 second',
        decode(md5(c.id || '-' || n), 'hex'), d.id, 1, 'counted', false, 0, 0, 'x', 'x', 'x', null, null, null,
        '{}', now()
    from contacts c, definitions d, generate_series(1, 20) n;
insert into claims select account_id, event_key, 0, now() from timeline;
insert into dedup_keys
    select contact_id, definition_id, 1, '', count(*), max(occurred_at), '' from timeline group by 1, 2;
insert into contact_scores
    select c.id, p.id, p.published_version, 7, '{1}', '{7}', 1 from contacts c, profiles p;
insert into ranks select profile_id, version, group_id, points, contact_id from scores;
insert into ignored_events (account_id, id_hash, outcome, dated_at, received_at)
    select c.account_id, decode(md5(c.id || ''), 'hex'), 'dead', now(), now()
    from contacts c, generate_series(1, 20) n;
insert into adjustments (contact_id, profile_id, group_id, points, reason, author, client_key)
    select c.id, p.id, g.id, 1, 'x', 'x', 'k' from contacts c, profiles p, groups g;
"""


@pytest.mark.parametrize("stored", ["nothing", "never analyzed", "analyzed"])
async def test_every_lookup_is_by_key(database: str, connection: Connection, stored: str) -> None:
    """Every scan of a growing table gets the key of a row or a contact, whatever the plan was made for.

    Plans are made for empty tables, and for a timeline of 40,000 entries without statistics and with.
    """
    async with service.running(database) as worker:
        await worker.apply(dedup_document(HOURLY))
    await timeline_partitions.create(connection, {(2026, 1), (2026, 2)})
    if stored != "nothing":
        await connection.execute(_FILL)
    if stored == "analyzed":
        await connection.execute("analyze")
    without_key = {}
    for name, text, settings in _statements():
        plan = await generic_plan(connection, text, settings)
        first_row = f" of {_FIRST_ROW.get(name)} "
        if found := [scan for scan in _scans_without_key(plan) if first_row not in scan]:
            without_key[name] = found
        await connection.execute("rollback; deallocate planned")
    assert without_key == {}


def test_exceptions_exist() -> None:
    """Each exception names a statement that there is."""
    assert [one for one in _EXCEPTIONS if one[1] not in sql.queries(one[0])] == []
    assert _WHOLE_CONCERNS.keys() | _UNDER_LOCKS <= set(_concerns())


def _concerns() -> list[str]:
    return sorted(path.stem for path in (Path(sql.__file__).parent / "queries").glob("*.sql"))


def _statements() -> Iterator[tuple[str, str, str]]:
    """Yield name, text and transaction settings of each statement that must look up by key."""
    for concern in _concerns():
        if concern in _WHOLE_CONCERNS:
            continue
        texts = sql.queries(concern)
        settings = LOOK_UP_BY_KEY if concern in _UNDER_LOCKS else texts.get("pin_plans", "")
        for name, text in _of_each_kind(texts):
            if (concern, name) in _EXCEPTIONS or name in {"pin_plans", "look_up_by_key"}:
                continue
            if any(re.search(rf"\b({table}|scores)\b", text) for table in _KEYS):
                yield f"{concern} {name}", text.rstrip().rstrip(";"), settings


def _of_each_kind(texts: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield names and texts of statements; those of all kinds of jobs with the table of each kind."""
    for name, text in texts.items():
        is_template = "{table}" in text or "{facts}" in text
        for kind in KINDS if is_template else KINDS[:1]:
            yield name, text.format(table=kind.table, facts=kind.facts) if is_template else text


def _scans_without_key(plan: dict[str, Any]) -> Iterator[str]:
    for node in nodes(plan):
        if "Scan" not in node["Node Type"] or "Relation Name" not in node or "TID Cond" in node:
            continue
        table = re.sub(r"(_before)?_\d{4}_\d\d$", "", node["Relation Name"])
        condition = node.get("Index Cond") or node.get("Recheck Cond") or ""
        if table in _KEYS and not any(_fixes(condition, key) for key in _KEYS[table]):
            yield f"{node['Node Type']} of {node['Relation Name']} by {condition or 'nothing'}"


def _fixes(condition: str, key: tuple[str, ...]) -> bool:
    """Return whether an index condition gives each column of a key one value, in a row from `>=` to `<=` too."""
    columns = [rf"(?:\w+\.)?{column}" for column in key]
    row = rf"ROW\({', '.join(columns)}\b[^=]* {{}} ROW\("
    if all(re.search(row.format(side), condition) for side in (">=", "<=")):
        return True
    return all(re.search(rf"\({column} = ", condition) for column in columns)
