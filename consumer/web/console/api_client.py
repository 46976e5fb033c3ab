"""Calls the API in this process, as the person who is signed in.

The API sees a request like any other, with its checks, limits and log lines; in the place of a token it finds the
claims of the session (http/auth.py, SIGNED_IN).
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import quote, unquote, urlencode

from consumer.web.http.auth import SIGNED_IN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from starlette.types import ASGIApp, Message

    from consumer.web.http.auth import Claims

_FIRST_ERROR = 400
_LINES: Final = "application/x-ndjson"
# Parts of an answer that wait to be read.
_LINES_AHEAD = 16
# Where the API is said to be: its answers contain no addresses made of it.
_SERVER: Final = ("console", 80)


class ApiProblem(Exception):  # noqa: N818 - named as the API names it (RFC 9457)
    """The API has refused a request. code: the end of the problem's `type`. errors: in the API's words."""

    def __init__(self, status: int, problem: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        super().__init__(problem.get("detail", ""))
        self.status = status
        self.code: str = str(problem.get("type", "")).rpartition(":")[2]
        self.detail: str = problem.get("detail", "")
        self.errors: list[dict[str, str]] = problem.get("errors", [])
        self.headers = headers


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API has answered: 2xx. body: its JSON, a list of it where it answers in lines, or None."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def revision(self) -> str:
        """The value of `ETag`, to be sent back with a change; empty where there is none."""
        return self.headers.get("etag", "")


class ApiClient:
    """The API as one person may use it. prefix: before every path, such as `/v1/accounts/acme/`."""

    def __init__(self, api: ASGIApp, claims: Claims, *, prefix: str = "/v1/", request_id: str = "") -> None:
        self._api = api
        self._claims = claims
        self._prefix = prefix
        self._request_id = request_id

    async def get(self, path: str, **parameters: object) -> Answer:
        """Ask for something; parameters that are None or empty texts are left out. Raises ApiProblem."""
        return await self.send("GET", path, parameters=parameters)

    async def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        revision: str | None = None,
        parameters: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request and return its answer. Raises ApiProblem for any that is not 2xx.

        path: below the prefix, with each part quoted (`part`); empty: what the prefix itself names; with a slash at
        its beginning: from the root. body: sent as JSON; None: without one. revision: the object's, for a change
        (`If-Match`).
        """
        content = b"" if body is None else json.dumps(body).encode()
        sent = {"x-request-id": self._request_id, **(headers or {})}
        if body is not None:
            sent["content-type"] = "application/json"
        if revision is not None:
            sent["if-match"] = revision
        status, answered, answer = await self._call(method, self._path(path), parameters or {}, sent, content)
        if answered.get("content-type", "").startswith(_LINES):
            return Answer(status, [json.loads(line) for line in answer.splitlines()], answered)
        is_json = "json" in answered.get("content-type", "")
        decoded = json.loads(answer) if is_json and answer else (answer.decode() if answer else None)
        if status >= _FIRST_ERROR:
            raise ApiProblem(status, decoded if isinstance(decoded, dict) else {}, answered)
        return Answer(status, decoded, answered)

    async def result(self, path: str, body: object, member: str) -> Any:
        """Send a request that is answered with lines of progress (POST); return that member of the last line.

        Raises ApiProblem, also for a problem in the last line.
        """
        last = (await self.send("POST", path, body)).body[-1]
        if "problem" in last:
            raise ApiProblem(last["problem"]["status"], last["problem"], {})
        return last[member]

    def _path(self, path: str) -> str:
        return path if path.startswith("/") else f"{self._prefix}{path}" if path else self._prefix.rstrip("/")

    async def _call(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, object],
        headers: Mapping[str, str],
        content: bytes,
    ) -> tuple[int, dict[str, str], bytes]:
        status, answered, parts = 0, dict[str, str](), list[bytes]()
        is_sent = False

        async def receive() -> Message:
            nonlocal is_sent
            if is_sent:
                # No client that goes away: streams end with their work.
                await asyncio.Event().wait()
            is_sent = True
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status = message["status"]
                answered = {name.decode(): value.decode("latin-1") for name, value in message["headers"]}
            else:
                parts.append(message.get("body", b""))

        scope = self._scope(method, path, parameters, headers, content)
        await self._api(scope, receive, send)
        return status, answered, b"".join(parts)

    @asynccontextmanager
    async def lines(self, path: str, body: object) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """Send a POST, and give the lines of JSON of its answer as they come; leaving it cancels the work.

        Raises ApiProblem for an answer that is not 2xx.
        """
        content = json.dumps(body).encode()
        headers = {"x-request-id": self._request_id, "content-type": "application/json"}
        scope = self._scope("POST", self._path(path), {}, headers, content)
        messages: asyncio.Queue[Message] = asyncio.Queue(_LINES_AHEAD)
        sent = iter([{"type": "http.request", "body": content, "more_body": False}])

        async def receive() -> Message:
            if (message := next(sent, None)) is not None:
                return message
            # A client that is still there: leaving cancels the task instead.
            await asyncio.Event().wait()
            raise AssertionError("it waits until it is cancelled")

        async def answer() -> None:
            await self._api(scope, receive, messages.put)

        task: asyncio.Future[Any] = asyncio.ensure_future(answer())
        try:
            start = await _next(messages, task)
            if start is None or start["status"] >= _FIRST_ERROR:
                await _raise(start, messages, task)
            yield _decoded(messages, task)
        finally:
            task.cancel()
            await asyncio.wait([task])

    def _scope(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, object],
        headers: Mapping[str, str],
        content: bytes,
    ) -> dict[str, Any]:
        raw = {**headers, "content-length": str(len(content))}
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query(parameters).encode(),
            "root_path": "",
            "headers": [
                (name.encode(), value.encode("latin-1", "replace")) for name, value in raw.items() if value
            ],
            "server": _SERVER,
            "client": None,
            SIGNED_IN: self._claims,
        }


async def _next(messages: asyncio.Queue[Message], task: asyncio.Future[Any]) -> Message | None:
    """Return the next message of an answer; None: it has ended. Raises what answering has raised."""
    taken: asyncio.Future[Any] = asyncio.ensure_future(messages.get())
    try:
        await asyncio.wait({taken, task}, return_when=asyncio.FIRST_COMPLETED)
        if not taken.done():
            task.result()
            return None
        message: Message = taken.result()
        return message
    finally:
        taken.cancel()


async def _raise(
    start: Message | None, messages: asyncio.Queue[Message], task: asyncio.Future[Any]
) -> NoReturn:
    body, headers = b"", {}
    if start is not None:
        headers = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
        while (message := await _next(messages, task)) is not None:
            body += message.get("body", b"")
    problem = json.loads(body) if body else {}
    raise ApiProblem(start["status"] if start else 500, problem, headers)


async def _decoded(
    messages: asyncio.Queue[Message], task: asyncio.Future[Any]
) -> AsyncIterator[dict[str, Any]]:
    left = b""
    while (message := await _next(messages, task)) is not None:
        *whole, left = (left + message.get("body", b"")).split(b"\n")
        for line in whole:
            yield json.loads(line)


def part(text: str) -> str:
    """Return one part of a path, quoted: an id may contain slashes."""
    return quote(text, safe="")


def query(parameters: Mapping[str, object]) -> str:
    """Return a query string; None and empty texts are left out, a list is repeated."""
    pairs: list[tuple[str, object]] = []
    for name, value in parameters.items():
        values: Sequence[object] = value if isinstance(value, list | tuple) else [value]
        pairs += [(name, _text(each)) for each in values if each not in {None, ""}]
    return urlencode(pairs)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
