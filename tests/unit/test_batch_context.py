"""What a batch needs before its transaction is read as a whole or not at all."""

from __future__ import annotations

from unittest.mock import AsyncMock, Mock

import pytest

from consumer import catalog
from consumer.ingest.batch_context import BatchContext


async def test_a_read_that_fails_halfway_is_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the connection is lost between catalog and shards, neither is kept: no batch runs without shards."""
    snapshot = Mock(accounts={})
    monkeypatch.setattr(catalog, "load_snapshot", AsyncMock(return_value=snapshot))
    installation = {"shards": 4, "salt": b"salt", "oldest_program": 6}
    connection = Mock(fetchrow=AsyncMock(side_effect=[ConnectionError("lost"), installation]))
    connection.is_closed.return_value = False
    context = BatchContext(AsyncMock(return_value=connection))
    with pytest.raises(ConnectionError):
        await context.catalog()
    assert await context.catalog() is snapshot
    assert context.shards == 4
