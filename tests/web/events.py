"""Events of an account, through the real path of a batch.

Owns making records that fall into one account. Never judges anything.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from consumer import db
from tests.oracle import OracleRecord

if TYPE_CHECKING:
    from tests.pipeline.service import Service
    from tests.web.serving import Api

_numbers = itertools.count(1)
BEGIN = datetime(2026, 3, 2, 10, tzinfo=UTC)


async def happen(
    worker: Service, account: str, *types: str, subject: str = "ann", data: str = "{}", **attributes: Any
) -> list[str]:
    """Let events of these types happen a minute after each other, in one batch; returns their outcomes.

    data: as it stands on the wire. attributes: others that all of them have.
    """
    records = []
    for event_type in types:
        number = next(_numbers)
        at = BEGIN + timedelta(minutes=number)
        records.append(
            OracleRecord(
                id=f"e{number}",
                source="/crm",
                type=event_type,
                subject=subject,
                time=at.isoformat().replace("+00:00", "Z"),
                accountid=account,
                data=data,
                timestamp=at,
                **attributes,
            )
        )
    return await worker.batch(records)


async def flush_inbox(api: Api, worker: Service) -> None:
    """Write down what the worker counted of unknown types."""
    connection = await db.connect(api.dsn)
    await worker.inbox.flush(connection)
    await connection.close()
