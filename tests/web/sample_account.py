"""An account with scores, for tests of profiles: two definitions, two contacts, and publishes brought to their end.

Owns the sample account. Never asserts anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.web.http.outward_ids import PUBLISH
from tests.pipeline import service
from tests.web.account_events import happen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

GROUPS = [
    {"key": "purchase", "name": "Purchase", "icon": "cart"},
    {"key": "mail", "name": "Mail", "icon": "mail"},
]
WON = {
    "key": "deal_won",
    "name": "Deal won",
    "group": "purchase",
    "icon": "trophy",
    "default_points": 50,
    "events": ["deal.won"],
}
OPENED = {
    "key": "email_opened",
    "name": "Email opened",
    "group": "mail",
    "icon": "mail",
    "default_points": 1,
    "events": ["email.opened"],
}


async def scored(worker: Service, new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account in which ann has 50 points by a deal and 2 by mails, and bob 50."""
    account = await new_account(groups=GROUPS, definitions=[WON, OPENED])
    await happen(worker, account, "deal.won", "email.opened", "email.opened")
    await happen(worker, account, "deal.won", subject="bob")
    return account


async def draft(client: Client, profile: str = "lead_score", **body: Any) -> dict[str, Any]:
    """Change a profile's draft and return it."""
    changed = await client.edit(f"/profiles/{profile}", body)
    assert changed.status_code == 200, changed.text
    made: dict[str, Any] = changed.json()
    return made


async def begin(client: httpx.AsyncClient, profile: str = "lead_score") -> httpx.Response:
    """Begin to publish a profile as it is drafted now."""
    seen = await client.get(f"/profiles/{profile}")
    headers = {"if-match": seen.headers["etag"]}
    return await client.post(f"/profiles/{profile}/publishes", headers=headers)


async def finish(api: Api, publish_id: str) -> None:
    """Bring a publish to its end, as a worker does."""
    await service.publish_all(api.dsn, [await api.number(PUBLISH, publish_id)])


async def publish(api: Api, client: httpx.AsyncClient, profile: str = "lead_score") -> str:
    """Publish a profile as it is drafted now, to the end, and return the publish's id."""
    begun = await begin(client, profile)
    assert begun.status_code == 202, begun.text
    publish_id: str = begun.json()["id"]
    await finish(api, publish_id)
    return publish_id
