"""Reads a body that has thousands of events: they are cut out of it, and not parsed with the rest.

To parse 16 MiB takes some tenths of a second, in which nothing else would run, not even another thread.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.requests import Request

from consumer.web.http.api_route import ApiRoute

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.responses import Response

# Bodies of usual size are parsed at once, for the usual faults.
_USUAL_BYTES: Final = 65_536


_ANY_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANY_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])


def raw_events(content: bytes) -> list[bytes]:
    """Return the events of a body, as they were sent, in which the model of the body has found a list."""
    return [bytes(each) for each in _ANY_LIST.decode(_ANY_OBJECT.decode(content)["events"])]


class EventsRoute(ApiRoute):
    """A route whose body may have many events: the model of its body gets empty objects in their place."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of the route."""
        handle = super().get_route_handler()

        async def handle_events(request: Request) -> Response:
            return await handle(_EventsRequest(request.scope, request.receive))

        return handle_events


class _EventsRequest(Request):
    """A request whose events are left out of what `json` returns; `body` has them."""

    async def json(self) -> Any:
        """Return the body as JSON values."""
        content = await self.body()
        if len(content) <= _USUAL_BYTES:
            return json.loads(content)
        return await asyncio.to_thread(_outline, content)


def _outline(content: bytes) -> dict[str, Any]:
    """Return the values of a body; of events, only whether each is an object. No other field is long."""
    try:
        fields = {name: bytes(value) for name, value in _ANY_OBJECT.decode(content).items()}
        events = [bytes(each) for each in _ANY_LIST.decode(fields.pop("events", b"[]"))]
        values = {
            name: json.loads(text) if len(text) <= _USUAL_BYTES else None for name, text in fields.items()
        }
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise json.JSONDecodeError(f"{error}", "", 0) from error
    return values | ({"events": [{} if each.startswith(b"{") else None for each in events]} if events else {})
