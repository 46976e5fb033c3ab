"""Lists of contacts over a large base: the first page and one 10,000 rows deep, in each order there is.

Owns asking for them as a caller of the API does, without a network between. Never says what they should hold.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bench.traffic import ACCOUNT
from consumer.infra.telemetry import logs
from tests.web.api_client import serving

if TYPE_CHECKING:
    from bench.servers import Servers

SORTS = ("-score", "-score.support", "-score.purchase", "-score.marketing", "score")
_PAGE = 50
_DEEP = 10_000
_MOST = 200
_TIMES = 200
# Not counted: connections are opened and statements planned.
_WARM_UP = 20


async def lists(servers: Servers, base: str) -> dict[str, list[float]]:
    """Return the milliseconds of each request, sorted, by order and depth."""
    logs.configure("error")
    database = await servers.database(base)
    found: dict[str, list[float]] = {}
    async with serving(servers.dsn(database)) as api, api.as_(ACCOUNT) as client:
        for sort in SORTS:
            cursor: str | None = None
            for depth in ("first", "deep"):
                if depth == "deep":
                    for _ in range(_DEEP // _MOST):
                        page = await client.get("/contacts", params=_asked(sort, cursor, _MOST))
                        cursor = page.json()["next"]
                took = []
                for _ in range(_WARM_UP + _TIMES):
                    began = time.perf_counter()
                    answer = await client.get("/contacts", params=_asked(sort, cursor, _PAGE))
                    took.append(1000 * (time.perf_counter() - began))
                    if len(answer.json()["items"]) != _PAGE:
                        raise RuntimeError(f"a page of {sort} is not full: {answer.text[:300]}")
                found[f"{sort}, {depth}"] = sorted(took[_WARM_UP:])
    await servers.drop(database)
    return found


def _asked(sort: str, cursor: str | None, limit: int) -> dict[str, str]:
    return {"sort": sort, "limit": str(limit)} | ({"cursor": cursor} if cursor else {})
