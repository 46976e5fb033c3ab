"""No account starves another: heavy requests, changes that wait for locks, and their shares."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.builders.catalog_documents import definition, groups
from tests.waiting import eventually
from tests.web.account_events import happen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    import httpx

    from tests.pipeline.service import Service
    from tests.web.api_client import Api

HOT = {"key": "hot", "name": "Hot", "match": {"all": [{"score": {"min": 1}}]}}
# As revision_lock.py has it.
ACCOUNT_LOCK = 0x656E_6763


@pytest.fixture
async def accounts(api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]) -> tuple[str, str]:
    """Name two accounts, each with a contact and a segment."""
    made = []
    for _ in range(2):
        account = await new_account(groups=groups("purchase"), definitions=[definition("won", "deal.won")])
        await happen(worker, account, "deal.won")
        async with api.as_(account) as client:
            assert (await client.post("/segments", json=HOT)).status_code == 201
        made.append(account)
    return made[0], made[1]


@asynccontextmanager
async def _locked(dsn: str, statement: str, *arguments: object) -> AsyncIterator[None]:
    """Hold a lock, as a change by another program does, for the time of the block."""
    connection = await asyncpg.connect(dsn)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(statement, *arguments)
    try:
        yield
    finally:
        await transaction.rollback()
        await connection.close()


async def test_heavy_requests_of_one_account_leave_another_alone(api: Api, accounts: tuple[str, str]) -> None:
    """Beside 120 heavy requests of one account light ones of another are answered at once.

    The 120 have their share, wait for it within bounds, and are answered 429 with Retry-After beyond them.
    """
    heavy, light = accounts
    async with api.as_(heavy) as many, api.as_(light) as other:
        # What is heavy reads segments, which it cannot for the time being; light reads do not.
        async with _locked(api.dsn, "lock table segments in access exclusive mode"):
            asked = [
                asyncio.create_task(many.get("/contacts", params={"segment": "hot"})) for _ in range(120)
            ]
            await eventually(lambda: sum(task.done() for task in asked) > 40, within=5, what="refusals")
            for _ in range(20):
                began = time.monotonic()
                answer = await other.get("/contacts/ann")
                assert answer.status_code == 200, answer.text
                assert time.monotonic() - began < 1
        answers = await asyncio.gather(*asked)
    statuses = Counter(answer.status_code for answer in answers)
    # Where the machine is slow a statement may time out while it waits for the table.
    assert statuses.keys() <= {200, 429, 503}
    assert statuses[200] > 1, "those that waited"
    assert statuses[429] >= 50, "those beyond"
    for answer in answers:
        if answer.status_code == 429:
            _assert_throttled(answer)


def _assert_throttled(answer: httpx.Response) -> None:
    assert answer.json()["type"] == "urn:engagement:problem:too_many"
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["content-type"] == "application/problem+json"


async def test_changes_that_wait_for_a_lock_hold_no_connection(api: Api, accounts: tuple[str, str]) -> None:
    """While another program changes an account, changes of it wait; its reads and others' changes do not."""
    locked, other = accounts
    lock = "select pg_advisory_xact_lock($1, hashtext($2))"
    async with api.as_(locked) as client, api.as_(other) as neighbour:
        async with _locked(api.dsn, lock, ACCOUNT_LOCK, locked):
            waiting = [
                asyncio.create_task(client.edit("/definitions/won", {"name": f"Name {number}"}))
                for number in range(4)
            ]
            waiting += [
                asyncio.create_task(
                    client.post(
                        "/contacts/ann/adjustments",
                        json={
                            "group": "purchase",
                            "points": 1,
                            "reason": "kind",
                            "client_key": f"key {number}",
                        },
                    )
                )
                for number in range(4)
            ]
            for number in range(2):
                assert (await client.get("/contacts/ann")).status_code == 200
                changed = await neighbour.edit("/definitions/won", {"name": f"Name {number}"})
                assert changed.status_code == 200, changed.text
            assert not any(task.done() for task in waiting)
        answers = await asyncio.gather(*waiting)
    # Those that were read before another of them was carried out are out of date.
    assert {answer.status_code for answer in answers[:4]} <= {200, 412}
    assert 200 in {answer.status_code for answer in answers[:4]}
    assert {answer.status_code for answer in answers[4:]} == {201}


async def test_a_lock_that_is_never_free_is_reported(
    api: Api, accounts: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change whose lock is not to be had in time is 503 with Retry-After, and leaves its connection usable."""
    monkeypatch.setattr("consumer.web.http.database._CHANGE_PATIENCE", 0.1)
    account, _ = accounts
    body = {"group": "purchase", "points": 1, "reason": "kind", "client_key": "late"}
    async with api.as_(account) as client:
        # The batch lock, as change_shards.py has it: a transaction that cannot begin is to be rolled back.
        async with _locked(api.dsn, "select pg_advisory_xact_lock($1)", 0x656E6761_0001):
            answer = await client.post("/contacts/ann/adjustments", json=body)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        for _ in range(4):
            assert (await client.get("/contacts/ann")).status_code == 200
        assert (await client.post("/contacts/ann/adjustments", json=body)).status_code == 201
