"""A stand-in for the tracker that keeps what the script sends to it, to see the script alone."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from consumer.web.tracker.script import SCRIPT
from tests.waiting import eventually

if TYPE_CHECKING:
    from starlette.requests import Request

KEY = "sample-key"


@dataclass
class RecordingTracker:
    """What came, and how it is answered.

    methods: of all requests of `/v1/batch`. bodies, media_types: of those that were accepted. status: of answers.
    held: while it is clear, requests wait for their answer.
    """

    status: int = 200
    methods: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    media_types: set[str] = field(default_factory=set)
    held: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.held.set()

    @property
    def events(self) -> list[dict[str, Any]]:
        """What came, each event once, in its order."""
        found: dict[str, dict[str, Any]] = {}
        for body in self.bodies:
            for event in json.loads(body)["batch"]:
                first = found.setdefault(event["messageId"], event)
                assert first == event, "an event is the same each time that it is sent"
        return list(found.values())

    @property
    def names(self) -> list[str]:
        """Each event in a word: its path if it is a page view, its name, or its type."""
        return [
            event["properties"]["path"] if event["type"] == "page" else event.get("event", event["type"])
            for event in self.events
        ]

    async def until(self, *names: str, within: float = 15) -> None:
        """Wait until these have come, and nothing else, in any order."""
        await eventually(lambda: len(self.names) >= len(names), within=within, what=f"{names} at the tracker")
        assert sorted(self.names) == sorted(names)

    def application(self) -> Starlette:
        """Return the stand-in as an application."""
        return Starlette(
            routes=[
                Route("/tracker.js", _script),
                Route("/v1/batch", self._batch, methods=["POST", "OPTIONS"]),
            ]
        )

    async def _batch(self, request: Request) -> Response:
        self.methods.append(request.method)
        body = (await request.body()).decode()
        await self.held.wait()
        if self.status == 200:
            self.bodies.append(body)
            self.media_types.add(request.headers["content-type"])
        headers = {"access-control-allow-origin": "*"}
        answer = {"success": True} if self.status == 200 else {"reason": "malformed"}
        return JSONResponse(answer, status_code=self.status, headers=headers)


async def _script(_request: Request) -> Response:
    return Response(SCRIPT, media_type="text/javascript")
