"""Judging history again over HTTP: previewed, begun, watched, cancelled, on record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from consumer.infra import postgres
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.scoring import rejudgement
from consumer.web.http.outward_ids import REJUDGEMENT
from tests.web.api_client import bearer
from tests.web.sample_account import scored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

WHERE = "/definitions/email_opened/rejudgements"


@pytest.fixture
async def account(worker: Service, new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account in which two mails of ann have counted."""
    return await scored(worker, new_account)


@pytest.fixture
async def client(api: Api, account: str) -> AsyncIterator[Client]:
    """Give a client of that account, in which such mails count once from now on."""
    async with api.as_(account) as client:
        changed = await client.edit("/definitions/email_opened", {"dedup": {"policy": "once"}})
        assert changed.status_code == 200, changed.text
        yield client


async def test_it_is_previewed_begun_watched_and_on_record(api: Api, account: str, client: Client) -> None:
    """What the preview says comes true; it is accepted with where to see how far it is, one at a time."""
    [line] = (await client.post(f"{WHERE}/preview", json={})).text.splitlines()
    assert json.loads(line)["preview"] == {
        "edition": 2,
        "contacts": 2,
        "changed": 1,
        "counting": 0,
        "ceasing": 1,
        "xp_given": 0,
        "xp_taken": 0,
        "movers": [{"contact": "ann", "before": 2, "after": 1}],
    }
    begun = await client.post(WHERE, json={})
    assert begun.status_code == 202
    where = begun.headers["location"]
    assert (await client.post(WHERE, json={})).status_code == 409
    entry = (await client.get("/audit", params={"limit": 1})).json()["items"][0]
    assert (entry["action"], entry["key"]) == ("judged_again", "email_opened")
    await _finish(api, begun.json()["id"])
    done: dict[str, Any] = (await api.client.get(where, headers=bearer(account))).json()
    assert (done["state"], done["done"], done["total"], done["changed"], done["xp"]) == (
        "done",
        2,
        2,
        1,
        False,
    )
    assert (await client.get(WHERE)).json()["items"] == [done]


async def test_it_is_cancelled_once(client: Client) -> None:
    """A cancelled one is at its end; cancelling it again is a conflict, and another may begin."""
    number = (await client.post(WHERE, json={"xp": True})).json()["id"]
    cancelled = await client.post(f"{WHERE}/{number}/cancel")
    assert (cancelled.json()["state"], cancelled.json()["xp"]) == ("cancelled", True)
    assert (await client.post(f"{WHERE}/{number}/cancel")).status_code == 409
    assert (await client.post(WHERE, json={})).status_code == 202
    pages = await client.get(WHERE, params={"limit": 1})
    following = await client.get(WHERE, params={"limit": 1, "cursor": pages.json()["next"]})
    assert following.json()["items"][0]["id"] == number


async def test_what_is_not_there_is_not_found(client: Client) -> None:
    """Neither a definition nor a number, nor one of another definition; a body that is wrong is named."""
    number = (await client.post(WHERE, json={})).json()["id"]
    for route in (
        "/definitions/none/rejudgements",
        f"{WHERE}/999999",
        f"/definitions/deal_won/rejudgements/{number}",
    ):
        assert (await client.get(route)).status_code == 404
    assert (await client.post("/definitions/none/rejudgements", json={})).status_code == 404
    assert (await client.post("/definitions/none/rejudgements/preview", json={})).status_code == 404
    refused = await client.post(WHERE, json={"xp": "yes"})
    assert refused.json()["errors"][0]["field"] == "xp"


async def _finish(api: Api, rejudgement_id: str) -> None:
    """Do the work as a worker does."""
    number = await api.number(REJUDGEMENT, rejudgement_id)
    keeper = ConnectionKeeper(lambda: postgres.connect(api.dsn))
    async for _ in rejudgement.run_rejudgement(keeper, number):
        pass
    keeper.drop()
