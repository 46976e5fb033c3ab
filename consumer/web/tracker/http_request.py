"""What the tracker reads of an HTTP request: headers and parameters that it knows, the key, a bounded body."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

import msgspec

from consumer.web.tracker.body_budget import FREE
from consumer.web.tracker.calls.outcome import Refusal
from schemas.vocabulary import RefusalReason

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from consumer.web.tracker.body_budget import BodyBudget

_IDENTITY: Final = "identity"
_ENCODINGS: Final = frozenset({_IDENTITY, "gzip", "x-gzip"})
_GZIP: Final = 16 + zlib.MAX_WBITS
# A URL with a call in it is no longer than this: browsers and servers cut longer ones.
_LONGEST_QUERY: Final = 16_384
_MOST_PARAMETERS: Final = 20


class DisconnectedError(Exception):
    """The client was gone before its request was complete."""


class HttpRequest:
    """One request. address: the client's, as trusted proxies have it."""

    __slots__ = ("_headers", "_origin", "_query", "address", "receive", "scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.receive = receive
        self.address = ""
        # One that is sent twice counts as sent last.
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self._query: dict[str, str] | None = None
        self._origin: str | None = ""

    def header(self, name: bytes) -> str | None:
        """Return a header as text, None where it is absent or empty."""
        value = self._headers.get(name)
        return value.decode("latin-1") if value else None

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the URL; none where there are too many."""
        if self._query is None:
            self._query = _parameters(self.scope["query_string"])
        return self._query

    @property
    def origin(self) -> str | None:
        """The origin of the page that sent the request; of images, which have none, that of the referrer."""
        if self._origin == "":
            self._origin = self.header(b"origin") or _origin_of(self.header(b"referer") or "")
        return self._origin

    @property
    def key(self) -> str | None:
        """The write key outside the body: basic authentication, a bearer token, a header or a parameter."""
        if authorization := self.header(b"authorization"):
            scheme, _, value = authorization.partition(" ")
            if scheme.lower() == "bearer":
                return value.strip()
            if scheme.lower() == "basic":
                return _basic_user(value)
        if key := self.header(b"x-write-key"):
            return key
        if self.scope["query_string"]:
            return self.query.get("writeKey") or None
        return None

    async def body(self, most: int, budget: BodyBudget) -> bytes | Refusal:
        """Return the body, decompressed; refused beyond so many bytes. Raises DisconnectedError.

        budget: of bodies that are not complete.
        """
        encoding = (self.header(b"content-encoding") or _IDENTITY).strip().lower()
        if encoding not in _ENCODINGS:
            return Refusal(RefusalReason.MALFORMED, "Content-Encoding", "expected gzip, or none")
        length = self.header(b"content-length")
        # Refused before it is sent, as far as the client says so; h11 has checked that it is a number.
        if length is not None and int(length) > most:
            return _too_large(most)
        body = await self._received(most, budget)
        if isinstance(body, Refusal):
            return body
        if len(body) > most:
            return _too_large(most)
        return body if encoding == _IDENTITY else _decompressed(body, most)

    async def _received(self, most: int, budget: BodyBudget) -> bytes | Refusal:
        message = await self.receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        first: bytes = message.get("body", b"")
        if not message.get("more_body", False):
            return first
        parts, size, held = [first], len(first), 0
        try:
            while message.get("more_body", False):
                message = await self.receive()
                if message["type"] == "http.disconnect":
                    raise DisconnectedError
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > most:
                    return _too_large(most)
                more = size - FREE - held
                if more > 0:
                    if not budget.take(self.address, more):
                        return Refusal(RefusalReason.OVERLOADED, None, "too many bodies are being received")
                    held += more
        finally:
            budget.give_back(self.address, held)
        return b"".join(parts)


def _origin_of(address: str) -> str | None:
    scheme, found, rest = address.partition("://")
    host = rest.partition("/")[0].partition("?")[0].partition("#")[0].rpartition("@")[2]
    return f"{scheme}://{host}".lower() if found and host else None


def _parameters(query: bytes) -> dict[str, str]:
    if len(query) > _LONGEST_QUERY:
        return {}
    try:
        return dict(
            parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
        )
    except ValueError:
        return {}


def _basic_user(value: str) -> str | None:
    try:
        return base64.b64decode(value.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return None


def _decompressed(body: bytes, most: int) -> bytes | Refusal:
    decompressor = zlib.decompressobj(_GZIP)
    try:
        # Never more than one byte too many, whatever a compressed bomb holds.
        found = decompressor.decompress(body, most + 1)
    except zlib.error:
        return Refusal(RefusalReason.MALFORMED, None, "not gzip")
    if len(found) > most:
        return _too_large(most)
    if not decompressor.eof or decompressor.unused_data:
        return Refusal(RefusalReason.MALFORMED, None, "not gzip")
    return found


def _too_large(most: int) -> Refusal:
    return Refusal(RefusalReason.TOO_LARGE, None, f"more than {most} bytes")


class _Keyed(msgspec.Struct):
    write_key: str | None = msgspec.field(default=None, name="writeKey")


_KEYED: Final = msgspec.json.Decoder(_Keyed)


def key_in(body: bytes) -> str | None:
    """Return the write key in a body, None where there is none or it is no JSON object."""
    try:
        return _KEYED.decode(body).write_key
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
