"""Methods that no route names: HEAD where there is GET, OPTIONS; and `Allow` over all routes of a path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.routing import iter_route_contexts

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import Message, Receive, Scope, Send


def allowed(application: FastAPI, path: str) -> str:
    """Return the value of the header `Allow`: the methods of all routes that match a path.

    A router answers 405 with the methods of the first such route only.
    """
    methods = {"OPTIONS"}
    for route in iter_route_contexts(application.routes):
        if route.methods and route.path_regex.match(path):
            methods |= route.methods
    return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))


def head_as_get(scope: Scope, receive: Receive, send: Send) -> tuple[Scope, Receive, Send]:
    """Return what answers a HEAD request as the GET request would be answered, without its body.

    Other requests stay as they are. After its first part a body is not made further: the application sees the
    client as gone.
    """
    if scope["method"] != "HEAD":
        return scope, receive, send
    answered = False

    async def receive_until_answered() -> Message:
        return {"type": "http.disconnect"} if answered else await receive()

    async def send_head(message: Message) -> None:
        nonlocal answered
        if message["type"] == "http.response.start":
            # For what observes the request from outside.
            scope["route"] = inner.get("route")
            await send(message)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            answered = True

    # A copy: the server looks at the method in its own, and expects no body for HEAD.
    inner = {**scope, "method": "GET"}
    return inner, receive_until_answered, send_head
