"""`/console`: leads to the account, and its first page; or lists the accounts that the person may see."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse

from consumer.web.console.api_client import part
from consumer.web.console.page_route import page

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit


async def _home(visit: Visit) -> Response:
    if not visit.sees_all_accounts:
        return RedirectResponse(f"/console/{part(visit.session.claims.account)}", 303)
    accounts = (await visit.api.get("me")).body
    return visit.page("home.html", accounts=accounts["accounts"])


async def _account(visit: Visit) -> Response:
    if not visit.can("read"):
        return RedirectResponse(visit.url("health"), 303)
    groups, contacts = await asyncio.gather(
        visit.api.get("groups", limit=1), visit.api.get("contacts", limit=1, sort="-last_event_at")
    )
    is_empty = not groups.body["items"] or not contacts.body["items"]
    return RedirectResponse(visit.url("start" if is_empty else "leads"), 303)


ROUTES = [page("", _home), page("/{account}", _account)]
