"""All background jobs of an account in one list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.web.sample_account import begin, draft, publish, scored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from consumer.infra.postgres.connection import Connection
    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client


@pytest.fixture
async def client(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> AsyncIterator[Client]:
    """Give a client of an account with scores."""
    async with api.as_(await scored(worker, new_account)) as client:
        yield client


async def _jobs(client: Client, **params: Any) -> list[dict[str, Any]]:
    found = await client.get("/jobs", params=params)
    assert found.status_code == 200, found.text
    items: list[dict[str, Any]] = found.json()["items"]
    return items


async def test_jobs_of_all_kinds_are_listed_newest_first(
    api: Api, client: Client, observer: Connection
) -> None:
    """Publishes, rejudgements, purges and backfills are in one list, with the ids of their own routes."""
    await draft(client, weights={"deal_won": 7})
    published = await publish(api, client)
    rejudged = (await client.post("/definitions/deal_won/rejudgements", json={"xp": False})).json()
    account = client.base_url.path.rstrip("/").rpartition("/")[2]
    await observer.execute(
        "insert into purges (account_id, horizon, until_contact_id) "
        "select id, now(), 0 from accounts where key = $1",
        account,
    )
    filled = await client.post("/backfills", json={"from_topics": {"since": "2026-01-01T00:00:00Z"}})
    jobs = await _jobs(client)
    assert [(job["kind"], job["subject"]) for job in jobs] == [
        ("backfill", None),
        ("purge", None),
        ("rejudgement", "deal_won"),
        ("publish", "lead_score"),
    ]
    assert (jobs[0]["id"], jobs[2]["id"], jobs[3]["id"]) == (filled.json()["id"], rejudged["id"], published)
    assert (jobs[3]["state"], jobs[2]["state"]) == ("done", "running")
    assert [job["kind"] for job in await _jobs(client, unfinished=True)] == [
        "backfill",
        "purge",
        "rejudgement",
    ]
    assert [job["id"] for job in await _jobs(client, kind="publish")] == [published]
    assert await _jobs(client, kind="publish", unfinished=True) == []
    assert (await client.get("/jobs", params={"kind": "dream"})).status_code == 422


async def test_pages_have_each_job_once(api: Api, client: Client) -> None:
    """Going from page to page gives each job once, newest first, whatever begins meanwhile."""
    for points in range(2):
        await draft(client, weights={"deal_won": points})
        await publish(api, client)
        await client.post("/definitions/deal_won/rejudgements", json={"xp": False})
        found = (await _jobs(client, kind="rejudgement"))[0]["id"]
        await client.post(f"/definitions/deal_won/rejudgements/{found}/cancel")
    seen: list[str] = []
    page = (await client.get("/jobs", params={"limit": 1})).json()
    await draft(client, weights={"deal_won": 9})
    await begin(client)
    while True:
        seen += [f"{job['kind']} {job['id']}" for job in page["items"]]
        if page["next"] is None:
            break
        page = (await client.get("/jobs", params={"limit": 1, "cursor": page["next"]})).json()
    assert len(seen) == len(set(seen)) == 4
    assert [job.split()[0] for job in seen] == ["rejudgement", "publish"] * 2


async def test_jobs_are_of_one_account(
    client: Client, api: Api, new_account: Callable[..., Awaitable[str]]
) -> None:
    """No account has the jobs of another one."""
    await draft(client, weights={"deal_won": 7})
    await publish(api, client)
    async with api.as_(await new_account()) as other:
        assert await _jobs(other) == []
