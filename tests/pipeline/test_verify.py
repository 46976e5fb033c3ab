"""`verify` reports every difference, and nothing where there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from consumer.domain.errors import UnknownAccountError
from consumer.scoring.verify import verify
from tests import vectors
from tests.pipeline import service
from tests.pipeline.purging import purge

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection


_LEFT = """
    select count(*) from timeline t join accounts a on a.id = t.account_id
    where a.key = $1 and t.purged_at is not null"""


async def _feed(dsn: str, *names: str) -> int:
    """Feed vectors, each to an account of its own, and return how many entries they make."""
    entries = 0
    for vector in vectors.load():
        if names and vector.name not in names:
            continue
        account = vector.name
        feed = service.Feed(topic=vector.name)
        async with service.running(dsn, feed=feed) as worker:
            for step in vector.steps:
                if isinstance(step, vectors.Apply):
                    await worker.apply({**step.document, "account": account})
                elif isinstance(step, vectors.Purge):
                    connection = await worker.connect()
                    await purge(connection, account, step.horizon)
                    entries += await connection.fetchval(_LEFT, account)
                    await connection.close()
                else:
                    records = [
                        replace(record, accountid=account) if record.accountid == vector.account else record
                        for record in step.records
                    ]
                    if step.backfilled:
                        await worker.backfill(records, with_xp=step.with_xp)
                    else:
                        await worker.batch(records)
                    await service.carry_out(dsn)
        entries += sum(len(verdicts) for verdicts in vector.expect["verdicts"].values())
    return entries


async def test_all_vectors_agree(database: str) -> None:
    """What all vectors have stored agrees with judging it again from scratch."""
    entries = await _feed(database)
    report = await verify(database)
    assert report.differences == []
    assert report.entries == entries
    assert entries > 80


async def test_of_one_account(database: str) -> None:
    """One account can be verified alone; an unknown one is an error."""
    await _feed(database, "always", "once")
    assert (await verify(database, account="once")).entries == 3
    with pytest.raises(UnknownAccountError, match="nobody"):
        await verify(database, account="nobody")


TAMPERED = {
    "verdict": "update timeline set verdict = 'counted', credit_number = credit_number + 1"
    " where verdict = 'cooling_down'",
    "tally": "update dedup_keys set count = count + 1",
    "gate": "update dedup_keys set last_counted_key = decode(repeat('00', 16), 'hex')",
    "score": "update contact_scores set overall = overall + 1",
    "rank": "update ranks set points = points + 1 where group_id <> 0",
    "announcement": "update contact_scores set message_version = null",
    "message": "update outbox set facts = array(select replace(f, E'\\x1f2\\x1fevents', E'\\x1f3\\x1fevents')"
    " from unnest(facts) f)",
    "outbox": "delete from outbox where first_position = 1",
    "xp": "update timeline set credit_number = credit_number + 1",
    "timeline": "update timeline set contact_id = contact_id + 1000",
}


@pytest.mark.parametrize("what", TAMPERED)
async def test_tampering_is_seen(what: str, database: str, connection: Connection) -> None:
    """Rows changed by hand are reported, whatever they are, under the name of the comparison."""
    await _feed(database, "late-flips-a-chain")
    assert (await verify(database)).differences == []
    assert await connection.execute(TAMPERED[what]) not in {"UPDATE 0", "DELETE 0"}
    report = await verify(database)
    assert {line.partition(":")[0] for line in report.differences} >= {what}


async def test_a_score_row_too_few_is_seen(database: str, connection: Connection) -> None:
    """A contact without an overall score is a difference, though the score would be 0."""
    await _feed(database, "weights")
    await connection.execute("delete from contact_scores where overall = 0")
    assert any("nothing" in line for line in (await verify(database)).differences)
