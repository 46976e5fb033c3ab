"""PostgreSQL and a Kafka broker out of Python wheels, for `engagement demo` and the tests.

Owns starting and stopping servers that nobody had to install. Never used in production, and nothing outside
the composition of the demo and the tests may import it.
"""

from consumer.demo.servers.broker import EmbeddedBroker
from consumer.demo.servers.postgres import EmbeddedPostgres
from consumer.demo.servers.processes import ServerFailedError

__all__ = ["EmbeddedBroker", "EmbeddedPostgres", "ServerFailedError"]
