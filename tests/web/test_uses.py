"""What names a definition or a group, before it is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.web.account_events import happen
from tests.web.sample_account import GROUPS, OPENED, WON, draft

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api

WINNERS = {
    "key": "winners",
    "name": "Winners",
    "match": {"all": [{"score": {"group": "purchase", "min": 1}}]},
}
CALLERS = {
    "key": "callers",
    "name": "Callers",
    "match": {"all": [{"count": {"definitions": ["deal_won"], "min": 1}}]},
}


async def test_uses_of_a_definition(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """Segments and profiles that have a definition are named, and each reason why it cannot be deleted."""
    account = await new_account(groups=GROUPS, definitions=[WON, OPENED])
    async with api.as_(account) as client:
        await client.post("/segments", json=CALLERS)
        await draft(client, weights={"deal_won": 60})
        before = (await client.get("/definitions/deal_won/uses")).json()
        await happen(worker, account, "deal.won")
        counted = (await client.get("/definitions/deal_won/uses")).json()
        refused = await client.delete(
            "/definitions/deal_won",
            headers={"if-match": (await client.get("/definitions/deal_won")).headers["etag"]},
        )
        missing = await client.get("/definitions/nothing/uses")
    in_the_way = "segments use the definition, change them first: callers"
    assert before == {
        "segments": ["callers"],
        "weights": [{"profile": "lead_score", "own": 60, "published": 50}],
        "counted": False,
        "blocked_by": ["the definition is active: deactivate it first", in_the_way],
    }
    assert counted["counted"]
    assert refused.json()["detail"] == counted["blocked_by"][0]
    assert missing.status_code == 404


async def test_a_definition_without_uses_can_be_deleted(
    api: Api, new_account: Callable[..., Awaitable[str]]
) -> None:
    """Where no reason is named, a deletion succeeds."""
    account = await new_account(groups=GROUPS, definitions=[{**WON, "active": False}])
    async with api.as_(account) as client:
        uses = (await client.get("/definitions/deal_won/uses")).json()
        etag = (await client.get("/definitions/deal_won")).headers["etag"]
        deleted = await client.delete("/definitions/deal_won", headers={"if-match": etag})
    assert uses["blocked_by"] == []
    assert deleted.status_code == 204


async def test_uses_of_a_group(api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]) -> None:
    """Definitions, segments and published profiles of a group are named, and why it cannot be deleted."""
    account = await new_account(groups=GROUPS, definitions=[WON, OPENED])
    await happen(worker, account, "deal.won")
    async with api.as_(account) as client:
        await client.post("/segments", json=WINNERS)
        used = (await client.get("/groups/purchase/uses")).json()
        missing = await client.get("/groups/nothing/uses")
    assert used == {
        "definitions": ["deal_won"],
        "segments": ["winners"],
        "profiles": ["lead_score"],
        "blocked_by": [
            "the group has definitions, move them first: deal_won",
            "segments use the group, change them first: winners",
        ],
    }
    assert missing.status_code == 404
