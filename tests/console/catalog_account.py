"""An account with a catalog as people have it: policies and conditions of all kinds, events, and unknown ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.web.account_events import flush_inbox, happen
from tests.web.sample_account import GROUPS, OPENED, WON

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api

BIG: dict[str, Any] = {
    **WON,
    "key": "big_deal",
    "name": "Big deal won",
    "icon": "star",
    "default_points": 120,
    "when": [
        {"path": "amount", "op": "gte", "value": 10_000},
        {"attribute": "actortype", "op": "in", "value": ["rep", "system"]},
    ],
    "dedup": {"policy": "cooldown", "interval": "7d", "per": "object"},
    "xp": 20,
}
LOST = {
    **WON,
    "key": "deal_lost",
    "name": "Deal lost",
    "events": ["deal.lost"],
    "default_points": -5,
    "active": False,
}
DATA = json.dumps({"amount": 12000, "stage": "won", "vip": True, "tags": ["a", "b"]})


async def with_catalog(new_account: Callable[..., Awaitable[str]], worker: Service, api: Api) -> str:
    """Name an account with two groups, four definitions, events, and types that nothing takes."""
    made = await new_account(groups=GROUPS, definitions=[WON, BIG, LOST, OPENED])
    await happen(worker, made, "deal.won", "email.opened", data=DATA, objectid="deal-1", actortype="rep")
    await happen(worker, made, "form.sent", "form.sent", "page.seen", data='{"plan": "pro", "seats": 3}')
    await flush_inbox(api, worker)
    return made
