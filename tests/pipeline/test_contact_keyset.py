"""Walking over the contacts of an account, and counting them: what it costs, and what progress says meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from consumer import catalog
from consumer.infra import postgres
from consumer.scoring import contact_keyset, jobs, profile_publish, rejudgement
from consumer.scoring.profile_publish import PUBLISHES
from consumer.scoring.profile_publish.preview import preview as preview_publish
from consumer.scoring.profile_publish.preview_comparison import ScoreRange
from consumer.scoring.profile_publish.steps import Publishes
from consumer.scoring.rejudgement import REJUDGEMENTS
from consumer.scoring.rejudgement.preview import preview as preview_rejudgement
from tests.builders.catalog_documents import ONCE, dedup_document, weights_document
from tests.builders.events import numbered_event
from tests.pipeline import service

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

# Contacts of another account, between those of the account; each has what contacts have.
_FOREIGN = """
insert into contacts (account_id, external_id, shard)
    select a.id, 'c-' || n, 0 from accounts a, generate_series(1, 30000) n where a.key = 'birch';
insert into dedup_keys
    select c.id, d.id, 1, '', 1, now(), '' from contacts c join accounts a on a.id = c.account_id
    join definitions d on d.account_id = a.id where a.key = 'birch';
insert into contact_scores
    select c.id, p.id, 1, 7, '{1}', '{7}', 1 from contacts c join profiles p on p.account_id = c.account_id
    join accounts a on a.id = p.account_id where a.key = 'birch'
"""
_BLOCKS = """
select sum(coalesce(heap_blks_read + heap_blks_hit, 0) + coalesce(idx_blks_read + idx_blks_hit, 0))::bigint
from pg_statio_user_tables
where relname in ('contacts', 'dedup_keys', 'contact_scores', 'ranks')"""
# What one more level of each index costs.
_DEEPER = 40


async def _blocks(connection: Connection) -> int:
    """Return how many blocks of tables that grow with contacts have been looked at so far."""
    await connection.execute("select pg_stat_force_next_flush()")
    blocks: int = await connection.fetchval(_BLOCKS)
    return blocks


async def _work(dsn: str, account: str) -> dict[str, int]:
    """Preview and take the steps of a publish and a rejudgement; return the blocks that each has looked at."""
    spent: dict[str, int] = {}
    connection = await postgres.connect(dsn)
    try:
        await catalog.apply_document(connection, service.parsed(_draft(account)))
        before = await _blocks(connection)

        async def note(what: str) -> None:
            nonlocal before
            now = await _blocks(connection)
            spent[what], before = now - before, now

        hot = [ScoreRange("hot", least=5)]
        found = await preview_publish(connection, account, "lead_score", ranges=hot)
        assert (found.contacts, found.changed) == (2, 2)
        await note("preview of the publish")
        assert (await preview_rejudgement(connection, account, "won")).contacts == 2
        await note("preview of the rejudgement")
        assert await contact_keyset.count_all(connection, await _account_id(connection, account)) == 2
        await note("count")
        publish = await profile_publish.begin(connection, account, "lead_score", by="mia")
        number = await rejudgement.begin(connection, account, "won", with_xp=False, by="mia")
        await note("begin")
        await jobs.take_step(connection, PUBLISHES, publish)
        assert (await profile_publish.status(connection, publish)).done == 2
        await note("step of the publish")
        await jobs.take_step(connection, REJUDGEMENTS, number)
        assert (await rejudgement.status(connection, number)).done == 2
        await note("step of the rejudgement")
    finally:
        await connection.close()
    return spent


async def _account_id(connection: Connection, account: str) -> int:
    number: int = await connection.fetchval("select id from accounts where key = $1", account)
    return number


def _draft(account: str) -> dict[str, Any]:
    draft = weights_document(account, won=3)
    draft["profiles"][0]["published"] = False
    draft["definitions"][0]["dedup"] = ONCE
    return draft


@pytest.mark.parametrize("stored", ["never analyzed", "analyzed"])
async def test_contacts_of_other_accounts_cost_nothing(
    database: str, connection: Connection, stored: str
) -> None:
    """Previews, counts and steps over two contacts look at as many blocks with 30,000 foreign ones between them."""
    async with service.running(database) as worker:
        for account in ("acme", "birch", "cedar"):
            await worker.apply(weights_document(account))
        await worker.batch([numbered_event(n, accountid="acme", subject=f"c-{n}") for n in range(2)])
        alone = await _work(database, "acme")
        await worker.batch([numbered_event(10, accountid="cedar", subject="first")])
        await connection.execute(_FOREIGN)
        await worker.batch([numbered_event(11, accountid="cedar", subject="last")])
    if stored == "analyzed":
        await connection.execute("vacuum analyze contacts, dedup_keys, contact_scores, ranks")
    crowded = await _work(database, "cedar")
    assert {what: crowded[what] for what in alone if crowded[what] > alone[what] + _DEEPER} == {}


async def test_contacts_are_counted_as_the_walk_goes(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step counts some contacts; the total is not known before all are counted, anew in each state."""
    monkeypatch.setattr(contact_keyset, "_COUNTED_AT_ONCE", 2)
    monkeypatch.setattr(Publishes, "contacts_per_step", 1)
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(n, subject=f"c-{n}") for n in range(5)])
        publish = await service.begin_publish(connection, won=3)
        seen = []
        async with service.kept_connection(database) as keeper:
            async for status in profile_publish.run_publish(keeper, publish):
                seen.append((status.state, status.done, status.total))
                if len(seen) == 2:
                    await worker.batch([numbered_event(9, subject="new")])
    assert seen == [
        ("building", 0, None),
        ("building", 1, None),
        ("building", 2, None),
        ("building", 3, 5),
        ("building", 4, 5),
        ("building", 5, 5),
        ("announcing", 0, None),
        ("announcing", 1, None),
        ("announcing", 2, None),
        *(("announcing", done, 6) for done in range(3, 7)),
        ("done", 6, 6),
    ]
    assert await contact_keyset.count_all(connection, await _account_id(connection, "acme")) == 6


async def test_a_rejudgement_counts_too(database: str, connection: Connection) -> None:
    """Up to a hundred thousand contacts are counted by the first step."""
    async with service.running(database) as worker:
        await worker.apply(dedup_document(ONCE))
        await worker.batch([numbered_event(n, subject=f"c-{n}") for n in range(3)])
    number = await rejudgement.begin(connection, "acme", "won", with_xp=False, by="ada")
    assert (await rejudgement.status(connection, number)).total is None
    await jobs.take_step(connection, REJUDGEMENTS, number)
    status = await rejudgement.status(connection, number)
    assert (status.done, status.total) == (3, 3)
