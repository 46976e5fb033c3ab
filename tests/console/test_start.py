"""From an empty account to the first hot lead."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from consumer.infra import postgres
from consumer.infra.clock import SystemClock
from consumer.infra.settings import Settings
from consumer.web.console.start import sample_data
from consumer.worker.backfill_jobs import BackfillJobs
from tests.pipeline import service

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.console.console_client import Console
    from tests.console.in_browser import Window
    from tests.web.api_client import Api

READ, MANAGE = "engagement:read", "engagement:manage"


@pytest.fixture
async def bring(api: Api) -> Callable[[], Awaitable[None]]:
    """Give what lets a worker carry out all backfills that have begun."""

    async def carry_out() -> None:
        settings = Settings(database_url=SecretStr(api.dsn), kafka_bootstrap="127.0.0.1:1")
        jobs = BackfillJobs(lambda: postgres.connect(api.dsn), settings, clock=SystemClock(), pause=0)
        while await jobs.round(asyncio.Event()):
            pass
        jobs.close()

    return carry_out


async def test_an_empty_account_begins_with_the_checklist(
    console: Console, new_account: Callable[..., Awaitable[str]]
) -> None:
    """The first page of an account without catalog and contacts is the checklist, of which nothing is done."""
    account = await new_account()
    person = await console.as_(account)
    page = await person.open("/console")
    assert page.url.path == f"/console/{account}/start"
    assert "0 of 7 steps are done" in page.text


async def test_the_starting_catalog_ticks_its_steps(
    console: Console, new_account: Callable[..., Awaitable[str]]
) -> None:
    """Taking the starting catalog ticks groups, definitions and weights; a second time it is refused."""
    account = await new_account()
    person = await console.as_(account)
    await person.open("/console")
    page = await person.submit(f"/console/{account}/start/catalog")
    assert "3 of 7 steps are done" in page.text
    assert "The starting catalog is yours" in page.text
    assert "The starting catalog is yours" not in (await person.open(page.url.path)).text
    again = await person.submit(f"/console/{account}/start/catalog")
    assert again.status_code == 409
    assert "has a catalog of its own" in again.text


async def test_sample_data_comes_counts_and_goes(
    console: Console,
    new_account: Callable[..., Awaitable[str]],
    bring: Callable[[], Awaitable[None]],
    api: Api,
) -> None:
    """All sample events are applied; the contacts have names and points, and are gone after their removal."""
    account = await new_account()
    person = await console.as_(account)
    await person.open("/console")
    await person.submit(f"/console/{account}/start/catalog")
    await person.submit(f"/console/{account}/start/samples")
    await bring()
    client = api.as_(account)
    [backfill] = (await client.get("/backfills")).json()["items"]
    assert backfill["outcomes"] == {"applied": len(sample_data.events(account))}
    page = await person.open(f"/console/{account}/leads")
    assert "Ana Souza" in page.text
    page = await person.open(f"/console/{account}/start")
    assert "5 of 7 steps are done" in page.text
    page = await person.submit(f"/console/{account}/start/samples/remove")
    assert "being removed" in page.text
    await service.carry_out(api.dsn)
    for contact in sample_data.contact_ids():
        assert (await client.get(f"/contacts/{contact}")).status_code == 404


async def test_who_may_not_sees_no_way(console: Console, new_account: Callable[..., Awaitable[str]]) -> None:
    """Without `manage` nothing is offered that would fail; without `operate` no removal is."""
    account = await new_account()
    reader = await console.as_(account, [READ])
    page = await reader.open(f"/console/{account}/start")
    assert "Use the starting catalog" not in page.text
    assert (await reader.submit(f"/console/{account}/start/catalog")).status_code == 403
    manager = await console.as_(account, [READ, MANAGE])
    await manager.open("/console")
    await manager.submit(f"/console/{account}/start/catalog")
    assert (await manager.submit(f"/console/{account}/start/samples/remove")).status_code == 403


async def test_the_checklist_in_the_browser(
    window: Callable[..., Awaitable[Window]], new_account: Callable[..., Awaitable[str]]
) -> None:
    """The checklist passes axe in both themes and at both widths, empty and with a catalog."""
    account = await new_account()
    ann = await window(account)
    await ann.open(f"/console/{account}/start")
    assert await ann.looked_at("start-empty") == {}
    await ann.page.get_by_role("button", name="Use the starting catalog").click()
    await ann.page.get_by_role("status").filter(has_text="is yours").wait_for()
    assert await ann.looked_at("start-catalog") == {}
    assert ann.complaints == []
