"""`engagement web` as operators run it: it comes up without a database, serves, and ends in order."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import sys
from contextlib import ExitStack, asynccontextmanager
from functools import partial
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
async def _web(
    dsn: str, *, files: int | None = None, **more: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, httpx.AsyncClient]]:
    """Run the command. files: how many it may have open. more: settings."""
    port = free_port()
    settings = {"DATABASE_URL": dsn, "HTTP_HOST": "127.0.0.1", "HTTP_PORT": str(port), "JWT_SECRET": SECRET}
    settings |= more
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "consumer",
        "web",
        cwd=_ROOT,
        env={**os.environ, **{f"ENGAGEMENT_{name}": value for name, value in settings.items()}},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=partial(resource.setrlimit, resource.RLIMIT_NOFILE, (files, files)) if files else None,
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
        assert body["components"] == {"database": {"ok": False}}
        response = await _status(client, "/v1/accounts/acme", 503, **bearer("acme"))
        assert response.json()["type"] == "urn:engagement:problem:unavailable"


async def test_half_sent_headers_do_not_stop_it(database: str) -> None:
    """With more half-sent requests than it may have files it answers all others, in few lines of its log."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    async with _web(database, files=1024) as (process, client):
        await _status(client, "/readyz", 200)
        with ExitStack() as stalled:
            for number in range(1100):
                half = stalled.enter_context(
                    socket.create_connection((client.base_url.host, client.base_url.port))
                )
                half.sendall(b"GET /v1/accounts HTTP/1.1\r\nHost: x\r\n")
                if number % 275 == 0:
                    # On a connection of its own: the kept one may be among those that were displaced.
                    async with httpx.AsyncClient(base_url=client.base_url) as other:
                        assert (await other.get("/v1/accounts", headers=bearer("*"))).status_code == 200
                        assert (await other.get("/livez")).status_code == 200
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            _, said = await process.communicate()
    assert process.returncode == 0, said.decode()[-2000:]
    assert b"Traceback" not in said
    assert said.count(b"HTTP connections closed early") <= 2


async def test_health_has_a_port_of_its_own(database: str) -> None:
    """With a port for health and metrics they are there alone, and the API has none of them."""
    port = free_port()
    async with _web(database, HEALTH_PORT=str(port)) as (_, client):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as probes:
            await _status(probes, "/readyz", 200)
            assert (await probes.get("/livez")).status_code == 200
            assert "engagement_http_connections_open" in (await probes.get("/metrics")).text
            assert (await probes.get("/v1/accounts")).status_code == 404
        for path in ("/readyz", "/livez", "/metrics"):
            assert (await client.get(path)).status_code == 404
        assert (await client.get("/v1/accounts", headers=bearer("*"))).status_code == 200
