"""Fixtures for the API: one application and one database for each module, accounts to isolate its tests."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from consumer.infra import postgres
from tests.pipeline import service
from tests.pipeline.service import Service, apply_document
from tests.web.api_client import Api, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from consumer.infra.postgres.connection import Connection

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
async def api(module_database: str) -> AsyncIterator[Api]:
    """Give the API on this module's database."""
    async with serving(module_database) as made:
        yield made


@pytest.fixture
async def observer(module_database: str) -> AsyncIterator[Connection]:
    """Give a connection to this module's database."""
    connection = await postgres.connect(module_database)
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
async def worker(api: Api) -> AsyncIterator[Service]:
    """Give a worker's ingest on this module's database."""
    async with service.running(api.dsn) as running:
        yield running


@pytest.fixture
def new_account(api: Api) -> Callable[..., Awaitable[str]]:
    """Create an account of one's own from sections of a catalog document; returns its key."""

    async def create(**sections: object) -> str:
        key = f"account{next(_numbers)}"
        await apply_document(api.dsn, {"engagement_catalog": 1, "account": key, "name": key, **sections})
        return key

    return create
