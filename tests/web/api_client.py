"""The API as tests call it: the real application over a real database, tokens, and what to ask it.

Owns making the application and tokens for it. Never starts a server: httpx speaks to the application directly.
"""

from __future__ import annotations

import json
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import jwt

from consumer.catalog import DEFAULT_LIMITS
from consumer.infra import postgres
from consumer.infra.clock import SystemClock
from consumer.infra.telemetry.health import Health
from consumer.infra.telemetry.metrics import Metrics
from consumer.web.api_application import application
from consumer.web.http.auth import Permission, TokenVerifier
from consumer.web.http.database import Connections
from consumer.web.http.jwt_keys import SharedSecret
from consumer.web.http.seal import InstallationSeal
from consumer.web.live.feed import LiveEvents
from tests.web.api_document import api_document
from tests.web.documented import check_documented

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from fastapi import FastAPI

    from consumer.web.http.outward_ids import OutwardId

SECRET = "a secret of tests, long enough for HS256"
EVERYTHING = tuple(Permission)


@dataclass
class Api:
    """The application, and a client that calls it without a token unless one is given."""

    app: FastAPI
    client: httpx.AsyncClient
    dsn: str

    async def number(self, kind: OutwardId, outward_id: str) -> int:
        """Return the number in the database of what has this id; from then on the test can make ids too."""
        connection = await postgres.connect(self.dsn)
        await InstallationSeal().bind(connection)
        await connection.close()
        number = kind.read(outward_id)
        assert number is not None
        return number

    def as_(self, account: str, permissions: Iterable[str] = EVERYTHING, *, actor: str = "ann") -> Client:
        """Return a client whose paths are below that account, with a token for it."""
        return Client(
            transport=self.client._transport,
            base_url=f"http://api/v1/accounts/{account}",
            headers=bearer(account, permissions, actor=actor),
            event_hooks=self.client.event_hooks,
        )


class Client(httpx.AsyncClient):
    """A client for which the path '' is the account itself; httpx would ask for it with a slash at its end."""

    def _merge_url(self, url: httpx.URL | str) -> httpx.URL:
        merged = super()._merge_url(url)
        return merged.copy_with(raw_path=merged.raw_path.removesuffix(b"/"))

    async def edit(self, path: str, body: object, *, method: str = "PATCH") -> httpx.Response:
        """Read something and change it at once; the body may hold text that is no Unicode."""
        seen = await self.get(path)
        headers = {"if-match": seen.headers["etag"], "content-type": "application/json"}
        return await self.request(method, path, content=json.dumps(body), headers=headers)


def mint(
    account: str, permissions: Iterable[str] = EVERYTHING, /, *, actor: str = "ann", **claims: Any
) -> str:
    """Return a token that is valid for an hour; claims: others, or in place of the usual ones (None: left out)."""
    payload = {
        "sub": actor,
        "account": account,
        "permissions": [str(permission) for permission in permissions],
        "exp": int(time.time()) + 3600,
        **claims,
    }
    return jwt.encode({name: value for name, value in payload.items() if value is not None}, SECRET, "HS256")


def bearer(
    account: str, permissions: Iterable[str] = EVERYTHING, *, actor: str = "ann", exp: int | None = None
) -> dict[str, str]:
    """Return the header with a token. exp: when it expires, if not in an hour."""
    claims = {} if exp is None else {"exp": exp}
    return {"authorization": f"Bearer {mint(account, permissions, actor=actor, **claims)}"}


@asynccontextmanager
async def serving(dsn: str, *, origins: Sequence[str] = ()) -> AsyncIterator[Api]:
    """Give the application on a database; origins: of pages that may call it."""
    async with postgres.pool(dsn, size=4) as pool:
        metrics = Metrics()
        app = application(
            Connections(pool, metrics),
            TokenVerifier(SharedSecret(SECRET)),
            Health(SystemClock()),
            metrics,
            limits=DEFAULT_LIMITS,
            live=LiveEvents(lambda: postgres.connect(dsn), SystemClock(), metrics),
            origins=origins,
        )
        # The same for every application.
        app.openapi_schema = api_document()
        transport = httpx.ASGITransport(app)
        hooks: dict[str, list[Callable[..., Any]]] = {"response": [check_documented]}
        async with httpx.AsyncClient(transport=transport, base_url="http://api", event_hooks=hooks) as client:
            yield Api(app, client, dsn)
