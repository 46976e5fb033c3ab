"""A broker of its own with a proxy before it, for the tests of publishers.

Owns starting and ending both. Never says what the proxy does.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.kafka.kafka_proxy import KafkaProxy
from tests.servers.maven_kafka import MavenKafka

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass(frozen=True)
class Proxied:
    """A broker that may be broken, and the proxy through which `bootstrap` leads; server.bootstrap goes past it."""

    server: MavenKafka
    proxy: KafkaProxy

    @property
    def bootstrap(self) -> str:
        """Where clients start from that are to go through the proxy."""
        return f"127.0.0.1:{self.proxy.port}"


@asynccontextmanager
async def broker_behind_proxy() -> AsyncIterator[Proxied]:
    """Start a broker whose second listener is advertised as a proxy's port, and the proxy."""
    proxy = KafkaProxy()
    await proxy.start()
    server = MavenKafka(proxy_port=proxy.port)
    try:
        await server.start()
        proxy.upstream = server.behind_proxy
        yield Proxied(server, proxy)
    finally:
        await proxy.close()
        await server.close()
