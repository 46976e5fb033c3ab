"""The last requests of each token and what became of them, to see why an event was not recorded.

In memory, bounded: addresses are cut to their network, texts to their beginning. Each process has its own.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict, deque
from datetime import datetime  # noqa: TC003 - msgspec reads annotations at run time
from functools import lru_cache
from typing import Final, TypeVar

import msgspec

from consumer.infra.clock import SystemClock

# Requests of a token; tokens, and bytes of all: of tokens those go that were used longest ago.
MOST_REQUESTS: Final = 100
MOST_TOKENS: Final = 1000
MOST_BYTES: Final = 64 << 20
# The token of requests whose key nobody has.
UNKNOWN: Final = ""
# Events of a batch, refused ones first, and characters of a text.
_MOST_EVENTS: Final = 10
_MOST_CHARACTERS: Final = 200
# Of an address, by version.
_NETWORK_BITS: Final = {4: 24, 6: 48}

Text = TypeVar("Text", str, str | None)


class RecentEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event of a request. reason: why it was refused; None: it was accepted. field: the one at fault, if any."""

    name: str
    reason: str | None = None
    field: str | None = None
    detail: str | None = None


class RecentRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request. call: like `track`, `batch` or `pixel`. reason, field, detail: why it was refused as a whole.

    accepted, refused: how many of its events.
    """

    at: datetime
    call: str
    status: int
    accepted: int = 0
    refused: int = 0
    reason: str | None = None
    field: str | None = None
    detail: str | None = None
    events: tuple[RecentEvent, ...] = ()
    origin: str | None = None
    address: str | None = None
    user_agent: str | None = None


class RecentRequests:
    """The last requests by token; since: when this began."""

    def __init__(
        self,
        most_requests: int = MOST_REQUESTS,
        most_tokens: int = MOST_TOKENS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.since = SystemClock().now()
        self._most_requests = most_requests
        self._most_tokens = most_tokens
        self._most_bytes = most_bytes
        self._bytes = 0
        # As JSON: half the size of objects, and nothing that the garbage collector would look through.
        self._by_token: OrderedDict[str, deque[bytes]] = OrderedDict()

    def note(self, token: str, request: RecentRequest) -> None:
        """Keep a request of a token. token: its id, or UNKNOWN."""
        requests = self._by_token.get(token)
        if requests is None:
            requests = self._by_token[token] = deque()
        else:
            self._by_token.move_to_end(token)
        if len(requests) >= self._most_requests:
            self._bytes -= len(requests.popleft())
        requests.append(msgspec.json.encode(_bounded(request)))
        self._bytes += len(requests[-1])
        while len(self._by_token) > self._most_tokens or self._bytes > self._most_bytes:
            _, gone = self._by_token.popitem(last=False)
            self._bytes -= sum(map(len, gone))

    def of(self, token: str) -> list[RecentRequest]:
        """Return the last requests of a token, newest first."""
        return [
            msgspec.json.decode(each, type=RecentRequest) for each in reversed(self._by_token.get(token, ()))
        ]


@lru_cache(maxsize=4096)
def coarse_network_of(address: str) -> str | None:
    """Return what is shown of an address: of IPv4 its first 24 bits, of IPv6 48; None for what is no address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(ipaddress.ip_network((found.packed, _NETWORK_BITS[found.version]), strict=False))


def _bounded(request: RecentRequest) -> RecentRequest:
    """Return what is kept of a request."""
    events = request.events
    if len(events) > _MOST_EVENTS:
        events = tuple(sorted(events, key=lambda event: event.reason is None)[:_MOST_EVENTS])
    return RecentRequest(
        at=request.at,
        call=_cut(request.call),
        status=request.status,
        accepted=request.accepted,
        refused=request.refused,
        reason=request.reason,
        field=_cut(request.field),
        detail=_cut(request.detail),
        events=tuple([_bounded_event(each) for each in events]),
        origin=_cut(request.origin),
        address=coarse_network_of(request.address) if request.address else None,
        user_agent=_cut(request.user_agent),
    )


def _bounded_event(event: RecentEvent) -> RecentEvent:
    name = _cut(event.name)
    if name is event.name and event.reason is None:
        return event
    return RecentEvent(name, event.reason, _cut(event.field), _cut(event.detail))


def _cut(text: Text) -> Text:
    """Return the beginning of a text; lone surrogates, which JSON does not take, are replaced."""
    if text is None or (len(text) <= _MOST_CHARACTERS and text.isascii()):
        return text
    return text[:_MOST_CHARACTERS].encode("utf-8", "replace").decode()
