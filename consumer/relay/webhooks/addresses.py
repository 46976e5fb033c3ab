"""Where webhooks may lead: not into this network.

A name is resolved once for each attempt, every address of it is checked, and the connection goes to an address that
was checked: a name that changes its mind in between changes nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple
from urllib.parse import urlsplit

MAX_URL: Final = 2000
# Beside the usual pool: names that do not resolve must hold up nothing else.
_RESOLVERS: Final = ThreadPoolExecutor(16, thread_name_prefix="resolve")
# Addresses that lead to others, which are written in them (6to4, Teredo, NAT64).
_TUNNELS: Final = tuple(
    map(ipaddress.ip_network, ("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48"))
)


class ForbiddenAddressError(Exception):
    """The address is not public: webhooks may only lead to public ones."""


class UnresolvableError(Exception):
    """The name has no address."""


class Target(NamedTuple):
    """The parts of a URL that a connection needs."""

    scheme: str
    host: str
    port: int


def parse(url: str, *, private: bool) -> Target:
    """Return the target of a URL; raises ValueError, which says what is wrong with it.

    private: whether `http` and addresses that are not public are allowed.
    """
    if not url.isascii() or len(url) > MAX_URL or any(character.isspace() for character in url):
        raise ValueError(f"must be at most {MAX_URL} ASCII characters without spaces")
    parts = urlsplit(url)
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        raise ValueError("must begin with https://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not have a user or a password")
    if parts.fragment:
        raise ValueError("must not have a fragment")
    host = (parts.hostname or "").rstrip(".")
    if not host:
        raise ValueError("must have a host")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise ValueError("must have a valid port") from None
    if not private and _is_never_public(host):
        raise ValueError("must lead to a public address")
    return Target(parts.scheme, host, port)


def _is_never_public(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:
        # Names; also 127.1 and 0x7f000001, which resolvers take for addresses: they are checked when resolved.
        return "." not in host or host.endswith((".localhost", ".local", ".internal"))


def is_public(address: str) -> bool:
    """Return whether an IP address is public; raises ValueError if it is none."""
    one = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(one, ipaddress.IPv6Address):
        if one.ipv4_mapped is not None:
            return is_public(str(one.ipv4_mapped))
        if any(one in tunnel for tunnel in _TUNNELS):
            return False
    return one.is_global and not (one.is_multicast or one.is_reserved or one.is_unspecified)


async def resolve(target: Target, *, private: bool) -> str:
    """Return an address of a target; raises UnresolvableError, or ForbiddenAddressError if any is not public."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.run_in_executor(
            _RESOLVERS, lambda: socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        )
    except (OSError, UnicodeError):
        raise UnresolvableError("the name cannot be resolved") from None
    addresses = [str(one[4][0]) for one in found]
    if not private and not all(map(is_public, addresses)):
        raise ForbiddenAddressError("the name leads to an address that is not public")
    return addresses[0]
