"""Previews over HTTP: what a publish would change, line by line, one at a time, never longer than asked for."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from consumer.infra import http_server, postgres
from consumer.scoring.profile_publish import preview
from tests.waiting import eventually
from tests.web.api_client import bearer
from tests.web.sample_account import draft, publish, scored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from consumer.infra.postgres.connection import Connection
    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

PREVIEW = "/profiles/lead_score/preview"
# Which server process makes a preview.
RUNNING = "select pid from pg_locks where locktype = 'advisory' and classid = $1"


@pytest.fixture
async def account(worker: Service, new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account that has scores."""
    return await scored(worker, new_account)


@pytest.fixture
async def client(api: Api, account: str) -> AsyncIterator[Client]:
    """Give a client of that account."""
    async with api.as_(account) as client:
        yield client


def _lines(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_a_preview_reports_what_a_publish_would_change(api: Api, client: Client) -> None:
    """Counts, distribution, movers and what moves them, who crosses ranges and segments; the publish does that."""
    hot = {"key": "hot", "name": "Hot", "match": {"all": [{"score": {"min": 45}}]}}
    assert (await client.post("/segments", json=hot)).status_code == 201
    await draft(client, weights={"deal_won": 10, "email_opened": 20})
    before = (await client.get("/audit")).json()
    ranges = [
        {"name": "hot", "min": 45},
        {"name": "warm", "min": 20, "max": 44},
        {"name": "mails", "group": "mail", "min": 10},
    ]
    [line] = _lines(await client.post(PREVIEW, json={"ranges": ranges}))
    result = line["preview"]
    assert result.pop("seconds") >= 0
    assert result.pop("revision") == (await client.get("/profiles/lead_score")).json()["revision"]
    assert result == {
        "version": 1,
        "contacts": 2,
        "changed": 2,
        "moved": 2,
        "distribution": [
            {"min": 10, "max": 24, "before": 0, "after": 1, "band": None},
            {"min": 25, "max": 49, "before": 0, "after": 0, "band": None},
            {"min": 50, "max": 99, "before": 2, "after": 1, "band": None},
        ],
        "movers": [
            {
                "contact": "bob",
                "before": 50,
                "after": 10,
                "reasons": [
                    {
                        "definition": "deal_won",
                        "count": 1,
                        "before": {"points": 50, "group": "purchase"},
                        "after": {"points": 10, "group": "purchase"},
                    }
                ],
            },
            {
                "contact": "ann",
                "before": 52,
                "after": 50,
                "reasons": [
                    {
                        "definition": "deal_won",
                        "count": 1,
                        "before": {"points": 50, "group": "purchase"},
                        "after": {"points": 10, "group": "purchase"},
                    },
                    {
                        "definition": "email_opened",
                        "count": 2,
                        "before": {"points": 1, "group": "mail"},
                        "after": {"points": 20, "group": "mail"},
                    },
                ],
            },
        ],
        "ranges": [
            {"name": "hot", "entering": 0, "leaving": 1, "enters": [], "leaves": ["bob"]},
            {"name": "warm", "entering": 0, "leaving": 0, "enters": [], "leaves": []},
            {"name": "mails", "entering": 1, "leaving": 0, "enters": ["ann"], "leaves": []},
        ],
        "bands": [],
        "bands_in_use": [],
        "segments": [
            {"name": "hot", "entering": 0, "leaving": 1, "enters": [], "leaves": ["bob"]},
        ],
    }
    assert (await client.get("/audit")).json() == before
    await publish(api, client)
    [line] = _lines(await client.post(PREVIEW, json={}))
    assert (line["preview"]["version"], line["preview"]["changed"]) == (2, 0)


async def test_faults_are_answered_before_the_stream_begins(client: Client) -> None:
    """Unknown groups, ranges without numbers and too many of them are named; a profile that is not there is 404."""
    for ranges, field in (
        ([{"name": "a"}, {"name": "b", "group": "nothing"}], "ranges.1.group"),
        ([{"name": "a", "min": 5, "max": 4}], "ranges.0"),
        ([{"min": 5}], "ranges.0.name"),
        ([{"name": "a"}] * 21, "ranges"),
    ):
        refused = await client.post(PREVIEW, json={"ranges": ranges})
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == field
    assert (await client.post("/profiles/nothing/preview", json={})).status_code == 404


@asynccontextmanager
async def _served(api: Api) -> AsyncIterator[str]:
    """Serve the application as the process does, and give its address."""
    listener = http_server.listen("127.0.0.1", 0)
    task = asyncio.create_task(http_server.serve(api.app, listener, patience=1))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    task.cancel()
    await asyncio.wait([task])


@asynccontextmanager
async def _endless(api: Api, account: str) -> AsyncIterator[tuple[httpx.Response, Connection]]:
    """Give the answer of a preview that has long to go, over a real connection, and one to the database."""
    connection = await postgres.connect(api.dsn)
    # Contacts to compare, one after another, for longer than the waits below.
    await connection.execute(
        "insert into contacts (account_id, external_id, shard)"
        " select id, 'more-' || n, 0 from accounts, generate_series(1, 20000) n where key = $1",
        account,
    )
    distant = httpx.AsyncClient(headers=bearer(account))
    try:
        async with (
            _served(api) as address,
            distant,
            distant.stream("POST", f"{address}/v1/accounts/{account}{PREVIEW}", json={}) as answer,
        ):
            yield answer, connection
    finally:
        await connection.execute("delete from contacts where external_id like 'more-%'")
        await connection.close()


async def test_a_long_preview_reports_progress_and_ends_with_its_connection(
    api: Api, account: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines come while it runs; a second one of the account is a conflict; closing the connection cancels it."""
    monkeypatch.setattr(preview, "_CHUNK_CONTACTS", 1)
    async with _endless(api, account) as (answer, connection):
        lines = answer.aiter_lines()
        result = [json.loads(await anext(lines)) for _ in range(2)]
        progress = result[-1]["progress"]
        assert progress["total"] == 20_002
        assert 0 < progress["done"] < progress["total"]
        refused = await client.post(PREVIEW, json={})
        assert (refused.status_code, "under way" in refused.json()["detail"]) == (409, True)
        await answer.aclose()

        async def is_over() -> bool:
            return bool(await connection.fetchval(RUNNING, preview._LOCK) is None)

        await eventually(is_over, within=5, every=0.05, what="the preview has ended")
    assert "preview" in _lines(await client.post(PREVIEW, json={}))[-1]


async def test_one_that_comes_to_no_end_says_so_in_its_last_line(
    api: Api, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the database goes away in the middle, the stream ends with the problem, and whole."""
    monkeypatch.setattr(preview, "_CHUNK_CONTACTS", 1)
    async with _endless(api, account) as (answer, connection):
        lines = answer.aiter_lines()
        assert "progress" in json.loads(await anext(lines))
        await connection.execute(f"select pg_terminate_backend(({RUNNING}))", preview._LOCK)
        *_, last = [json.loads(line) async for line in lines]
    assert (last["problem"]["status"], last["problem"]["type"]) == (503, "urn:engagement:problem:unavailable")
