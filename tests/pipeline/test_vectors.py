"""Every vector, through the whole path on real Postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import vectors
from tests.pipeline import service
from tests.pipeline.vector_check import check_vector

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection


@pytest.mark.parametrize(
    "vector",
    vectors.load(),
    ids=lambda vector: vector.name,
)
async def test_vector(vector: vectors.Vector, database: str, connection: Connection) -> None:
    """What the service commits is, to the last number, what follows from semantics.md."""
    async with service.running(database) as worker:
        await check_vector(vector, worker, connection, worker.apply)
