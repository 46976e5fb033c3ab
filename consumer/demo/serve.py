"""`engagement demo --serve`: worker, API, tracker and the sample site on the demo's servers, until Ctrl-C."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import TYPE_CHECKING, Any

import httpx
import jwt
from pydantic import SecretStr

from consumer.demo import sample_site
from consumer.demo.sample_site import Tracking
from consumer.demo.servers.processes import free_port
from consumer.demo.watch_crossings import crossings_from_here, print_who_becomes_hot
from consumer.infra import http_server
from consumer.web import app
from consumer.worker.app import Worker

if TYPE_CHECKING:
    from rich.console import Console

    from consumer.infra.settings import Settings

# The account of the sample site, and the reader of its sample e-mail.
ACCOUNT = "acme"
READER = "customer-7"
_HOST = "127.0.0.1"
_POLL_SECONDS = 0.2
_START_SECONDS = 30.0
_TOKEN_DAYS = 30


async def serve(settings: Settings, on: Console) -> None:
    """Serve and process what comes until SIGINT or SIGTERM.

    Addresses are printed once everything answers, and from then on who becomes hot.
    """
    port = free_port()
    secret = secrets.token_hex(32)
    web = settings.model_copy(update={"http_port": port, "jwt_secret": SecretStr(secret)})
    worker = Worker(settings)
    async with crossings_from_here(settings) as crossings, asyncio.TaskGroup() as group:
        working = group.create_task(worker.run())
        serving = group.create_task(app.run(web))
        showing = group.create_task(_show(f"http://{_HOST}:{port}", _token(secret), on))
        printing = group.create_task(print_who_becomes_hot(crossings, on))
        await asyncio.wait([serving, working], return_when=asyncio.FIRST_COMPLETED)
        showing.cancel()
        printing.cancel()
        worker.stopping.set()


def _token(secret: str) -> str:
    permissions = [f"engagement:{name}" for name in ("read", "manage", "operate")]
    expiry = int(time.time()) + _TOKEN_DAYS * 86_400
    claims = {"sub": "demo", "account": "*", "permissions": permissions, "exp": expiry}
    return jwt.encode(claims, secret, algorithm="HS256")


async def _show(host: str, token: str, on: Console) -> None:
    """Create a tracker token, serve the site with it, and print the addresses."""
    listener = http_server.listen(_HOST, 0)
    site = f"http://{_HOST}:{listener.getsockname()[1]}"
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=host, headers=headers) as client:
        await _until_answered(client, "/readyz")
        tracking = await _tracking(client, host, site)
        # The tracker sees a new token a moment later.
        await _until_answered(client, f"/v1/projects/{tracking.write_key}/settings", origin=site)
    _print(host, token, site, on)
    await http_server.serve(sample_site.application(tracking), listener)


async def _until_answered(client: httpx.AsyncClient, path: str, **headers: str) -> None:
    async with asyncio.timeout(_START_SECONDS):
        while True:
            try:
                if (await client.get(path, headers=headers)).is_success:
                    return
            except httpx.TransportError:
                pass  # nothing listens yet
            await asyncio.sleep(_POLL_SECONDS)


async def _tracking(client: httpx.AsyncClient, host: str, site: str) -> Tracking:
    tokens = f"/v1/accounts/{ACCOUNT}/tracker-tokens"
    token = await _post(client, tokens, {"name": "Sample site", "origins": [site]})
    recipient = {"contact": READER, "object": "letter-1", "url": f"{site}/pricing?utm_source=letter"}
    body = {"key": token["key"], "base_url": host, "recipients": [recipient]}
    [made] = (await _post(client, f"{tokens}/{token['id']}/links", body))["links"]
    return Tracking(host, token["key"], mail_pixel=made["pixel"], mail_click=made["click"])


async def _post(client: httpx.AsyncClient, path: str, body: object) -> dict[str, Any]:
    response = await client.post(path, json=body)
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer


def _print(host: str, token: str, site: str, on: Console) -> None:
    contacts = f"{host}/v1/accounts/{ACCOUNT}/contacts"
    points = '{"group": "support", "points": 50, "reason": "called us", "client_key": "call-1"}'
    lines = (
        "",
        "Serving until Ctrl-C:",
        f"  the console                    {host}/console/sign-in?token={token}",
        f"  sample site with the tracker   {site}/",
        f"  the API, as pages              {host}/docs",
        "",
        f'  auth="Authorization: Bearer {token}"',
        f'  curl -sS -H "$auth" "{contacts}?sort=-last_event_at&limit=5"     # who was active last',
        f'  curl -sS -H "$auth" "{contacts}/{READER}/timeline"       # after signing in on the site',
        f'  curl -sS -H "$auth" "{contacts}?band=hot&limit=5"                  # who is hot',
        f'  curl -sS -H "$auth" --json \'{points}\' "{contacts}/{READER}/adjustments"',
        "",
        "Who becomes hot from here on:",
    )
    for line in lines:
        on.print(line, markup=False, soft_wrap=True)
