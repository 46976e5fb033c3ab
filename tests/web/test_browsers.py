"""What browsers need: leave to call the API from other origins, and answers that are compressed."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.responses import PlainTextResponse, StreamingResponse

from consumer.infra.settings import SettingsError, load_settings, variable
from consumer.web.http import cross_origin
from consumer.web.http.compression import CompressionMiddleware
from tests.builders.catalog_documents import definition, groups
from tests.web.api_client import bearer, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.types import Receive, Scope, Send

    from tests.web.api_client import Api

PAGE = "https://app.example.com"


@pytest.fixture(scope="module")
async def client(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of the API that pages of one origin may call."""
    async with serving(api.dsn, origins=(PAGE,)) as made:
        yield made.client


async def test_a_page_may_ask_first(client: httpx.AsyncClient) -> None:
    """The browser's question before a change is answered for the origin of the setting, and for no other."""
    asked = {
        "access-control-request-method": "PATCH",
        "access-control-request-headers": "authorization,content-type,if-match",
    }
    path = "/v1/accounts/acme/definitions/x"
    answer = await client.options(path, headers={"origin": PAGE, **asked})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "PATCH" in answer.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in answer.headers
    other = await client.options(path, headers={"origin": "https://evil.example", **asked})
    assert other.status_code == 400
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("path", ["/v1/accounts/acme", "/nowhere", "/v1/accounts/a%00b"])
async def test_a_script_may_read_every_answer(client: httpx.AsyncClient, path: str) -> None:
    """Problems of every layer can be read too, with the headers that clients need."""
    answer = await client.get(path, headers={"origin": PAGE})
    assert answer.status_code >= 400
    assert answer.headers["access-control-allow-origin"] == PAGE
    exposed = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
    assert exposed == set(cross_origin.EXPOSED)
    assert exposed >= {"ETag", "Location", "Retry-After", "Engagement-Module", "X-Request-Id", "Link"}
    assert (
        "access-control-allow-origin"
        not in (await client.get(path, headers={"origin": "https://evil.example"})).headers
    )


async def test_without_the_setting_no_page_may(api: Api) -> None:
    """By default no answer speaks of origins."""
    answer = await api.client.get("/livez", headers={"origin": PAGE})
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("text", "origins"),
    [("", ()), ("*", ("*",)), (f"{PAGE}, http://localhost:5173", (PAGE, "http://localhost:5173"))],
)
def test_origins_are_a_setting(monkeypatch: pytest.MonkeyPatch, text: str, origins: tuple[str, ...]) -> None:
    """`ENGAGEMENT_WEB_ORIGINS` has them, separated by commas."""
    monkeypatch.setenv(variable("web_origins"), text)
    assert load_settings(database=False, kafka=False).web_origins == origins


@pytest.mark.parametrize("text", [f"{PAGE}/", "app.example.com", "https://App.example.com", f"*,{PAGE}", ","])
def test_what_no_browser_sends_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """An origin with a path or without a scheme would never match: it is an error at the start."""
    monkeypatch.setenv(variable("web_origins"), text)
    with pytest.raises(SettingsError, match="ENGAGEMENT_WEB_ORIGINS must be"):
        load_settings(database=False, kafka=False)


async def test_large_answers_are_compressed(api: Api, new_account: Callable[..., Awaitable[str]]) -> None:
    """A large answer is compressed for a client that accepts it, its ETag the same; others are not."""
    definitions = [definition(f"won_{number}", "deal.won") for number in range(20)]
    account = await new_account(groups=groups("purchase"), definitions=definitions)
    path, headers = f"/v1/accounts/{account}/profiles/lead_score", bearer(account)
    large = await api.client.get(path, headers={**headers, "accept-encoding": "gzip"})
    plain = await api.client.get(path, headers={**headers, "accept-encoding": "br, gzip;q=0"})
    assert (large.headers["content-encoding"], large.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert int(large.headers["content-length"]) < len(plain.content) / 4
    assert "content-encoding" not in plain.headers
    assert (large.json(), large.headers["etag"]) == (plain.json(), plain.headers["etag"])
    headers["accept-encoding"] = "gzip"
    small = await api.client.get(f"/v1/accounts/{account}", headers=headers)
    assert "content-encoding" not in small.headers
    body = {"key": "x", **{f"wrong_{number}": 1 for number in range(100)}}
    problem = await api.client.post(f"/v1/accounts/{account}/definitions", json=body, headers=headers)
    assert (problem.status_code, len(problem.content) > 5000) == (422, True)
    assert "content-encoding" not in problem.headers


@pytest.mark.parametrize(
    ("media_type", "compressed"),
    [("text/csv", True), ("application/x-ndjson", False), ("text/event-stream", False)],
)
async def test_streams_stay_streams(media_type: str, compressed: bool) -> None:
    """A part of a file can be read as soon as it was made; progress and events are sent as they are."""
    made: list[bytes] = []
    seen: list[bytes] = []
    decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)

    async def parts() -> AsyncIterator[bytes]:
        for number in range(3):
            assert seen == made, "the part before has arrived"
            made.append(f"part {number}\n".encode())
            yield made[-1]

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await StreamingResponse(parts(), media_type=media_type)(scope, receive, send)

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            assert ((b"content-encoding", b"gzip") in message["headers"]) is compressed  # type: ignore[operator]
        elif message["body"]:
            body: bytes = message["body"]  # type: ignore[assignment]
            text = decoder.decompress(body) if compressed else body
            if text:
                seen.append(text)

    async def receive() -> dict[str, object]:
        return {"type": "http.request"}

    scope = {
        "type": "http",
        "asgi": {"spec_version": "2.4"},
        "method": "GET",
        "path": "/",
        "query_string": b"",
    }
    scope["headers"] = [(b"accept-encoding", b"gzip")]
    await CompressionMiddleware(application)(scope, receive, send)  # type: ignore[arg-type]
    assert seen == made == [b"part 0\n", b"part 1\n", b"part 2\n"]


@pytest.mark.parametrize("accepted", ["gzip;q=0", "gzip; q=0.0, br", "deflate, gzip;q=0"])
async def test_a_refusal_is_heeded(accepted: str) -> None:
    """`gzip;q=0` says that a client cannot read it; a weight above 0 says that it can."""
    transport = httpx.ASGITransport(CompressionMiddleware(PlainTextResponse("a" * 5000)))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        assert (
            "content-encoding" not in (await client.get("/", headers={"accept-encoding": accepted})).headers
        )
        weighed = await client.get("/", headers={"accept-encoding": "gzip;q=0.5"})
    assert weighed.headers["content-encoding"] == "gzip"
