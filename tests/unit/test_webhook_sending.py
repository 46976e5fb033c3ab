"""Where webhooks may lead, to which address they connect, and how long an attempt may take."""

from __future__ import annotations

import asyncio
import itertools
import socket
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trustme

from consumer.relay.webhooks import send
from consumer.relay.webhooks.addresses import ForbiddenAddressError, Target, is_public, parse, resolve
from consumer.relay.webhooks.deliver import pause_after
from consumer.relay.webhooks.message import new_secret
from consumer.relay.webhooks.send import Sender

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("233.252.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:93.184.215.14", True),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
        ("2001:0:a00:1::", False),
    ],
)
def test_public_addresses(address: str, *, public: bool) -> None:
    """Private, loopback, link-local, multicast and reserved addresses are not public, in whatever form."""
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://hooks.example.com/in?key=1", None),
        ("https://93.184.215.14:8443/", None),
        ("http://hooks.example.com/", "https"),
        ("ftp://hooks.example.com/", "https"),
        ("https://user:password@hooks.example.com/", "password"),
        ("https://hooks.example.com/#part", "fragment"),
        ("https:///in", "host"),
        ("https://hooks.example.com:99999/", "port"),
        ("https://10.0.0.1/", "public"),
        ("https://[::1]/", "public"),
        ("https://localhost/", "public"),
        ("https://metadata.google.internal/", "public"),
        ("https://kubernetes/", "public"),
        ("https://hooks.example.com/ x", "spaces"),
        (f"https://hooks.example.com/{'x' * 2000}", "2000"),
    ],
)
def test_urls(url: str, why: str | None) -> None:
    """A URL begins with https and leads to what may be public; a refusal says why."""
    if why is None:
        assert parse(url, private=False).scheme == "https"
        return
    with pytest.raises(ValueError, match=why):
        parse(url, private=False)


@pytest.mark.parametrize("name", ["127.1", "0x7f000001", "2130706433", "127.0.0.1.", "localhost"])
async def test_names_for_this_machine(name: str) -> None:
    """Whatever a resolver takes for an address of this machine is refused when it is resolved."""
    assert await _is_refused(name.rstrip("."))


async def test_one_private_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every address of a name is checked, not only the first."""
    _names(monkeypatch, "93.184.215.14", "10.0.0.1")
    assert await _is_refused("two.example.com")


async def _is_refused(name: str) -> bool:
    try:
        await resolve(Target("https", name, 443), private=False)
    except ForbiddenAddressError:
        return True
    return False


def _names(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Let every name have these addresses, and return the names that are asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_more: object) -> list[object]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@asynccontextmanager
async def _receiver(
    answer: bytes, context: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Give the port of a receiver that sends these bytes for each request, and the heads of requests."""
    heads: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                await reader.readexactly(2)
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], heads


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


async def test_the_address_is_pinned_and_the_name_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is resolved once; the certificate has to be for the name: one of another is refused."""
    authority = trustme.CA()
    trusting, serving = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.configure_trust(trusting)
    authority.issue_cert("good.example.com").configure_cert(serving)
    asked = _names(monkeypatch, "127.0.0.1")
    async with _receiver(OK, serving) as (port, heads):
        sender = Sender(f"https://good.example.com:{port}/in", [new_secret()], private=True, tls=trusting)
        assert await sender.send("msg_1", "{}") == (200, None)
        assert await sender.send("msg_2", "{}") == (200, None)
        await sender.close()
        assert asked == ["good.example.com"]
        assert f"host: good.example.com:{port}".encode() in heads[0].lower()
        other = Sender(f"https://other.example.com:{port}/in", [new_secret()], private=True, tls=trusting)
        status, error = await other.send("msg_1", "{}")
        assert status is None
        assert error is not None
        assert "certificate" in error.lower()
        await other.close()


async def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an answer only so much is read, and an attempt ends when its time is over."""
    endless = b"HTTP/1.1 200 OK\r\ncontent-length: 900000000\r\n\r\n" + b"x" * (1 << 20)
    async with _receiver(endless) as (port, _):
        sender = Sender(f"http://127.0.0.1:{port}/", [], private=True, tls=ssl.create_default_context())
        async with asyncio.timeout(5):
            assert await sender.send("msg_1", "{}") == (200, None)
        await sender.close()
    monkeypatch.setattr(send, "PATIENCE", 0.2)
    async with _receiver(b"") as (port, _):
        sender = Sender(f"http://127.0.0.1:{port}/", [], private=True, tls=ssl.create_default_context())
        assert await sender.send("msg_1", "{}") == (None, "no answer within 0.2 s")
        await sender.close()


def test_repetitions_take_a_day() -> None:
    """The first comes after seconds, then later and later, about a dozen of them within a day."""
    pauses = [pause_after(attempts) for attempts in range(1, 14)]
    assert 4 < pauses[0] < 6
    assert all(before < after * 1.3 for before, after in itertools.pairwise(pauses))
    assert 24 * 3600 / 2 < sum(pauses) < 24 * 3600 * 1.5
