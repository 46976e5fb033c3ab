"""The address of a client: X-Forwarded-For is believed from trusted proxies only, and read from the right."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from consumer.web.tracker.client_address import ClientAddresses

PROXIES = ClientAddresses([ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48")])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "192.0.2.1", "203.0.113.9"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("::ffff:10.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.66, 192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.66, 192.0.2.1, 10.7.7.7", "192.0.2.1"),
        ("10.0.0.1", "10.1.1.1, 10.2.2.2", "10.1.1.1"),
        ("10.0.0.1", "192.0.2.1:4711", "192.0.2.1"),
        ("2001:db8:ffff::1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("10.0.0.1", "2001:DB8:0::7", "2001:db8::7"),
        ("10.0.0.1", "::ffff:192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "192.0.2.1, [::ffff:10.2.2.2]:80", "192.0.2.1"),
        ("10.0.0.1", "192.0.2.1, <script>", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "," * 10_000, "10.0.0.1"),
    ],
)
def test_addresses(peer: str, forwarded: str | None, client: str) -> None:
    """The client is the first address from the right that is no trusted proxy; what is no address ends it."""
    assert PROXIES.address_of(peer, forwarded) == client


def test_without_proxies_the_header_is_ignored() -> None:
    """Unless proxies are trusted the connection's address is the client's."""
    assert ClientAddresses([]).address_of("10.0.0.1", "192.0.2.1") == "10.0.0.1"


def test_the_scheme_is_the_clients() -> None:
    """X-Forwarded-Proto is believed from trusted proxies only."""
    scope = {"client": ("10.0.0.1", 1), "scheme": "http"}
    assert PROXIES.scheme_of(scope, "https") == "https"
    assert PROXIES.scheme_of(scope, None) == "http"
    assert PROXIES.scheme_of({**scope, "client": ("203.0.113.9", 1)}, "https") == "http"
