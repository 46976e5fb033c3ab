"""Events of an account, through the real path of a batch.

Owns making records that fall into one account. Never judges anything.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from consumer.infra import postgres
from tests.builders.events import dated_event

if TYPE_CHECKING:
    from tests.oracle import OracleRecord
    from tests.pipeline.service import Service
    from tests.web.api_client import Api

_numbers = itertools.count(1)
BEGIN = datetime(2026, 3, 2, 10, tzinfo=UTC)


async def happen(
    worker: Service, account: str, *types: str, subject: str = "ann", data: str = "{}", **attributes: Any
) -> list[str]:
    """Let events of these types happen a minute after each other, in one batch; returns their outcomes.

    data: as it is on the wire. attributes: others that all of them have.
    """
    return await worker.batch(
        [record(account, each, subject=subject, data=data, **attributes) for each in types]
    )


def record(
    account: str, event_type: str, *, subject: str = "ann", at: datetime | None = None, **attributes: Any
) -> OracleRecord:
    """Return an event, a minute after the one before unless it says when it happens."""
    number = next(_numbers)
    at = at or BEGIN + timedelta(minutes=number)
    return dated_event(
        f"e{number}",
        at,
        **{"type": event_type, "subject": subject, "accountid": account, "data": "{}", **attributes},
    )


async def flush_inbox(api: Api, worker: Service) -> None:
    """Write down what the worker counted of unknown types, and which events had no effect."""
    connection = await postgres.connect(api.dsn)
    await worker.inbox.flush(connection)
    await worker.ignored.flush(connection)
    await connection.close()
