"""What is known about a contact beside its score: its ids, XP of reps, how much is kept, what a split would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.scoring.verify import verify
from tests.builders.catalog_documents import ONCE, definition
from tests.pipeline import service
from tests.web.account_events import flush_inbox, happen
from tests.web.sample_account import GROUPS, WON

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api


@pytest.fixture
async def account(worker: Service, new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account in which ann and bob have won a deal each by rosa, and signed up, which counts once."""
    signed_up = definition("signed_up", "track.signup", dedup=ONCE, group="mail", default_points=5)
    key = await new_account(groups=GROUPS, definitions=[{**WON, "xp": 20}, signed_up], sales=True)
    for contact in ("ann", "bob"):
        await happen(
            worker, key, "deal.won", "track.signup", subject=contact, actorid="rosa", actortype="rep"
        )
    return key


async def _join(api: Api, account: str) -> str:
    async with api.as_(account) as client:
        join: str = (await client.post("/contacts/bob/joins", json={"into": "ann"})).json()["id"]
    await service.carry_out(api.dsn)
    return join


async def test_the_ids_of_a_contact_are_listed_with_their_joins(api: Api, account: str) -> None:
    """A survivor has the ids that were joined to it, whichever of them is asked, page by page."""
    join = await _join(api, account)
    async with api.as_(account) as client:
        for contact in ("ann", "bob"):
            page = (await client.get(f"/contacts/{contact}/ids")).json()
            assert page["id"] == "ann"
            assert [(one["id"], one["join"]["id"], one["join"]["into"]) for one in page["items"]] == [
                ("bob", join, "ann")
            ]
        assert (await client.get("/contacts/nobody/ids")).status_code == 404
        await client.delete(f"/contacts/bob/joins/{join}")
        await service.carry_out(api.dsn)
        assert (await client.get("/contacts/ann/ids")).json()["items"] == []


async def test_pages_of_ids_have_each_once(api: Api, worker: Service, account: str) -> None:
    """Pages of one id each have all ids."""
    await happen(worker, account, "deal.won", subject="cleo")
    async with api.as_(account) as client:
        for contact in ("bob", "cleo"):
            await client.post(f"/contacts/{contact}/joins", json={"into": "ann"})
        await service.carry_out(api.dsn)
        first = (await client.get("/contacts/ann/ids", params={"limit": 1})).json()
        second = (await client.get("/contacts/ann/ids", params={"limit": 1, "cursor": first["next"]})).json()
    assert [one["id"] for page in (first, second) for one in page["items"]] == ["cleo", "bob"]
    assert second["next"] is None


async def test_xp_is_summed_by_actor(api: Api, worker: Service, account: str) -> None:
    """Each actor is listed with the XP that the contact's events gave, those with the most first."""
    await happen(worker, account, "deal.won", "deal.won", subject="ann", actorid="sam", actortype="rep")
    async with api.as_(account) as client:
        items = (await client.get("/contacts/ann/xp")).json()["items"]
    assert [(one["actor"], one["xp"], one["events"]) for one in items] == [("sam", 40, 2), ("rosa", 25, 2)]


async def test_what_is_kept_is_what_a_deletion_takes(api: Api, worker: Service, account: str) -> None:
    """The numbers are those of the report of the deletion that follows."""
    await happen(worker, account, "contact.upserted", subject="ann", data='{"name": "Ann", "owner": "rosa"}')
    await happen(worker, account, "nobody.names_this", subject="ann")
    await flush_inbox(api, worker)
    async with api.as_(account) as client:
        await client.post(
            "/contacts/ann/adjustments",
            json={"group": "mail", "points": 7, "reason": "met", "client_key": "k"},
        )
        kept = (await client.get("/contacts/ann/kept")).json()["kept"]
        report = (await client.delete("/contacts/ann")).headers["location"]
        await service.carry_out(api.dsn)
        taken = (await client.get(report.removeprefix(f"/v1/accounts/{account}"))).json()["taken"]
    assert kept["timeline"] == 2
    assert kept["adjustments"] == 1
    assert kept["ignored_events"] == 1
    assert {name: kept[name] for name in kept if name in taken} == {
        name: taken[name] for name in kept if name in taken
    }


async def test_a_preview_says_what_a_split_would_do_and_changes_nothing(api: Api, account: str) -> None:
    """It has the scores of the union now and of both contacts then, and how many events would begin to count."""
    join = await _join(api, account)
    async with api.as_(account) as client:
        preview = (await client.post(f"/contacts/bob/joins/{join}/preview")).json()
        assert (preview["contact"], preview["into"]) == ("bob", "ann")
        assert (preview["ceasing"], preview["beginning"]) == (0, 1)
        scores = {one["group"]: one for one in preview["profiles"]["lead_score"]}
        assert scores[None] == {"group": None, "contact": 55, "into": 55, "joined": 105}
        assert (await client.get("/contacts/bob")).json()["id"] == "ann"
        assert (await client.post("/contacts/bob/joins/00/preview")).status_code == 409
        assert (await client.delete(f"/contacts/bob/joins/{join}")).status_code == 204
        await service.carry_out(api.dsn)
        assert (await client.get("/contacts/bob")).json()["profiles"][0]["overall"] == 55
    assert (await verify(api.dsn, account=account)).differences == []


async def test_a_timeline_is_filtered_by_actor(api: Api, worker: Service, account: str) -> None:
    """Only what this actor has caused is listed: no adjustment and no line at no time."""
    await happen(worker, account, "deal.won", subject="ann", actorid="sam", actortype="rep")
    async with api.as_(account) as client:
        adjustment = {"group": "mail", "points": 7, "reason": "met", "client_key": "k"}
        await client.post("/contacts/ann/adjustments", json=adjustment)
        for actor, expected in (("sam", 1), ("rosa", 2), ("nobody", 0)):
            items = (await client.get("/contacts/ann/timeline", params={"actor": actor})).json()["items"]
            assert [item["event"]["actor"] for item in items] == [actor] * expected
        assert (await client.get("/contacts/ann/timeline", params={"actor": ""})).status_code == 422
