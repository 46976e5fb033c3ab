"""The list of leads: who is hot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.web.sample_account import scored

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.console.console_client import Console
    from tests.console.in_browser import Window
    from tests.pipeline.service import Service


async def test_leads_are_listed_by_score(
    console: Console, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """The first page lists contacts, those with the most points first."""
    account = await scored(worker, new_account)
    person = await console.as_(account)
    page = await person.open("/console")
    assert page.status_code == 200, page.text
    assert page.url.path == f"/console/{account}/leads"
    assert page.text.index(">ann</a>") < page.text.index(">bob</a>")


async def test_the_list_in_the_browser(
    window: Callable[..., Awaitable[Window]],
    worker: Service,
    new_account: Callable[..., Awaitable[str]],
) -> None:
    """The list has no serious finding of axe, in both themes, on a desk and on a phone, and no script complains."""
    account = await scored(worker, new_account)
    ann = await window(account)
    await ann.open(f"/console/{account}/leads")
    assert await ann.looked_at("leads") == {}
    assert ann.complaints == []
