"""What tests of migrations share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.infra import postgres
from tests.postgres.made_up_migrations import fill_contacts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.infra.postgres.connection import Connection


@pytest.fixture
async def other(database: str) -> AsyncIterator[Connection]:
    """Give a connection as a program beside the migration has it, to a database with some contacts."""
    connection = await postgres.connect(database)
    await fill_contacts(connection)
    yield connection
    await connection.close()
