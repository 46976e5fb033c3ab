"""A tracker beside the API in this process: on a real socket, with a real broker and database.

Owns the servers' tasks, accounts and tokens. Never looks into the tracker.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from consumer.catalog import DEFAULT_LIMITS
from consumer.infra import http_server, postgres
from consumer.infra.clock import SystemClock
from consumer.infra.telemetry.health import Health
from consumer.infra.telemetry.metrics import Metrics
from consumer.web.api_application import application
from consumer.web.http.auth import TokenVerifier
from consumer.web.http.database import Connections
from consumer.web.http.jwt_keys import SharedSecret
from consumer.web.live.feed import LiveEvents
from consumer.web.tracker.application import TrackerApplication
from consumer.web.tracker.compose import running_tracker
from tests.waiting import eventually
from tests.web.api_client import SECRET, bearer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.web.tracker.tracker import Tracker
    from tests.kafka.installation import Installation

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Token:
    """A tracker token of an account, with what is shown once."""

    account: str
    id: str
    key: str
    signing_secret: str

    @property
    def basic(self) -> httpx.BasicAuth:
        """How libraries of servers send the key."""
        return httpx.BasicAuth(self.key, "")


@dataclass
class Site:
    """The tracker and a client of it. metrics, health: of its process."""

    installation: Installation
    tracker: Tracker
    metrics: Metrics
    health: Health
    client: httpx.AsyncClient
    port: int

    async def account(self) -> str:
        """Create an account of one's own and return its key."""
        key = f"shop{next(_numbers)}"
        made = await self.client.post("/v1/accounts", json={"account": key, "name": key}, headers=bearer("*"))
        assert made.status_code == 201, made.text
        return key

    async def token(self, account: str | None = None, **settings: object) -> Token:
        """Create a token, of an account of its own unless one is given, and wait until the tracker knows it."""
        account = account or await self.account()
        made = await self.client.post(
            f"/v1/accounts/{account}/tracker-tokens",
            json={"name": "Shop", **settings},
            headers=bearer(account),
        )
        assert made.status_code == 201, made.text
        body = made.json()
        token = Token(account, body["id"], body["key"], body["signing_secret"])
        await eventually(
            lambda: self.tracker.keys.find(token.key), within=10, what="the tracker to know the token"
        )
        return token

    async def post(self, token: Token, call: str, body: object, **headers: str) -> httpx.Response:
        """Send a call with a key by basic authentication."""
        return await self.client.post(f"/v1/{call}", json=body, auth=token.basic, headers=headers)

    async def events(self, account: str) -> list[dict[str, Any]]:
        """Return all events of an account in the topic `tracked`, as Kafka has them."""
        own = f'"accountid":"{account}"'.encode()
        found = [record.value or b"" for record in await self.installation.read("tracked")]
        return [json.loads(value) for value in found if own in value]

    async def until_events(self, account: str, count: int) -> list[dict[str, Any]]:
        """Wait until an account has so many events, and return them."""

        async def there() -> list[dict[str, Any]]:
            found = await self.events(account)
            assert len(found) == count, found
            return found

        return await eventually(there, within=15, every=0.2, what=f"{count} events of {account}")

    async def requests(self, token: Token) -> list[dict[str, Any]]:
        """Return what the API says of the last requests of a token."""
        answer = await self.client.get(
            f"/v1/accounts/{token.account}/tracker-tokens/{token.id}/requests", headers=bearer(token.account)
        )
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


@asynccontextmanager
async def serving(installation: Installation, **settings: str) -> AsyncIterator[Site]:
    """Give a tracker that is ready, with the API beside it."""
    made = installation.settings(jwt_secret=SECRET, **settings)
    metrics, health = Metrics(), Health(SystemClock())
    ready: asyncio.Future[tuple[Tracker, int]] = asyncio.get_running_loop().create_future()
    stopping = asyncio.Event()

    async def serve() -> None:
        async with (
            postgres.pool(made.dsn(), size=4) as pool,
            running_tracker(made, metrics, health, required=True) as tracker,
        ):
            api = application(
                *(Connections(pool, metrics), TokenVerifier(SharedSecret(SECRET)), health, metrics),
                limits=DEFAULT_LIMITS,
                live=LiveEvents(lambda: postgres.connect(made.dsn()), SystemClock(), metrics),
                recent_requests=tracker.recent,
            )
            listener = http_server.listen("127.0.0.1", 0)
            served = TrackerApplication(tracker, api)
            server = asyncio.create_task(http_server.serve(served, listener))
            ready.set_result((tracker, listener.getsockname()[1]))
            try:
                await stopping.wait()
            finally:
                server.cancel()
                await asyncio.wait([server])

    def failed(ended: asyncio.Task[None]) -> None:
        if not ready.done():
            ready.set_exception(ended.exception() or RuntimeError("the tracker has ended"))

    # In a task of its own: a fixture's beginning and end are not run by the same one.
    task = asyncio.create_task(serve())
    try:
        task.add_done_callback(failed)
        tracker, port = await ready
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            yield Site(installation, tracker, metrics, health, client, port)
    finally:
        stopping.set()
        await task
