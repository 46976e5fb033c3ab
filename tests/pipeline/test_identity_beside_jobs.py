"""Joins while a publish or a rejudgement goes through the contacts one by one: the end is as if they came first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from consumer import catalog
from consumer.scoring import identity, rejudgement
from consumer.scoring.adjustments import Adjustment, add
from consumer.scoring.identity import requests
from consumer.scoring.jobs import take_step
from consumer.scoring.profile_publish import PUBLISHES, unfinished_publishes
from consumer.scoring.rejudgement import REJUDGEMENTS
from consumer.scoring.verify import verify
from tests.builders.catalog_documents import HOURLY, dedup_document
from tests.builders.events import clock_event
from tests.pipeline import oracle_comparison, service

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_DAILY = {"policy": "cooldown", "interval": "1d"}
_CLOCK = {"09:00": "ann", "09:20": "bob", "09:40": "cem", "10:10": "ann", "10:30": "cem", "11:20": "bob"}
# One contact a step, and those that begin and end a state.
_MOST_STEPS = 12


async def _begin(connection: Connection, account: str, job: str) -> int:
    if job == "publish":
        heavier = {**dedup_document(HOURLY, account)["profiles"][0], "weights": {"won": 7}}
        await catalog.apply_document(
            connection, service.parsed({**dedup_document(HOURLY, account), "profiles": [heavier]})
        )
        [publish] = await unfinished_publishes(connection)
        return publish
    await catalog.apply_document(connection, service.parsed(dedup_document(_DAILY, account)))
    return await rejudgement.begin(connection, account, "won", with_xp=False, by="ada")


async def _steps(connection: Connection, job: str, number: int, most: int) -> int:
    """Take steps of a job, until it has ended; returns how many."""
    kind: Any = PUBLISHES if job == "publish" else REJUDGEMENTS
    for taken in range(most):
        if (await kind.status(connection, number)).ended_at is not None:
            return taken
        await take_step(connection, kind, number, contacts=1)
    return most


async def _carry_out(connection: Connection) -> None:
    for contact in await identity.due_contacts(connection, 10):
        await identity.carry_out(connection, contact)


@pytest.mark.parametrize("undone", [False, True], ids=["joined", "undone"])
@pytest.mark.parametrize("ids", [("cem", "ann"), ("ann", "cem")], ids="-into-".join)
@pytest.mark.parametrize("job", ["publish", "rejudgement"])
async def test_a_join_at_any_step_of_a_job(
    database: str, connection: Connection, job: str, ids: tuple[str, str], undone: bool
) -> None:
    """Entries, tallies and scores end the same, whichever step a join, or its undoing, comes after."""
    contact, into = ids
    accounts = [f"after-{steps}" for steps in range(_MOST_STEPS)]
    async with service.running(database) as worker:
        for account in accounts:
            await worker.apply(dedup_document(HOURLY, account))
            await worker.batch(
                [clock_event(clock, subject=subject, accountid=account) for clock, subject in _CLOCK.items()]
            )
            for subject in ("ann", "cem"):
                await add(
                    connection,
                    Adjustment(
                        account=account,
                        contact=subject,
                        profile=None,
                        group="purchase",
                        points=3,
                        reason="",
                        author="mia",
                        client_key=subject,
                    ),
                )
    found = {}
    most = 0
    for steps, account in enumerate(accounts):
        joined = None
        if undone:
            joined = (await requests.join(connection, account, contact, into, by="mia")).id
            await _carry_out(connection)
        number = await _begin(connection, account, job)
        most = max(most, await _steps(connection, job, number, steps))
        if joined is None:
            await requests.join(connection, account, contact, into, by="mia")
        else:
            await requests.undo_join(connection, account, contact, joined, by="mia")
        await _carry_out(connection)
        await _steps(connection, job, number, 100)
        stored = await oracle_comparison.read(connection, {account})
        assert oracle_comparison.broken_chains(stored) == []
        found[steps] = (
            {key[1:]: value[:2] for key, value in stored.entries.items()},
            {key[1:]: value for key, value in stored.tallies.items()},
            {key[1:]: value for key, value in stored.scores.items()},
        )
    assert most < _MOST_STEPS
    assert (await verify(database)).differences == []
    assert {steps: ends for steps, ends in found.items() if ends != found[0]} == {}
