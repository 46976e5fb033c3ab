"""What is read of a request: the key wherever it may stand, and bodies of bounded size, compressed or not."""

from __future__ import annotations

import asyncio
import base64
import gzip
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from consumer.web.tracker.body_budget import BodyBudget
from consumer.web.tracker.calls.outcome import Refusal
from consumer.web.tracker.http_request import DisconnectedError, HttpRequest, key_in
from schemas.vocabulary import RefusalReason

if TYPE_CHECKING:
    from starlette.types import Message


def request(*parts: bytes, query: str = "", more: bool = False, **headers: str) -> HttpRequest:
    """Build a request whose body comes in parts; more: it is not complete when the client is gone."""
    waiting = [
        {"type": "http.request", "body": part, "more_body": more or number < len(parts)}
        for number, part in enumerate(parts or (b"",), 1)
    ]

    async def receive() -> Message:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope: dict[str, Any] = {"type": "http", "query_string": query.encode(), "headers": named}
    return HttpRequest(scope, receive)


def basic(text: str) -> str:
    """Return the header of basic authentication."""
    return f"Basic {base64.b64encode(text.encode()).decode()}"


@pytest.mark.parametrize(
    ("made", "key"),
    [
        (request(authorization=basic("wk_1:")), "wk_1"),
        (request(authorization=basic("wk_1:ignored")), "wk_1"),
        (request(authorization="basic " + basic("wk_1:").partition(" ")[2]), "wk_1"),
        (request(authorization="Bearer wk_1"), "wk_1"),
        (request(authorization="Basic %%%"), None),
        (request(authorization="Basic gIA="), None),
        (request(authorization="Digest x"), None),
        (request(x_write_key="wk_1"), "wk_1"),
        (request(query="writeKey=wk_1"), "wk_1"),
        (request(query="a=b"), None),
        (request(query="&".join("writeKey=wk_1" for _ in range(1000))), None),
        (request(), None),
    ],
)
def test_keys(made: HttpRequest, key: str | None) -> None:
    """The key stands in basic authentication, a bearer token, a header or a parameter; broken ones are none."""
    assert made.key == key


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (b'{"writeKey": "wk_1", "batch": []}', "wk_1"),
        (b'{"writeKey": 7}', None),
        (b"[" * 100_000, None),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_keys_in_bodies(body: bytes, key: str | None) -> None:
    """Browsers put the key into the body; a body that cannot be read has none."""
    assert key_in(body) == key


async def test_bodies() -> None:
    """A body is joined from its parts, and decompressed."""
    assert await request(b"ab", b"cd").body(4, BodyBudget()) == b"abcd"
    packed = gzip.compress(b"a" * 1000)
    assert (
        await request(packed[:9], packed[9:], content_encoding="gzip").body(1000, BodyBudget()) == b"a" * 1000
    )


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (request(b"abcde"), RefusalReason.TOO_LARGE),
        (request(b"abc", b"de", b"f" * 100), RefusalReason.TOO_LARGE),
        (request(content_length="5"), RefusalReason.TOO_LARGE),
        (request(content_length="9" * 20), RefusalReason.TOO_LARGE),
        (request(gzip.compress(b"12345"), content_encoding="gzip"), RefusalReason.TOO_LARGE),
        (request(b"abc", content_encoding="gzip"), RefusalReason.MALFORMED),
        (request(b"abc", content_encoding="br"), RefusalReason.MALFORMED),
    ],
)
async def test_bodies_that_are_refused(made: HttpRequest, reason: RefusalReason) -> None:
    """A body beyond the limit is refused, packed or not, as is one that is not what it says."""
    body = await made.body(4, BodyBudget())
    assert isinstance(body, Refusal)
    assert body.reason == reason


@pytest.mark.parametrize("cut", [-1, -8, 20])
async def test_gzip_that_is_cut_off_is_refused(cut: int) -> None:
    """Half a compressed body is none; nor is one with something after it."""
    packed = gzip.compress(b"abcd" * 100)
    for body in (packed[:cut], packed + b"x"):
        refusal = await request(body, content_encoding="gzip").body(500, BodyBudget())
        assert isinstance(refusal, Refusal)
        assert refusal.reason == RefusalReason.MALFORMED


async def test_a_bomb_is_never_unpacked() -> None:
    """Of a body that would unpack to a gigabyte no more is unpacked than is allowed."""
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    bomb = b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(64)), packer.flush()])
    refusal = await request(bomb, content_encoding="gzip").body(500_000, BodyBudget())
    assert isinstance(refusal, Refusal)
    assert refusal.reason == RefusalReason.TOO_LARGE


async def test_a_client_that_is_gone() -> None:
    """A body that never comes is no call."""
    with pytest.raises(DisconnectedError):
        await request(b"ab", more=True).body(100, BodyBudget())


@pytest.mark.parametrize(
    ("made", "origin"),
    [
        (request(origin="https://shop.example"), "https://shop.example"),
        (request(referer="https://Shop.example:8443/a?b"), "https://shop.example:8443"),
        (request(referer="https://shop.example?b"), "https://shop.example"),
        (request(referer="https://user@shop.example/"), "https://shop.example"),
        (request(referer="nonsense"), None),
        (request(), None),
    ],
)
def test_origins(made: HttpRequest, origin: str | None) -> None:
    """A browser names the origin of a page; for images the referrer does."""
    assert made.origin == origin


async def test_slow_bodies_have_a_budget() -> None:
    """Half-sent bodies hold 64 MiB together, a quarter of it from one address; single calls are always received."""
    budget, slow = BodyBudget(), []

    def half_sent(address: str) -> HttpRequest:
        made = request(b"", bytes(400 << 10), more=True)
        made.address = address
        first = made.receive

        async def receive() -> Message:
            message = await first()
            if message["type"] == "http.disconnect":
                await asyncio.Event().wait()
            return message

        made.receive = receive
        return made

    async def refused(address: str) -> bool:
        receiving = asyncio.create_task(half_sent(address).body(500 << 10, budget))
        done, _ = await asyncio.wait([receiving], timeout=0.01)
        slow.append(receiving)
        return bool(done) and isinstance(receiving.result(), Refusal)

    addresses = [f"192.0.2.{number}" for number in range(10)]
    refusals = [await refused(address) for address in addresses for _ in range(50)]
    held = refusals.count(False) * 400
    assert 60 << 10 <= held <= 72 << 10
    assert refusals[:40] == [False] * 40
    assert refusals[45:50] == [True] * 5, "of one address"
    assert await request(b"ab", bytes(30 << 10)).body(32 << 10, budget) == b"ab" + bytes(30 << 10)
    for receiving in slow:
        receiving.cancel()
    await asyncio.wait(slow)
    assert not budget._held
    assert not budget._by_address
