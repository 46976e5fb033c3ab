"""How the catalog's pages look: axe, both themes, both widths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.console.catalog_account import with_catalog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.console.in_browser import Window
    from tests.pipeline.service import Service
    from tests.web.api_client import Api

    Open = Callable[..., Awaitable[Window]]


@pytest.fixture
async def account(new_account: Callable[..., Awaitable[str]], worker: Service, api: Api) -> str:
    """Name an account with a catalog, events, and a type that nothing takes."""
    return await with_catalog(new_account, worker, api)


async def test_the_catalog_looks_right(window: Open, account: str) -> None:
    """The catalog and a row edited in place have no serious finding, in both themes and at both widths."""
    ann = await window(account)
    await ann.open(f"/console/{account}/catalog")
    assert await ann.looked_at("catalog") == {}
    await ann.page.set_viewport_size({"width": 1440, "height": 900})
    await ann.page.get_by_role("link", name="Edit Big deal won here").click()
    await expect(ann.page.get_by_label("Points")).to_have_value("120")
    assert await ann.looked_at("catalog-in-place") == {}
    assert ann.complaints == []


async def test_pages_of_definitions_look_right(window: Open, account: str, api: Api) -> None:
    """A definition, its forms and the pages of its past have no serious finding."""
    async with api.as_(account, actor="bob@acme.example") as client:
        await client.edit("/definitions/deal_won", {"default_points": 65, "dedup": {"policy": "once"}})
    ann = await window(account)
    for name, path in {
        "definition": "definitions/deal_won",
        "definition-form": "definitions/big_deal/edit",
        "definition-from-inbox": "new?inbox=form.sent",
        "definition-delete": "definitions/deal_lost/delete",
        "definition-rejudge": "definitions/deal_won/rejudge",
        "catalog-inbox": "inbox",
        "catalog-try": "try",
        "group-new": "groups/new",
        "group-delete": "groups/mail/delete",
    }.items():
        await ann.open(f"/console/{account}/catalog/{path}")
        assert await ann.looked_at(name) == {}, name
    assert ann.complaints == []
