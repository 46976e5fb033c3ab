"""`engagement erase` on real Postgres."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.__main__ import main
from tests.builders.catalog_documents import definition, document, groups
from tests.builders.events import clock_event
from tests.pipeline import service

if TYPE_CHECKING:
    import pytest

    from consumer.infra.postgres.connection import Connection


async def test_erase_reports_what_went(
    database: str,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It deletes a contact at once, names numbers of rows and what it cannot reach; not without --yes."""
    monkeypatch.setenv("ENGAGEMENT_DATABASE_URL", database)
    async with service.running(database) as worker:
        await worker.apply(document(groups=groups("purchase"), definitions=[definition("won", "deal.won")]))
        await worker.batch([clock_event("10:00"), clock_event("11:00")])

    async def erase(*more: str, contact: str = "ann") -> int:
        arguments = ["erase", "--account", "acme", "--contact", contact, *more]
        return await asyncio.to_thread(main, arguments)

    assert await erase() == 1
    assert "pass --yes" in capsys.readouterr().err
    assert await connection.fetchval("select count(*) from timeline") == 2
    assert await erase("--yes") == 0
    first, _, went, not_reached, *places = capsys.readouterr().out.splitlines()
    assert first.startswith("deleted what is dated before ")
    assert (went, not_reached, len(places)) == ("  2 timeline", "not reached by this service:", 6)
    assert await connection.fetchval("select count(*) from timeline") == 0
    assert await connection.fetchval("select count(*) from contacts where external_id is not null") == 0
    # A repeat, or the deletion of an id that is not known, finds nothing, and says so.
    for contact in ("ann", "nobody"):
        assert await erase("--yes", contact=contact) == 0
        assert "  nothing was kept" in capsys.readouterr().out.splitlines()
    assert await connection.fetchval("select count(*) from contacts where external_id is not null") == 0
    assert await connection.fetchval("select count(*) from contacts") == 2
