"""Reads server-sent events as a client of the API does, over a real connection."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from consumer.infra import http_server
from tests.web.api_client import EVERYTHING, mint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.web.api_client import Api


@dataclass(frozen=True)
class Sent:
    """An event as it came."""

    name: str
    data: dict[str, Any]
    id: str | None


class Stream:
    """A stream of events that is open."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()

    async def next(self) -> Sent | None:
        """Return the next event, None at the end; comments are left out."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(20):
            async for line in self._lines:
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif "event" in fields:
                    return Sent(fields["event"], json.loads(fields["data"]), fields.get("id"))
        return None

    async def until(self, name: str) -> Sent:
        """Return the next event of this name."""
        while (sent := await self.next()) is not None:
            if sent.name == name:
                return sent
        raise AssertionError(f"the stream ended without {name}")


@asynccontextmanager
async def served(api: Api) -> AsyncIterator[str]:
    """Serve an application as its process does, and give its address."""
    listener = http_server.listen("127.0.0.1", 0)
    task = asyncio.create_task(http_server.serve(api.app, listener, patience=1))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    api.app.state.live.close()
    task.cancel()
    await asyncio.wait([task])


@asynccontextmanager
async def listening(
    address: str, account: str, *contacts: str, after: str | None = None, **claims: Any
) -> AsyncIterator[Stream]:
    """Open a stream; claims: of the token, in place of the usual ones."""
    headers = {"authorization": f"Bearer {mint(account, EVERYTHING, **claims)}"}
    if after is not None:
        headers["last-event-id"] = after
    async with (
        httpx.AsyncClient(timeout=30) as client,
        client.stream(
            "GET",
            f"{address}/v1/accounts/{account}/events",
            params=[("contact", one) for one in contacts],
            headers=headers,
        ) as answer,
    ):
        yield Stream(answer)
