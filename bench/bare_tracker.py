"""The bare floor of the tracker: an application without a framework that answers 202, on the tracker's server.

`python -m bench.bare_tracker PORT`; it reads nothing of a request.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import uvloop

from consumer.infra import http_server
from consumer.infra.http_connections import Bounds, OpenConnections

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"16")]


async def accepted(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer 202."""
    await send({"type": "http.response.start", "status": 202, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": b'{"success":true}'})


async def _serve(port: int) -> None:
    listener = http_server.listen("127.0.0.1", port)
    await http_server.serve(accepted, listener, connections=OpenConnections(Bounds()))


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
