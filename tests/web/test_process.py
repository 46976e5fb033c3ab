"""`engagement web` as operators run it: it comes up without a database, serves, and ends in order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from consumer.demo.servers.processes import free_port
from tests.waiting import eventually
from tests.web.api_client import SECRET, bearer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def _web(dsn: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, httpx.AsyncClient]]:
    port = free_port()
    settings = {"DATABASE_URL": dsn, "HTTP_HOST": "127.0.0.1", "HTTP_PORT": str(port), "JWT_SECRET": SECRET}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "consumer",
        "web",
        cwd=_ROOT,
        env={**os.environ, **{f"ENGAGEMENT_{name}": value for name, value in settings.items()}},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            yield process, client
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _status(client: httpx.AsyncClient, path: str, wanted: int, **headers: str) -> httpx.Response:
    async def answered() -> httpx.Response:
        try:
            response = await client.get(path, headers=headers)
        except httpx.TransportError as error:
            raise AssertionError(repr(error)) from None
        assert response.status_code == wanted
        return response

    return await eventually(answered, within=20, every=0.1, what=f"{path} answers {wanted}")


async def test_it_serves_and_ends_in_order(database: str) -> None:
    """Ready once it has seen the database, it answers, with health and metrics beside; SIGTERM ends it with 0."""
    async with _web(database) as (process, client):
        await _status(client, "/readyz", 200)
        assert (await client.get("/livez")).json()["alive"] is True
        assert "process_cpu_seconds_total" in (await client.get("/metrics")).text
        assert "/v1/accounts" in (await client.get("/openapi.json")).json()["paths"]
        created = await client.post(
            "/v1/accounts", json={"account": "acme", "name": "Acme"}, headers=bearer("*")
        )
        assert created.status_code == 201
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            _, said = await process.communicate()
        assert process.returncode == 0, said.decode()
        assert b'"actor": "ann"' in said


async def test_a_database_that_is_away_is_said_to_be(database: str) -> None:
    """Without its database the process lives and is not ready, and the API answers 503 rather than waiting."""
    away = database.rsplit("@", 1)[0] + f"@127.0.0.1:{free_port()}/nothing"
    async with _web(away) as (_, client):
        await _status(client, "/livez", 200)
        body = (await _status(client, "/readyz", 503)).json()
        assert body["components"]["database"]["ok"] is False
        response = await _status(client, "/v1/accounts/acme", 503, **bearer("acme"))
        assert response.json()["type"] == "urn:engagement:problem:unavailable"
