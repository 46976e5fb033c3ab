"""Webhooks as integrators without Kafka use them: made, verified, looked after and sent again over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from consumer.relay.webhooks import run
from consumer.web.api.webhooks.schemas import Type
from schemas.published import ScoreChanged, XpCredited
from tests.pipeline import service
from tests.waiting import eventually
from tests.web.account_events import happen
from tests.web.api_client import bearer
from tests.web.sample_account import draft, publish
from tests.web.webhook_receiver import Receiver, receiving, sending

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from consumer.infra.postgres.connection import Connection
    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

SCORES, XP, JOBS = "engagement.score.changed", "engagement.xp.credited", "engagement.job.ended"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Give a receiver of its own to each test."""
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def client(api: Api, receiver: Receiver) -> AsyncIterator[Client]:
    """Give a client of a new account that was made over HTTP; addresses of this machine are allowed."""
    api.app.state.private_webhooks = True
    key = f"shop{receiver.address.rpartition(':')[2]}"
    made = await api.client.post(
        "/v1/accounts", json={"account": key, "name": "Shop", "sales": True}, headers=bearer("*")
    )
    assert made.status_code == 201, made.text
    async with api.as_(key) as client:
        await client.post("/groups", json={"key": "purchase", "name": "Purchase", "icon": "cart"})
        definition = {
            "key": "deal_won",
            "name": "Deal won",
            "group": "purchase",
            "icon": "trophy",
            "default_points": 50,
            "events": ["deal.won"],
            "xp": 20,
        }
        assert (await client.post("/definitions", json=definition)).status_code == 201
        yield client
    api.app.state.private_webhooks = False


def _account(client: Client) -> str:
    return client.base_url.path.rstrip("/").rpartition("/")[2]


async def _create(client: Client, url: str, *types: str, **more: Any) -> dict[str, Any]:
    made = await client.post("/webhooks", json={"url": url, "types": types or [SCORES], **more})
    assert made.status_code == 201, made.text
    webhook: dict[str, Any] = made.json()
    return webhook


async def _shown(client: Client, webhook: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = (await client.get(f"/webhooks/{webhook['id']}")).json()
    return shown


async def test_an_integrator_without_kafka(
    api: Api, worker: Service, client: Client, receiver: Receiver
) -> None:
    """One webhook gets score changes, XP and ended jobs, signed, whole and once; a failed one can be sent again."""
    webhook = await _create(client, f"{receiver.address}/in", SCORES, XP, JOBS)
    verifier = Webhook(webhook["secret"])
    account = _account(client)
    async with sending(api.dsn):
        await happen(worker, account, "deal.won", actorid="rep", actortype="rep")
        first = await receiver.until("/in", 2)
        await draft(client, weights={"deal_won": 70})
        number = await publish(api, client)
        received = await receiver.until("/in", 4)
        for one in received:
            assert verifier.verify(one.body, one.headers) == one.event
            with pytest.raises(WebhookVerificationError):
                verifier.verify(one.body + b" ", one.headers)
        kinds = {one.event["type"]: one.event for one in received}
        changed = [one.event for one in first if one.event["type"] == SCORES]
        service.validate(changed[0], ScoreChanged)
        service.validate(kinds[XP], XpCredited)
        assert kinds[XP]["data"]["amount"] == 20
        assert kinds[SCORES]["data"]["overall"] == {"previous": 50, "current": 70}
        job = kinds[JOBS]["data"]
        assert (job["kind"], job["id"], job["state"], job["profile"]) == (
            "publish",
            number,
            "done",
            "lead_score",
        )
        await eventually(lambda: _all_delivered(client, webhook), within=10, what="all to be noted")
        log = (await client.get(f"/webhooks/{webhook['id']}/deliveries")).json()["items"]
        assert {entry["state"] for entry in log} == {"delivered"}
        assert {entry["id"] for entry in log} == {one.headers["webhook-id"] for one in received}
        # Once more, on demand: the same message under the same id.
        again = f"/webhooks/{webhook['id']}/deliveries/{log[-1]['id']}"
        assert (await client.post(f"{again}/resend")).status_code == 202
        *_, repeated = await receiver.until("/in", 5)
        assert repeated.headers["webhook-id"] == log[-1]["id"]
        assert (await client.get(again)).json()["body"].encode() == repeated.body
    assert len(receiver.received["/in"]) == 5


async def test_a_webhook_takes_all_types(client: Client) -> None:
    """A webhook can ask for all types of messages."""
    made = await _create(client, "https://hooks.example.com/all", *get_args(Type))
    assert made["types"] == sorted(get_args(Type))


async def test_only_the_types_asked_for(
    api: Api, worker: Service, client: Client, receiver: Receiver
) -> None:
    """Each webhook gets its own types, from its creation on; one that is off gets nothing."""
    account = _account(client)
    await happen(worker, account, "deal.won", actorid="rep", actortype="rep", subject="before")
    await _create(client, f"{receiver.address}/scores", SCORES)
    await _create(client, f"{receiver.address}/xp", XP)
    await _create(client, f"{receiver.address}/off", SCORES, XP, active=False)
    await happen(worker, account, "deal.won", actorid="rep", actortype="rep")
    async with sending(api.dsn):
        [score] = await receiver.until("/scores", 1)
        [xp] = await receiver.until("/xp", 1)
    assert (score.event["type"], score.event["subject"]) == (SCORES, "ann")
    assert (xp.event["type"], xp.event["subject"]) == (XP, "rep")
    assert set(receiver.received) == {"/scores", "/xp"}


async def test_webhooks_are_managed(client: Client, receiver: Receiver) -> None:
    """They are listed, read and changed by revision, without their secret; ten at most; each change is audited."""
    webhook = await _create(client, f"{receiver.address}/in", description="Ours")
    path = f"/webhooks/{webhook['id']}"
    shown = await client.get(path)
    assert {**shown.json(), "secret": webhook["secret"]} == webhook
    assert (shown.json()["state"], shown.json()["waiting"]) == ("working", 0)
    assert (await client.patch(path, json={"active": False})).status_code == 428
    changed = await client.edit(path, {"active": False, "types": [XP, XP]})
    assert (changed.json()["state"], changed.json()["types"]) == ("off", [XP])
    stale = await client.patch(path, json={"active": True}, headers={"if-match": shown.headers["etag"]})
    assert stale.status_code == 412
    for number in range(9):
        await _create(client, f"{receiver.address}/{number}")
    refused = await client.post("/webhooks", json={"url": f"{receiver.address}/x", "types": [SCORES]})
    assert refused.status_code == 409
    listed = (await client.get("/webhooks")).json()["items"]
    assert listed[0]["id"] == webhook["id"]
    assert all("secret" not in one for one in listed)
    deleted = await client.delete(path, headers={"if-match": changed.headers["etag"]})
    assert deleted.status_code == 204
    assert (await client.get(path)).status_code == 404
    actions = [
        one["action"] for one in (await client.get("/audit")).json()["items"] if one["key"] == webhook["id"]
    ]
    assert actions == ["deleted", "changed", "created"]


async def test_a_webhook_of_another_account_does_not_exist(
    api: Api, client: Client, receiver: Receiver
) -> None:
    """By the routes of another account it is not found."""
    webhook = await _create(client, f"{receiver.address}/in")
    other = await api.client.post(
        "/v1/accounts", json={"account": "stranger", "name": "Stranger"}, headers=bearer("*")
    )
    assert other.status_code in {201, 409}
    async with api.as_("stranger") as stranger:
        path = f"/webhooks/{webhook['id']}"
        for method, below in (
            ("GET", ""),
            ("POST", "/test"),
            ("POST", "/rotate-secret"),
            ("GET", "/deliveries"),
        ):
            assert (await stranger.request(method, path + below)).status_code == 404


async def test_addresses_are_refused(api: Api, client: Client) -> None:
    """Where addresses must be public, what cannot be is refused at once, naming `url`."""
    api.app.state.private_webhooks = False
    for url in (
        "http://example.com/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://a:b@example.com/",
        "x",
    ):
        refused: httpx.Response = await client.post("/webhooks", json={"url": url, "types": [SCORES]})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "url")
    await _create(client, "https://hooks.example.com/in")


async def test_a_secret_is_rotated(api: Api, client: Client, receiver: Receiver) -> None:
    """After a rotation both secrets verify; a test message is delivered, and `Location` leads to it."""
    webhook = await _create(client, f"{receiver.address}/in")
    path = f"/webhooks/{webhook['id']}"
    secret = (await client.post(f"{path}/rotate-secret")).json()["secret"]
    assert secret != webhook["secret"]
    tested = await client.post(f"{path}/test")
    assert tested.status_code == 202
    async with sending(api.dsn):
        [one] = await receiver.until("/in", 1)
    for each in (secret, webhook["secret"]):
        assert Webhook(each).verify(one.body, one.headers)["type"] == "engagement.webhook.test"
    delivery = (await api.client.get(tested.headers["location"], headers=client.headers)).json()
    assert (delivery["state"], delivery["attempts"], delivery["status"]) == ("delivered", 1, 204)


async def test_a_deletion_takes_deliveries(
    api: Api, worker: Service, client: Client, receiver: Receiver
) -> None:
    """Of a deleted person nothing is left to be sent, nor in the log, but that it is gone (8.17)."""
    webhook = await _create(client, f"{receiver.address}/in", SCORES, XP)
    account = _account(client)
    async with sending(api.dsn):
        await happen(worker, account, "deal.won", actorid="rep", actortype="rep", subject="eve@example.com")
        await receiver.until("/in", 2)
    exported = [
        json.loads(line) for line in (await client.get("/contacts/eve@example.com/export")).text.splitlines()
    ]
    assert {line["delivery"]["type"] for line in exported if "delivery" in line} == {SCORES, XP}
    await happen(worker, account, "deal.won", actorid="rep", actortype="rep", subject="eve@example.com")
    await happen(worker, account, "contact.deleted", subject="eve@example.com")
    await service.carry_out(api.dsn)
    log = f"/webhooks/{webhook['id']}/deliveries"
    assert (await client.get(log)).json()["items"] == []
    async with sending(api.dsn):
        *_, removed = await receiver.until("/in", 3)
    assert removed.event["type"] == "engagement.contact.removed"
    [left] = (await client.get(log)).json()["items"]
    assert (left["type"], left["contact"]) == ("engagement.contact.removed", "eve@example.com")


async def test_the_log_is_bounded(
    api: Api, client: Client, receiver: Receiver, observer: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deliveries that have ended are forgotten after some days, and all but the newest of each webhook."""
    webhook = await _create(client, f"{receiver.address}/in")
    for _ in range(4):
        await client.post(f"/webhooks/{webhook['id']}/test")
    async with sending(api.dsn):
        await receiver.until("/in", 4)
        await eventually(
            lambda: _all_delivered(client, webhook), within=10, what="all deliveries to be noted"
        )
    path = f"/webhooks/{webhook['id']}/deliveries"
    pages = []
    parameters: dict[str, str] = {"limit": "3"}
    while True:
        page = (await client.get(path, params=parameters)).json()
        pages.append([one["id"] for one in page["items"]])
        if page["next"] is None:
            break
        parameters["cursor"] = page["next"]
    assert [len(page) for page in pages] == [3, 1]
    monkeypatch.setattr(run, "KEPT_DELIVERIES", 3)
    async with sending(api.dsn):
        await eventually(lambda: _listed(client, path, 3), within=10, what="one to be forgotten")
    await observer.execute("update webhook_deliveries set ended_at = now() - interval '8 days'")
    async with sending(api.dsn):
        await eventually(lambda: _listed(client, path, 0), within=10, what="all to be forgotten")


async def _all_delivered(client: Client, webhook: dict[str, Any]) -> bool:
    return bool((await _shown(client, webhook))["waiting"] == 0)


async def _listed(client: Client, path: str, number: int) -> bool:
    return len((await client.get(path)).json()["items"]) == number
