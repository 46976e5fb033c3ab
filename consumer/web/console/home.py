"""`/console`: leads to the account, or lists the accounts that the person may see."""

from __future__ import annotations

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
    return RedirectResponse(visit.url("leads" if visit.can("read") else "health"), 303)


ROUTES = [page("", _home), page("/{account}", _account)]
