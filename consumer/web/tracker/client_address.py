"""The address of a client: of the connection, or as trusted proxies in front of the process have written it."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

    from starlette.types import Scope

_LONGEST_CHAIN = 50


class ClientAddresses:
    """Reads X-Forwarded-For from the right: what is left of the first address that is no proxy anybody can write.

    proxies: the networks of trusted proxies.
    """

    def __init__(self, proxies: Sequence[IPv4Network | IPv6Network]) -> None:
        self._proxies = tuple(proxies)
        self._trusted = lru_cache(maxsize=4096)(self._is_proxy)

    def address_of(self, peer: str, forwarded: str | None) -> str:
        """Return the client's address. peer: of the connection. forwarded: the header X-Forwarded-For, if any."""
        if not self._proxies or not forwarded or not self._trusted(peer):
            return peer
        client = peer
        for entry in reversed(forwarded.split(",")[-_LONGEST_CHAIN:]):
            address = _plain(entry)
            if address is None:
                return client
            client = address
            if not self._trusted(client):
                return client
        return client

    def of(self, scope: Scope, forwarded: str | None) -> str:
        """Return the address of a request's client; empty where the connection has none."""
        peer = scope.get("client")
        return self.address_of(peer[0], forwarded) if peer else ""

    def scheme_of(self, scope: Scope, forwarded: str | None) -> str:
        """Return `https` or `http`, as the client used it. forwarded: the header X-Forwarded-Proto, if any."""
        peer = scope.get("client")
        if forwarded and peer and self._proxies and self._trusted(peer[0]):
            return "https" if forwarded.rpartition(",")[2].strip().lower() == "https" else "http"
        return "https" if scope.get("scheme") == "https" else "http"

    def _is_proxy(self, address: str) -> bool:
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self._proxies)


def _plain(entry: str) -> str | None:
    """Return an address in its usual form, without brackets and port; None for what is no address."""
    text = entry.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    address = _parsed(text)
    return None if address is None else str(address)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address, of one that is IPv4 written as IPv6 (`::ffff:192.0.2.1`) the IPv4 address.

    Otherwise all of IPv4 would be one network of IPv6, with one limit.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
