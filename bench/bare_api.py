"""The bare framework: an application that answers constants, on the server of the API.

`python -m bench.bare_api PORT`; `/constant/N` answers N bytes, to any method, without looking at the request.
"""

from __future__ import annotations

import asyncio
import sys

from fastapi import FastAPI
from starlette.responses import Response

from consumer.infra import http_server

api = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
_constants: dict[int, bytes] = {}


@api.api_route("/constant/{size}", methods=["GET", "POST"])
async def constant(size: int) -> Response:
    """Answer so many bytes of JSON."""
    if size not in _constants:
        _constants[size] = b'"' + b"x" * (size - 2) + b'"'
    return Response(_constants[size], media_type="application/json")


async def _serve(port: int) -> None:
    await http_server.serve(api, http_server.listen("127.0.0.1", port))


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
