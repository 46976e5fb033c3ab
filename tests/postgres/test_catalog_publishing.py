"""What a document publishes, and what waits for a publish, on a real database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.catalog import (
    DocumentFaultsError,
    apply_document,
    diff_document,
    export_document,
    parse_document,
)
from consumer.scoring.profile_publish import unfinished_publishes
from tests.builders.catalog_documents import MINIMAL_YAML
from tests.pipeline.service import publish_all
from tests.postgres.document_changes import applied, compared, weights

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection


async def counts(connection: Connection, key: str) -> None:
    """Do what the first batch does in which a definition counts."""
    await connection.execute("update definitions set counted = true where key = $1", key)


async def test_what_a_definition_counted_for_waits_for_a_publish(connection: Connection) -> None:
    """Changed points and groups of definitions with history are stored, change no published weight, and pend."""
    await apply_document(connection, parse_document(MINIMAL_YAML))
    await counts(connection, "won")
    change = "definitions: [{key: won, default_points: 60, group: mail}]\n"
    lines = [
        "definition won: group deals -> mail (pending)",
        "definition won: default_points 10 -> 60 (pending)",
    ]
    assert await compared(connection, change) == lines
    assert await applied(connection, change) == lines
    assert (await weights(connection))["won"] == (10, "deals", False)
    stored = [
        "profile lead_score: points.won 10 -> 60 (pending)",
        "profile lead_score: group.won deals -> mail (pending)",
    ]
    assert await compared(connection, change) == stored
    assert (await weights(connection))["won"] == (10, "deals", False)
    exported = await export_document(connection)
    assert "published: false" in exported
    assert await diff_document(connection, parse_document(exported)) == []


async def test_a_publish_over_history_begins_and_pends_until_readers_see_it(
    connection: Connection, database: str
) -> None:
    """A document begins a publish, which pends until its end; what it brings does not, whatever else comes does."""
    await apply_document(connection, parse_document(MINIMAL_YAML))
    await counts(connection, "won")
    publish = "profiles: [{key: lead_score, published: true, weights: {won: 3}}]\n"
    begun = ["profile lead_score: published_version 1 -> 2", "profile lead_score: weights.won none -> 3"]
    assert await compared(connection, publish) == begun
    assert await applied(connection, publish) == begun
    pending = ["profile lead_score: published_version 1 -> 2 (pending)"]
    assert await compared(connection, publish) == await applied(connection, publish) == pending
    other = publish.replace("3", "4")
    waits = [*pending, "profile lead_score: weights.won 3 -> 4 (pending)"]
    assert await applied(connection, other) == waits
    assert (await weights(connection))["won"] == (10, "deals", False)
    exported = await export_document(connection)
    assert "published: false" in exported
    assert await diff_document(connection, parse_document(exported)) == []

    await publish_all(database, await unfinished_publishes(connection))
    assert (await weights(connection))["won"] == (3, "deals", False)
    assert await compared(connection, other) == ["profile lead_score: published_version 2 -> 3"]


async def test_a_newcomer_joins_and_follows_until_it_counts(connection: Connection) -> None:
    """A definition created after the publish follows the catalog until it has counted."""
    await apply_document(connection, parse_document(MINIMAL_YAML))
    await counts(connection, "won")
    new = "key: order, name: Order, icon: bag, events: [order.placed]"
    await applied(connection, f"definitions: [{{{new}, group: deals, default_points: 4}}]\n")
    assert (await weights(connection))["order"] == (4, "deals", True)
    assert await applied(connection, "definitions: [{key: order, group: mail, default_points: 6}]\n") == [
        "definition order: group deals -> mail",
        "definition order: default_points 4 -> 6",
    ]
    assert (await weights(connection))["order"] == (6, "mail", True)
    await counts(connection, "order")
    assert await applied(connection, "definitions: [{key: order, default_points: 7}]\n") == [
        "definition order: default_points 6 -> 7 (pending)"
    ]
    assert (await weights(connection))["order"] == (6, "mail", True)


async def test_without_history_a_publish_takes_effect_at_once(connection: Connection) -> None:
    """While nothing has counted, weights become the next version, under which every contact has its 0."""
    await apply_document(connection, parse_document(MINIMAL_YAML))
    contact = await connection.fetchval(
        "insert into contacts (account_id, external_id, shard) select id, 'ann', 0 from accounts returning id"
    )
    await connection.execute(
        "insert into contact_scores select $1, id, 1, 0, '{}', '{}' from profiles", contact
    )
    await connection.execute("insert into ranks select id, 1, 0, 0, $1 from profiles", contact)
    assert await applied(
        connection,
        "profiles:\n  - {key: lead_score, published: true, weights: {won: 3, later: 9}}\n"
        "  - {key: second, name: Second, published: true, inherits: false, weights: {opened: 2}}\n",
    ) == [
        "profile second: new",
        "profile lead_score: published_version 1 -> 2",
        "profile lead_score: weights.later none -> 9",
        "profile lead_score: weights.won none -> 3",
    ]
    assert await weights(connection) == {"won": (3, "deals", False), "opened": (1, "mail", False)}
    assert await weights(connection, "second") == {"won": (0, "deals", False), "opened": (2, "mail", False)}
    rows = await connection.fetch(
        "select version, state::text from profile_versions order by profile_id, version"
    )
    assert [tuple(row) for row in rows] == [(1, "retired"), (2, "published"), (1, "published")]
    rows = await connection.fetch(
        "select profiles.key, version, group_id, points from scores join profiles on id = profile_id order by 1"
    )
    assert [tuple(row) for row in rows] == [("lead_score", 2, 0, 0), ("second", 1, 0, 0)]
    rows = await connection.fetch("select version, group_id, points from ranks order by profile_id")
    assert [tuple(row) for row in rows] == [(2, 0, 0), (1, 0, 0)]


async def test_weights_that_are_given_replace_those_before(connection: Connection) -> None:
    """`weights` is one value: an own weight no longer given is gone, from the draft and from what is published."""
    await apply_document(connection, parse_document(MINIMAL_YAML))
    await applied(connection, "profiles: [{key: lead_score, weights: {won: 3, opened: 4}}]\n")
    assert await applied(connection, "profiles: [{key: lead_score, weights: {opened: 5}}]\n") == [
        "profile lead_score: published_version 2 -> 3",
        "profile lead_score: weights.opened 4 -> 5",
        "profile lead_score: weights.won 3 -> none",
    ]
    assert "weights: {opened: 5}" in await export_document(connection)
    assert await weights(connection) == {"won": (10, "deals", False), "opened": (5, "mail", False)}


async def test_with_history_weights_and_new_profiles_are_published_later(
    connection: Connection, database: str
) -> None:
    """Once something has counted, changed weights and further profiles are drafts, and their publish pends."""
    await apply_document(connection, parse_document(MINIMAL_YAML))
    await counts(connection, "won")
    change = (
        "profiles:\n  - {key: lead_score, published: true, inherits: false, weights: {won: 3}}\n"
        "  - {key: second, name: Second, published: true}\n"
    )
    assert await applied(connection, change) == [
        "profile second: new",
        "profile lead_score: published_version 1 -> 2",
        "profile lead_score: inherits true -> false",
        "profile lead_score: weights.won none -> 3",
    ]
    assert await weights(connection) == {"won": (10, "deals", False), "opened": (1, "mail", False)}
    assert await compared(connection, change) == [
        "profile lead_score: published_version 1 -> 2 (pending)",
        "profile second: published false -> true (pending)",
    ]
    await publish_all(database, await unfinished_publishes(connection))
    assert await weights(connection) == {"won": (3, "deals", False), "opened": (0, "mail", False)}
    assert await weights(connection, "second") == {"won": (10, "deals", False), "opened": (1, "mail", False)}
    assert await compared(connection, change) == []


async def test_primacy_moves_between_published_profiles_only(connection: Connection) -> None:
    """Another profile can become primary if it is published; one that still waits cannot."""
    await apply_document(connection, parse_document(MINIMAL_YAML))
    await applied(connection, "profiles: [{key: second, name: Second, published: true}]\n")
    await counts(connection, "won")
    swap = "profiles:\n  - {key: %s, primary: false}\n  - {key: %s, name: N, primary: true}\n"
    gains_first = "profiles:\n  - {key: lead_score, primary: true}\n  - {key: second, primary: false}\n"
    for change, primary in ((swap % ("lead_score", "second"), "second"), (gains_first, "lead_score")):
        await applied(connection, change)
        assert await connection.fetchval("select key from profiles where is_primary") == primary
    with pytest.raises(DocumentFaultsError, match="only a published profile can become primary"):
        await applied(connection, swap % ("lead_score", "third"))
