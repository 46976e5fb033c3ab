"""Applying, comparing and exporting catalog documents on a real database."""

from __future__ import annotations

import asyncio
import io
import json
from typing import TYPE_CHECKING

import asyncpg
import pytest
from ruamel.yaml import YAML

import catalogs
from consumer.catalog import (
    DocumentFaultsError,
    apply_document,
    diff_document,
    export_document,
    load_snapshot,
    parse_against_stored,
    parse_document,
)
from consumer.infra.postgres.connection import connect
from consumer.infra.postgres.revision_lock import begin_shared, share_accounts
from tests import vectors
from tests.builders.catalog_documents import MINIMAL_YAML
from tests.postgres.document_changes import HEAD, applied, compared, weights
from tests.waiting import eventually

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection


async def revision(connection: Connection) -> int:
    return int(await connection.fetchval("select revision from installation"))


async def test_the_first_document_creates_the_account_and_publishes_its_primary_profile(
    connection: Connection,
) -> None:
    """A missing account is created, each definition with its first edition, the primary profile as version 1."""
    found = await apply_document(connection, parse_document(MINIMAL_YAML))
    assert [str(each) for each in found] == [
        "account acme: new",
        "group deals: new",
        "group mail: new",
        "definition won: new",
        "definition opened: new",
        "profile lead_score: new",
    ]
    rows = await connection.fetch(
        "select number, policy::text, interval_seconds, per::text from editions order by 3"
    )
    assert [tuple(row) for row in rows] == [(1, "cooldown", 86_400, "contact"), (1, "once", None, "object")]
    rows = await connection.fetch(
        "select version, state::text, inherits, own_weights::text from profile_versions"
    )
    assert [tuple(row) for row in rows] == [(1, "published", True, "{}")]
    assert await weights(connection) == {"won": (10, "deals", False), "opened": (1, "mail", False)}


async def test_a_document_without_profiles_gives_a_new_account_its_primary_profile(
    connection: Connection,
) -> None:
    """Each account gets a published primary profile, also where the document names none."""
    await applied(connection, MINIMAL_YAML.split("name: Acme\n")[1].split("profiles:")[0])
    row = await connection.fetchrow("select key, is_primary, inherits, published_version from profiles")
    assert row is not None
    assert tuple(row) == ("lead_score", True, True, 1)
    assert (await weights(connection))["won"] == (10, "deals", False)


async def test_applying_again_changes_nothing(connection: Connection, database: str) -> None:
    """A second apply finds no difference, raises no revision and does not even wait for a batch in flight."""
    document = parse_document(MINIMAL_YAML)
    await apply_document(connection, document)
    before = await revision(connection)
    batch = await connect(database)
    try:
        await begin_shared(batch, accounts=["acme"])
        assert await asyncio.wait_for(apply_document(connection, document), 5) == []
    finally:
        await batch.close()
    assert await diff_document(connection, document) == []
    assert await revision(connection) == before


async def test_every_document_of_the_vectors_applies(connection: Connection) -> None:
    """The vectors' documents apply in their order, and what they make exports and applies without a difference."""
    for vector in vectors.load():
        account = f"acme-{vector.name}"
        for step in vector.steps:
            if isinstance(step, vectors.Apply):
                buffer = io.StringIO()
                YAML(typ="safe", pure=True).dump({**step.document, "account": account}, buffer)
                assert await apply_document(
                    connection, await parse_against_stored(connection, buffer.getvalue(), account)
                )
        exported = await export_document(connection, account)
        assert await diff_document(connection, parse_document(exported)) == []
        assert await apply_document(connection, parse_document(exported)) == []
        assert await export_document(connection, account) == exported


async def test_the_starting_catalog_exports_and_applies_without_a_difference(connection: Connection) -> None:
    """The starting catalog goes through export unchanged, and a fresh account made from the export is the same."""
    await apply_document(connection, await parse_against_stored(connection, catalogs.starting()))
    exported = await export_document(connection)
    assert await diff_document(connection, parse_document(exported)) == []
    assert await diff_document(connection, parse_document(catalogs.starting())) == []
    renamed = exported.replace("account: acme\n", "account: copy\n")
    await apply_document(connection, await parse_against_stored(connection, renamed))
    assert await export_document(connection, "copy") == renamed


async def test_nothing_is_applied_of_a_document_with_faults(connection: Connection) -> None:
    """One fault anywhere, found before or against the stored account, and nothing of the document is applied."""
    await apply_document(connection, parse_document(MINIMAL_YAML))
    before, at = await export_document(connection), await revision(connection)
    text = (
        HEAD
        + "name: Other\ndefinitions:\n  - {key: won, default_points: 77}\n  - {key: opened, group: nowhere}\n"
    )
    with pytest.raises(DocumentFaultsError, match="line 6: definition opened: there is no group nowhere"):
        await apply_document(connection, parse_document(text))
    with pytest.raises(DocumentFaultsError, match="line 6"):
        await parse_against_stored(connection, text)
    assert (await export_document(connection), await revision(connection)) == (before, at)


async def test_a_failure_half_way_leaves_nothing(connection: Connection) -> None:
    """All of a document is applied in one transaction: refused by the database at the end, it leaves nothing."""
    await apply_document(connection, parse_document(MINIMAL_YAML))
    before, at = await export_document(connection), await revision(connection)
    await connection.execute("alter table profile_weights add constraint refused check (weight <> 13)")
    with pytest.raises(asyncpg.CheckViolationError):
        await applied(connection, "name: Other\nprofiles: [{key: lead_score, weights: {won: 13}}]\n")
    assert (await export_document(connection), await revision(connection)) == (before, at)


async def test_an_apply_waits_for_what_shares_the_account(connection: Connection, database: str) -> None:
    """A change is not made while another transaction shares the account's lock, and is made once it has ended."""
    await apply_document(connection, parse_document(MINIMAL_YAML))
    other = await connect(database)
    try:
        batch = connection.transaction()
        await batch.start()
        await share_accounts(connection, ["acme"])
        change = asyncio.create_task(applied(other, "name: Other\n"))
        waiting = (
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and wait_event = 'advisory'"
        )
        assert await eventually(lambda: connection.fetchval(waiting), within=10, what="the change to wait")
        assert not change.done()
        await batch.commit()
        assert await change == ["account acme: name Acme -> Other"]
    finally:
        await other.close()


async def test_the_snapshot_has_the_active_definitions_by_type(connection: Connection) -> None:
    """The snapshot is of one revision, has accounts without definitions too, and no definition that is off."""
    assert (await load_snapshot(connection)).accounts == {}
    await apply_document(connection, parse_document(MINIMAL_YAML))
    await apply_document(
        connection, parse_document("engagement_catalog: 1\naccount: empty\nengagement: false\n")
    )
    await applied(
        connection,
        "definitions:\n  - {key: opened, active: false, events: [email.opened, email.clicked]}\n"
        "  - {key: won, events: [deal.won, deal.done], dedup: {policy: once}}\n",
    )
    catalog = await load_snapshot(connection)
    assert catalog.revision == await revision(connection)
    assert (catalog.accounts["empty"].engagement, catalog.accounts["empty"].definitions_by_type) == (
        False,
        {},
    )
    by_type = catalog.accounts["acme"].definitions_by_type
    assert sorted(by_type) == ["deal.done", "deal.won"]
    assert [(each.key, each.edition, each.xp) for each in by_type["deal.won"]] == [("won", 2, 5)]


async def test_differences_are_told_as_lines_and_as_json(connection: Connection) -> None:
    """Every kind of difference has its line and its JSON object, values as in a document."""
    await apply_document(connection, parse_document(MINIMAL_YAML))
    await connection.execute("update accounts set retention_seconds = 365 * 86400")
    change = (
        'name: "Acme: the firm"\nretention: null\n'
        "groups:\n  - {key: mail, icon: send}\n  - {key: deals}\n"
        "definitions:\n  - key: won\n    active: false\n    events: [deal.won, deal.done]\n"
        "    when: [{path: amount, op: gte, value: 0.10}]\n    dedup: {policy: cooldown, interval: 24h}\n"
    )
    found = await diff_document(connection, parse_document(HEAD + change))
    assert [str(each) for each in found] == [
        'account acme: name Acme -> "Acme: the firm"',
        "account acme: retention 365d -> none",
        "group mail: icon mail -> send",
        "groups: order [deals, mail] -> [mail, deals]",
        "definition won: events [deal.won] -> [deal.won, deal.done]",
        "definition won: active true -> false",
        "definition won: when [] -> [{path: amount, op: gte, value: 0.1}]",
        "definition won: dedup {policy: once, per: object} -> {policy: cooldown, interval: 1d, per: contact}",
    ]
    assert found[1].as_json() == {
        "subject": "account",
        "key": "acme",
        "field": "retention",
        "before": "365d",
        "after": None,
        "pending": False,
    }
    assert json.loads(json.dumps(found[6].as_json()))["after"] == [
        {"path": "amount", "op": "gte", "value": 0.1}
    ]
    await applied(connection, change)
    assert await compared(connection, change) == []


async def test_export_names_the_account_that_is_missing(connection: Connection) -> None:
    """Without a key the only account is exported; no account, several, or an unknown one is said so."""
    with pytest.raises(LookupError, match="there is no account yet"):
        await export_document(connection)
    await apply_document(connection, parse_document(MINIMAL_YAML))
    assert await export_document(connection) == await export_document(connection, "acme")
    with pytest.raises(LookupError, match="there is no account globex"):
        await export_document(connection, "globex")
    await apply_document(connection, parse_document("engagement_catalog: 1\naccount: globex\n"))
    with pytest.raises(LookupError, match="several accounts"):
        await export_document(connection)
