"""`engagement web` with the tracker as operators run it: alone, beside the API, without Kafka, and killed."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import pytest

from tests.builders.catalog_documents import definition, document
from tests.kafka.worker_in_process import working
from tests.kafka.worker_process import WorkerProcess
from tests.waiting import eventually
from tests.web.api_client import SECRET, bearer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kafka.installation import Installation

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(240)]

# Times that the process is killed under load, clients, and calls of each.
_KILLS, _CLIENTS, _CALLS = 4, 12, 60


class WebProcess(WorkerProcess):
    """`engagement web` in a process of its own."""

    command = "web"

    def url(self, path: str = "") -> str:
        """Return the address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"


def _alone(installation: Installation, folder: Path) -> WebProcess:
    return WebProcess(installation, folder, "--only", "tracker", jwt_secret=SECRET)


@pytest.fixture
async def prepared(installation: Installation) -> Installation:
    """Give an installation with topics and an account whose definition takes the events of the tests."""
    await installation.create_topics(3)
    loads = definition("loads", "track.load")
    await installation.apply(document(definitions=[loads]))
    return installation


async def _token(installation: Installation, folder: Path, **settings: object) -> dict[str, Any]:
    """Create a token by an API of its own, which needs no Kafka."""
    async with WebProcess(installation, folder, jwt_secret=SECRET, tracker="false") as api:
        await api.until(200, within=30)
        made = await api.post(
            "/v1/accounts/acme/tracker-tokens", json={"name": "Shop", **settings}, headers=bearer("acme")
        )
        assert made.status_code == 201, made.text
        # Its own paths only: the tracker is off.
        assert (await api.post("/v1/page", json={})).status_code == 404
        token: dict[str, Any] = made.json()
        return token


async def test_killed_under_load(prepared: Installation, tmp_path: Path) -> None:
    """After kill -9 again and again every event that was answered 200 is on the timeline, once."""
    unlimited = {"per_second": 100_000, "per_second_by_address": 100_000}
    token = await _token(prepared, tmp_path, **unlimited)
    current = [_alone(prepared, tmp_path)]
    await current[0].until(200, within=30)
    accepted: set[str] = set()

    async def client(number: int, http: httpx.AsyncClient) -> None:
        """Send calls as a library does: each again until it is answered 200."""
        for call in range(_CALLS):
            message, contact = f"{number}-{call}", f"contact-{number}"
            body = {"event": "load", "userId": contact, "messageId": message, "writeKey": token["key"]}
            while message not in accepted:
                try:
                    answer = await http.post(current[0].url("/v1/track"), json=body)
                    assert answer.status_code in {200, 503}, answer.text
                    if answer.status_code == 200:
                        accepted.add(message)
                except httpx.TransportError:
                    await asyncio.sleep(0.05)

    http = httpx.AsyncClient(timeout=10)
    clients = [asyncio.create_task(client(number, http)) for number in range(_CLIENTS)]
    for kill in range(1, _KILLS + 1):
        await _until(accepted, _CLIENTS * _CALLS * kill // (_KILLS + 1))
        current[0].kill()
        await current[0].__aexit__(None, None, None)
        current[0] = _alone(prepared, tmp_path)
    await asyncio.gather(*clients)
    await http.aclose()
    await current[0].terminate(within=15)
    assert len(accepted) == _CLIENTS * _CALLS
    connection = await asyncpg.connect(prepared.dsn)
    async with working(prepared):

        async def applied() -> bool:
            rows = await connection.fetch(
                "select event_id, count(*) as count from timeline group by event_id"
            )
            assert {row["event_id"] for row in rows} == accepted
            assert {row["count"] for row in rows} == {1}
            return True

        await eventually(applied, within=60, every=0.2, what="every accepted event on the timeline, once")
    await connection.close()


async def _until(accepted: set[str], count: int) -> None:
    await eventually(lambda: len(accepted) >= count, within=60, what=f"{count} calls accepted")


async def test_images_are_written_at_the_end(prepared: Installation, tmp_path: Path) -> None:
    """SIGTERM ends it in order: what images have recorded is in Kafka, held back or not."""
    token = await _token(prepared, tmp_path)
    async with _alone(prepared, tmp_path) as tracker:
        await tracker.until(200, within=30)
        for number in range(10):
            answer = await tracker.get(f"/v1/pixel.gif?t={token['key']}&a=x{number}&e=page")
            assert answer.status_code == 200
        await tracker.terminate(within=15)
        assert not [line for line in tracker.lines() if line.get("level") == "error"]
    events = [json.loads(record.value or b"") for record in await prepared.read("tracked")]
    assert {event["subject"] for event in events} == {f"anonymous:x{number}" for number in range(10)}


async def test_alone_it_has_no_api(prepared: Installation, tmp_path: Path) -> None:
    """Alone it serves the tracker, health, metrics and a token's last requests, and nothing else of the API."""
    token = await _token(prepared, tmp_path)
    async with _alone(prepared, tmp_path) as tracker:
        await tracker.until(200, within=30)
        components = (await tracker.get("/readyz")).json()["components"]
        assert components == {name: {"ok": True} for name in ("database", "kafka", "tracker")}
        assert (
            await tracker.post("/v1/page", json={"userId": "ann", "writeKey": token["key"]})
        ).status_code == 200
        path = f"/v1/accounts/acme/tracker-tokens/{token['id']}/requests"
        assert (await tracker.get(path)).status_code == 401
        [request] = (await tracker.get(path, headers=bearer("acme"))).json()["items"]
        assert request["accepted"] == 1
        assert (await tracker.get("/v1/tracker-requests", headers=bearer("*"))).json()["items"] == []
        assert (await tracker.get("/v1/accounts", headers=bearer("*"))).status_code == 404
        assert await tracker.metric("tracker_events_total", result="accepted") == 1
        assert (await tracker.get("/tracker.js")).status_code == 200


async def test_without_kafka_it_says_so(installation: Installation, tmp_path: Path) -> None:
    """Without brokers in its settings the API is as it was, and the tracker's paths say what is missing."""
    async with WebProcess(installation, tmp_path, jwt_secret=SECRET, kafka_bootstrap="") as web:
        await web.until(200, within=30)
        answer = await web.post("/v1/track", json={})
        assert answer.status_code == 503
        assert "ENGAGEMENT_KAFKA_BOOTSTRAP" in answer.json()["detail"]
        assert (await web.get("/v1/pixel.gif")).headers["content-type"] == "image/gif"


async def test_a_broker_that_is_away_at_the_start(installation: Installation, tmp_path: Path) -> None:
    """It comes up without its broker: the API is ready, the tracker answers 503, and /readyz shows it."""
    away = {"kafka_bootstrap": "127.0.0.1:9", "jwt_secret": SECRET}
    async with WebProcess(installation, tmp_path, **away) as web:
        await web.until(200, within=30)
        components = (await web.get("/readyz")).json()["components"]
        assert (components["database"], components["tracker"]) == ({"ok": True}, {"ok": False})
    async with WebProcess(installation, tmp_path, "--only", "tracker", **away) as tracker:
        await tracker.until(503, within=30, component="tracker")


async def test_two_processes_share_a_token(prepared: Installation, tmp_path: Path) -> None:
    """Two processes answer for one token; its uses add up."""
    token = await _token(prepared, tmp_path)
    async with _alone(prepared, tmp_path) as one, _alone(prepared, tmp_path) as other:
        for tracker in (one, other):
            await tracker.until(200, within=30)
            for _ in range(3):
                body = {"userId": "ann", "writeKey": token["key"]}
                assert (await tracker.post("/v1/page", json=body)).status_code == 200
        for tracker in (one, other):
            await tracker.terminate(within=15)
    accepted = await prepared.database.fetchval("select accepted from tracker_tokens")
    assert accepted == 6
