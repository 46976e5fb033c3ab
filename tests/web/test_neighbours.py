"""The contacts before and after one in a list."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.pipeline.service import apply_document
from tests.web.account_events import happen, record
from tests.web.sample_account import GROUPS, OPENED, WON, draft, publish

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

_ORDERS = [
    {},
    {"sort": "score"},
    {"sort": "-score.mail"},
    {"sort": "-last_event_at"},
    {"sort": "last_event_at", "min": 2, "max": 53},
    {"sort": "-score", "group": "mail", "min": 2},
    {"min": 2, "max": 53},
    {"owner": "rep1"},
    {"q": "c1"},
    {"segment": "mailed"},
]


@pytest.fixture(scope="module")
async def account(worker: Service, api: Api) -> str:
    """Give an account of twenty contacts, several with the same points."""
    document = {"engagement_catalog": 1, "account": "neighbours", "name": "x", "groups": GROUPS}
    await apply_document(api.dsn, {**document, "definitions": [WON, OPENED]})
    chance = random.Random(3)
    for number in range(20):
        contact, owner = f"c{number}", f'{{"owner": "rep{number % 3}"}}'
        await worker.batch([record("neighbours", "contact.upserted", subject=contact, data=owner)])
        types = ["deal.won"] * (number % 2) + ["email.opened"] * chance.randint(0, 4)
        await happen(worker, "neighbours", *types, subject=contact)
    match = {"all": [{"score": {"group": "mail", "min": 1}}]}
    client = api.as_("neighbours")
    body = {"key": "mailed", "name": "Mailed", "match": match}
    assert (await client.post("/segments", json=body)).status_code == 201
    return "neighbours"


async def _listed(client: Client, **filters: Any) -> list[dict[str, Any]]:
    page = await client.get("/contacts", params={**filters, "limit": 200, "places": "true"})
    assert page.status_code == 200, page.text
    items: list[dict[str, Any]] = page.json()["items"]
    return items


async def _beside(client: Client, contact: str, **filters: Any) -> tuple[str | None, str | None]:
    found = await client.get(f"/contacts/{contact}/neighbours", params=filters)
    assert found.status_code == 200, found.text
    sides = (found.json()["previous"], found.json()["next"])
    previous, following = (side and side["id"] for side in sides)
    return previous, following


@pytest.mark.parametrize("filters", _ORDERS, ids=str)
async def test_neighbours_are_those_of_the_list(api: Api, account: str, filters: dict[str, Any]) -> None:
    """By place or without one, the neighbours of each contact of a list are those before and after it there."""
    client = api.as_(account)
    listed = await _listed(client, **filters)
    assert len(listed) > 2
    ids = [None, *(each["id"] for each in listed), None]
    for number, each in enumerate(listed):
        expected = ids[number], ids[number + 2]
        assert await _beside(client, each["id"], **filters, place=each["place"]) == expected
        assert await _beside(client, each["id"], **filters) == expected


@pytest.mark.parametrize("filters", _ORDERS, ids=str)
async def test_pages_lead_back(api: Api, account: str, filters: dict[str, Any]) -> None:
    """From the last page back to the first, each page before another has the same contacts as on the way there."""
    client = api.as_(account)
    way, asked = [], {**filters, "limit": 3}
    while True:
        page = (await client.get("/contacts", params=asked)).json()
        way.append([each["id"] for each in page["items"]])
        if page["next"] is None:
            break
        asked = {**filters, "limit": 3, "cursor": page["next"]}
    assert (len(way) == 1) == (page["previous"] is None)
    back = [way[-1]]
    while page["previous"]:
        page = (
            await client.get("/contacts", params={**filters, "limit": 3, "before": page["previous"]})
        ).json()
        assert page["next"] is not None
        back.insert(0, [each["id"] for each in page["items"]])
    assert [*itertools.chain(*back)] == [*itertools.chain(*way)]
    assert all(back)


async def test_places_lead_on_through_the_whole_list(api: Api, account: str) -> None:
    """The place of a neighbour leads to its own neighbours."""
    client = api.as_(account)
    listed = await _listed(client)
    seen, place = [listed[0]["id"]], listed[0]["place"]
    while True:
        found = await client.get(f"/contacts/{seen[-1]}/neighbours", params={"place": place})
        if (following := found.json()["next"]) is None:
            break
        seen.append(following["id"])
        place = following["place"]
    assert seen == [each["id"] for each in listed]


async def test_a_place_stays_where_it_was(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """A contact that has moved up meanwhile has the neighbours of its place in the list that was read."""
    account = await new_account(groups=GROUPS, definitions=[WON, OPENED])
    for number, contact in enumerate(["low", "middle", "high"]):
        await happen(worker, account, *["email.opened"] * (number + 1), subject=contact)
    client = api.as_(account)
    place = (await _listed(client))[1]["place"]
    await happen(worker, account, "deal.won", subject="middle")
    assert await _beside(client, "middle", place=place) == ("high", "low")
    assert await _beside(client, "middle") == (None, "high")


async def test_a_contact_outside_the_list_has_the_nearest_ones(api: Api, account: str) -> None:
    """A contact that a range no longer includes is followed by the first of those that it includes."""
    client = api.as_(account)
    highest = (await _listed(client))[0]
    inside = await _listed(client, max=10)
    assert await _beside(client, highest["id"], max=10) == (None, inside[0]["id"])


async def test_a_place_of_before_a_publish_is_gone(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """After a publish a place is answered 410, and one of other filters 400."""
    account = await new_account(groups=GROUPS, definitions=[WON, OPENED])
    await happen(worker, account, "deal.won")
    client = api.as_(account)
    place = (await _listed(client))[0]["place"]
    other = await client.get("/contacts/ann/neighbours", params={"place": place, "owner": "x"})
    assert other.status_code == 400
    await draft(client, weights={"deal_won": 7})
    await publish(api, client)
    assert (await client.get("/contacts/ann/neighbours", params={"place": place})).status_code == 410
