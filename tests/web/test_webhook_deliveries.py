"""How webhooks are served: in order per contact, again after failures, fairly, exactly what was committed."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from consumer.infra import postgres
from consumer.infra.clock import SystemClock
from consumer.infra.telemetry.metrics import Metrics
from consumer.relay import shard_publisher
from consumer.relay.webhooks import deliver, enqueue
from consumer.relay.webhooks.run import Webhooks
from consumer.relay.webhooks.send import PATIENCE
from sql import queries
from tests.waiting import eventually
from tests.web.account_events import happen
from tests.web.sample_account import draft, publish, scored
from tests.web.webhook_receiver import Receiver, receiving, sending

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from consumer.infra.postgres.connection import Connection
    from tests.pipeline.service import Service
    from tests.web.api_client import Api

SCORES = "engagement.score.changed"
BANDS = "engagement.band.changed"


@pytest.fixture
async def receiver(api: Api) -> AsyncIterator[Receiver]:
    """Give a receiver of its own to each test; addresses of this machine are allowed."""
    api.app.state.private_webhooks = True
    async with receiving() as receiver:
        yield receiver
    api.app.state.private_webhooks = False


@pytest.fixture(autouse=True)
async def _quickly(monkeypatch: pytest.MonkeyPatch, observer: Connection) -> None:
    """Repeat soon, and let no webhook of an earlier test be served."""
    monkeypatch.setattr(deliver, "_FIRST", 0.05)
    monkeypatch.setattr(deliver, "_FACTOR", 1.0)
    await observer.execute("update webhooks set active = false")


@pytest.fixture
async def account(worker: Service, new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account in which ann and bob have scores."""
    return await scored(worker, new_account)


async def _create(api: Api, account: str, url: str) -> str:
    """Create a webhook for score changes and return the path of it."""
    async with api.as_(account) as client:
        made = await client.post("/webhooks", json={"url": url, "types": [SCORES]})
        assert made.status_code == 201, made.text
        return f"/webhooks/{made.json()['id']}"


async def _shown(api: Api, account: str, path: str) -> dict[str, Any]:
    async with api.as_(account) as client:
        shown: dict[str, Any] = (await client.get(path)).json()
        return shown


def _versions(receiver: Receiver, path: str, contact: str) -> list[int]:
    """Return the versions of what was accepted about a contact, in the order of arrival."""
    events = [one.event for one in receiver.arrived(path)]
    return [event["data"]["version"] for event in events if event["subject"] == contact]


async def test_it_ends_in_the_middle_of_a_transaction(
    api: Api, worker: Service, account: str, observer: Connection
) -> None:
    """Cancelled while a statement waits it ends, though its connection fails as the transaction is rolled back."""
    async with postgres.pool(api.dsn, size=3) as pool:
        webhooks = Webhooks(pool, private=True, log_days=1, metrics=Metrics(), clock=SystemClock())
        await enqueue.begin_shards(observer)
        await happen(worker, account, "deal.won")
        async with observer.transaction():
            await observer.execute("lock table webhooks in access exclusive mode")
            running = asyncio.create_task(webhooks.run(asyncio.Event()))
            waits = "select count(*) from pg_locks where not granted and relation = 'webhooks'::regclass"
            await eventually(lambda: observer.fetchval(waits), within=10, what="a statement waits")
            running.cancel()
            ended, _ = await asyncio.wait([running], timeout=10)
    assert ended == {running}
    assert running.cancelled()


async def test_messages_of_a_contact_stay_in_order(
    api: Api, worker: Service, account: str, receiver: Receiver
) -> None:
    """While every second message about ann fails twice, all of hers arrive in order, and bob's wait for none."""
    path = "/in"
    await _create(api, account, receiver.address + path)
    refused: dict[int, int] = {}

    def decide(event: dict[str, Any]) -> int:
        version = event["data"]["version"]
        if event["subject"] == "ann" and version % 2 and refused.setdefault(version, 0) < 2:
            refused[version] += 1
            return 503
        return 200

    receiver.answers[path] = decide
    for _ in range(4):
        await happen(worker, account, "email.opened")
        await happen(worker, account, "email.opened", subject="bob")
    async with sending(api.dsn):
        await receiver.until(path, 8)
    ann = _versions(receiver, path, "ann")
    assert ann == list(range(ann[0], ann[0] + 4))
    assert len(_versions(receiver, path, "bob")) == 4
    assert list(refused.values()) == [2, 2]


async def test_crossings_alone(api: Api, worker: Service, account: str, receiver: Receiver) -> None:
    """A webhook that wants crossings gets each of them, and nothing else."""
    path = "/crossings"
    async with api.as_(account) as client:
        made = await client.post("/webhooks", json={"url": receiver.address + path, "types": [BANDS]})
        assert made.status_code == 201, made.text
        bands = [{"key": "cold"}, {"key": "hot", "min": 60}]
        await draft(client, overall={"bands": bands})
        await publish(api, client)
    await happen(worker, account, "email.opened")
    await happen(worker, account, "deal.won", "email.opened", subject="bob")
    async with sending(api.dsn):
        await receiver.until(path, 3)
    found = [(one.event["subject"], one.event["data"]["band"]) for one in receiver.arrived(path)]
    assert sorted(found, key=str) == sorted(
        [
            ("ann", {"previous": None, "current": "cold"}),
            ("bob", {"previous": None, "current": "cold"}),
            ("bob", {"previous": "cold", "current": "hot"}),
        ],
        key=str,
    )


async def test_a_hanging_address_holds_nobody_up(
    api: Api, worker: Service, account: str, receiver: Receiver
) -> None:
    """An address that takes requests and never answers delays no other webhook, of its account or another."""
    receiver.hanging.add("/hang")
    await _create(api, account, f"{receiver.address}/hang")
    await _create(api, account, f"{receiver.address}/good")
    await happen(worker, account, "email.opened", "deal.won")
    began = time.monotonic()
    async with sending(api.dsn):
        await eventually(lambda: receiver.begun["/hang"], within=10, what="the hanging request")
        for number in range(3):
            await happen(worker, account, "email.opened")
            await receiver.until("/good", 2 + number, within=5)
        assert time.monotonic() - began < PATIENCE
        assert receiver.received["/hang"] == []


async def test_a_process_that_ends_between_attempts_loses_nothing(
    api: Api, worker: Service, account: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a process has begun to send when it is killed another one sends, under the same ids, in order."""
    monkeypatch.setattr(deliver, "_LEASE", 1.5)
    path = "/in"
    await _create(api, account, receiver.address + path)
    for _ in range(3):
        await happen(worker, account, "email.opened")
    receiver.hanging.add(path)
    async with sending(api.dsn) as task:
        await eventually(lambda: receiver.begun[path], within=10, what="the first attempt")
        for one in [each for each in asyncio.all_tasks() if each.get_name() == "webhook"]:
            one.cancel()
        task.cancel()
    receiver.hanging.clear()
    async with sending(api.dsn):
        received = await receiver.until(path, 3)
    assert len({one.headers["webhook-id"] for one in received}) == 3
    versions = _versions(receiver, path, "ann")
    assert versions == sorted(versions)


async def test_what_keeps_failing_is_paused_and_resumed(
    api: Api, worker: Service, account: str, receiver: Receiver, observer: Connection
) -> None:
    """After a day of failures nothing is sent and the webhook says why; resumed, what waits arrives."""
    path = await _create(api, account, f"{receiver.address}/in")
    receiver.answers["/in"] = lambda _: 500
    await happen(worker, account, "email.opened")
    async with sending(api.dsn):
        await eventually(lambda: receiver.received["/in"], within=10, what="an attempt")
        await eventually(lambda: _is(api, account, path, "failing"), within=10, what="it to be failing")
    assert "500" in (await _shown(api, account, path))["error"]
    await observer.execute("update webhooks set failing_since = now() - interval '25 hours', retry_at = null")
    async with sending(api.dsn):
        await eventually(lambda: _is(api, account, path, "paused"), within=10, what="it to be paused")
        attempts = len(receiver.received["/in"])
        del receiver.answers["/in"]
        await happen(worker, account, "email.opened")
        await eventually(lambda: _waits(api, account, path, 2), within=10, what="both to wait")
        assert len(receiver.received["/in"]) == attempts
        async with api.as_(account) as client:
            resumed = await client.post(f"{path}/resume")
        assert resumed.json()["state"] == "working"
        await receiver.until("/in", 2)


async def test_gone_is_paused_at_once(api: Api, worker: Service, account: str, receiver: Receiver) -> None:
    """A receiver that answers 410 gets nothing more."""
    path = await _create(api, account, f"{receiver.address}/in")
    receiver.answers["/in"] = lambda _: 410
    await happen(worker, account, "email.opened")
    await happen(worker, account, "email.opened")
    async with sending(api.dsn):
        await eventually(lambda: _is(api, account, path, "paused"), within=10, what="it to be paused")
    assert len(receiver.received["/in"]) == 1


async def test_after_a_day_a_message_has_failed(
    api: Api, worker: Service, account: str, receiver: Receiver, observer: Connection
) -> None:
    """A message that was tried for a day is given up, can be found, and can be sent again; the next one goes on."""
    path = await _create(api, account, f"{receiver.address}/in")
    await happen(worker, account, "email.opened")
    connection = await postgres.connect(api.dsn)
    while await enqueue.follow_outbox(connection):
        pass
    await connection.close()
    await observer.execute("update webhook_deliveries set since = now() - interval '25 hours'")
    receiver.answers["/in"] = lambda _: 404
    async with sending(api.dsn), api.as_(account) as client:

        async def failed() -> list[dict[str, Any]]:
            answer = await client.get(f"{path}/deliveries", params={"state": "failed"})
            items: list[dict[str, Any]] = answer.json()["items"]
            return items

        [given_up] = await eventually(failed, within=10, what="it to be given up")
        assert (given_up["status"], given_up["attempts"]) == (404, 1)
        del receiver.answers["/in"]
        await happen(worker, account, "email.opened")
        await receiver.until("/in", 1)
        await client.post(f"{path}/deliveries/{given_up['id']}/resend")
        *_, again = await receiver.until("/in", 2)
        assert again.headers["webhook-id"] == given_up["id"]


async def test_an_address_that_is_not_public_gets_nothing(
    api: Api, worker: Service, account: str, receiver: Receiver
) -> None:
    """Where addresses must be public, a webhook that leads elsewhere is never connected to; nor is a redirect."""
    path = await _create(api, account, f"{receiver.address}/in")
    redirected = await _create(api, account, f"{receiver.address}/redirect")
    receiver.answers["/redirect"] = lambda _: 302
    await happen(worker, account, "email.opened")
    async with sending(api.dsn, private=False):
        await eventually(lambda: _is(api, account, path, "failing"), within=10, what="it to be failing")
    assert receiver.begun == {}
    assert (await _shown(api, account, path))["error"] == "must begin with https://"
    async with sending(api.dsn):
        await receiver.until("/in", 1)
        await eventually(lambda: receiver.received["/redirect"], within=10, what="the redirect")
    assert set(receiver.begun) == {"/in", "/redirect"}
    assert "redirect" in (await _shown(api, account, redirected))["error"]


async def test_many_processes_enqueue_each_message_once(
    api: Api, worker: Service, account: str, receiver: Receiver, observer: Connection
) -> None:
    """Of processes that follow the outbox at the same time each message is enqueued by one, once."""
    await _create(api, account, f"{receiver.address}/in")
    connections = [await postgres.connect(api.dsn) for _ in range(3)]

    async def follow(connection: Connection) -> None:
        for _ in range(10):
            await enqueue.follow_outbox(connection)

    followers = [asyncio.create_task(follow(connection)) for connection in connections]
    for _ in range(6):
        await happen(worker, account, "email.opened")
    await asyncio.gather(*followers)
    while await enqueue.follow_outbox(connections[0]):
        pass
    bodies = await observer.fetch(
        "select d.message_id from webhook_deliveries d join webhooks w on w.id = d.webhook_id where w.active"
    )
    assert len(bodies) == len({row["message_id"] for row in bodies}) == 6
    for connection in connections:
        await connection.close()


async def test_too_much_that_waits_is_left_out_and_counted(
    api: Api, account: str, receiver: Receiver, *, worker: Service, observer: Connection, monkeypatch: Any
) -> None:
    """Beyond its bound nothing is enqueued for a webhook, and it says how many messages it misses."""
    monkeypatch.setattr(enqueue, "MAX_WAITING", 2)
    path = await _create(api, account, f"{receiver.address}/in")
    for _ in range(5):
        await happen(worker, account, "email.opened")
        await enqueue.follow_outbox(observer)
    shown = await _shown(api, account, path)
    assert (shown["waiting"], shown["left_out"]) == (2, 3)


async def test_published_rows_wait_for_webhooks(
    api: Api, worker: Service, account: str, receiver: Receiver, observer: Connection
) -> None:
    """The relay deletes no row that webhooks have not had, however long it is published."""
    await _create(api, account, f"{receiver.address}/in")
    while await enqueue.follow_outbox(observer):
        pass
    await happen(worker, account, "email.opened")
    await observer.execute(
        "update relay_floors f set floor = head from outbox_heads h where h.shard = f.shard"
    )
    trim = queries("relay")["trim"]
    unread = (
        "select count(*) from outbox o join webhook_positions p using (shard)"
        " where o.first_position > p.position"
    )
    shards = [row["shard"] for row in await observer.fetch("select shard from outbox_heads")]
    for shard in shards:
        await observer.execute(trim, shard, 1000, 0.0, shard_publisher.KEPT_MESSAGES)
    assert await observer.fetchval(unread) == await observer.fetchval("select count(*) from outbox") == 1
    while await enqueue.follow_outbox(observer):
        pass
    for shard in shards:
        await observer.execute(trim, shard, 1000, 0.0, shard_publisher.KEPT_MESSAGES)
    assert await observer.fetchval("select count(*) from outbox") == 0


async def _is(api: Api, account: str, path: str, state: str) -> bool:
    return bool((await _shown(api, account, path))["state"] == state)


async def _waits(api: Api, account: str, path: str, number: int) -> bool:
    return bool((await _shown(api, account, path))["waiting"] == number)
