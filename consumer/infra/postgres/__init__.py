"""Connections to Postgres with every wait bounded, the classes of its errors, retry and migrations. Layer: infra.

Use it as `postgres.connect(…)`. Read `connection.py` first, then `errors.py`: the class of an error decides what
happens to a batch.
"""

from consumer.infra.postgres.connection import Connection, Pool, connect, fetch_one, open_unbounded, pool
from consumer.infra.postgres.errors import DatabaseTlsError, is_data_error, retry_reason
from consumer.infra.postgres.revision_lock import configuration_change

__all__ = [
    "Connection",
    "DatabaseTlsError",
    "Pool",
    "configuration_change",
    "connect",
    "fetch_one",
    "is_data_error",
    "open_unbounded",
    "pool",
    "retry_reason",
]
