"""The address of a client: of the connection, or as trusted proxies in front of the process have written it."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Network, IPv6Network

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
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        return any(parsed in network for network in self._proxies)


def _plain(entry: str) -> str | None:
    """Return an address without brackets and port; None for what is no address."""
    text = entry.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
