"""Limits of an account over HTTP: as for documents, with the field; concurrent requests do not pass together."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from consumer.catalog import DEFAULT_LIMITS
from tests.builders.catalog_documents import definition, groups

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    import httpx

    from tests.web.api_client import Api, Client

SMALL = replace(
    DEFAULT_LIMITS,
    max_definitions=3,
    max_groups=2,
    max_profiles=2,
    max_profile_weights=1,
    max_segments=1,
    max_definition_events=2,
    max_definition_conditions=1,
    max_type_definitions=2,
)
HOT = {"name": "Hot", "match": {"all": [{"score": {"min": 1}}]}}


@pytest.fixture
async def client(api: Api, new_account: Callable[..., Awaitable[str]]) -> AsyncIterator[Client]:
    """Give a client of an account with one group and one definition, under small limits."""
    account = await new_account(groups=groups("purchase"), definitions=[definition("won", "deal.won")])
    api.app.state.limits = SMALL
    async with api.as_(account) as made:
        yield made
    api.app.state.limits = DEFAULT_LIMITS


def _fault(answer: httpx.Response) -> tuple[str, str]:
    """Return field and detail of the only error of a problem."""
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == "urn:engagement:problem:invalid"
    [error] = body["errors"]
    assert error["place"] == "body"
    return error["field"], error["detail"]


async def test_each_limit_is_a_fault_of_its_field(client: Client) -> None:
    """A count above its limit is 422, the field and the limit named, and nothing is stored."""
    assert _fault(await client.post("/definitions", json=definition("a", "x", "y", "z"))) == (
        "events",
        "would have 3 events, more than the limit of 2 (ENGAGEMENT_MAX_DEFINITION_EVENTS)",
    )
    exists = {"path": "amount", "op": "exists"}
    assert _fault(await client.edit("/definitions/won", {"when": [exists, exists]})) == (
        "when",
        "would have 2 conditions, more than the limit of 1 (ENGAGEMENT_MAX_DEFINITION_CONDITIONS)",
    )
    assert _fault(await client.edit("/profiles/lead_score", {"weights": {"won": 1, "lost": 2}})) == (
        "weights",
        "would have 2 own weights, more than the limit of 1 (ENGAGEMENT_MAX_PROFILE_WEIGHTS)",
    )
    for number in (1, 2):
        created = await client.post("/definitions", json=definition(f"more_{number}", "other"))
        assert created.status_code == 201
    assert _fault(await client.post("/definitions", json=definition("fourth", "x"))) == (
        "",
        "the account would have 4 definitions, more than the limit of 3 (ENGAGEMENT_MAX_DEFINITIONS)",
    )
    assert _fault(await client.edit("/definitions/won", {"events": ["deal.won", "other"]})) == (
        "events",
        (
            'event type "other" would have 3 active definitions, more than the limit of 2 '
            "(ENGAGEMENT_MAX_TYPE_DEFINITIONS)"
        ),
    )
    listed = (await client.get("/definitions")).json()["items"]
    assert [(each["key"], each["events"]) for each in listed] == [
        ("won", ["deal.won"]),
        ("more_1", ["other"]),
        ("more_2", ["other"]),
    ]


@pytest.mark.parametrize(
    ("path", "body", "fault"),
    [
        (
            "/groups",
            {"name": "G", "icon": "cart"},
            "the account would have 3 groups, more than the limit of 2 (ENGAGEMENT_MAX_GROUPS)",
        ),
        (
            "/profiles",
            {"name": "P"},
            "the account would have 3 profiles, more than the limit of 2 (ENGAGEMENT_MAX_PROFILES)",
        ),
        (
            "/segments",
            HOT,
            "the account would have 2 segments, more than the limit of 1 (ENGAGEMENT_MAX_SEGMENTS)",
        ),
        (
            "/definitions",
            {"name": "D", "group": "purchase", "icon": "cart", "default_points": 1, "events": ["deal.won"]},
            (
                'event type "deal.won" would have 3 active definitions, more than the limit of 2 '
                "(ENGAGEMENT_MAX_TYPE_DEFINITIONS)"
            ),
        ),
    ],
)
async def test_requests_at_once_do_not_pass_a_limit_together(
    client: Client, path: str, body: dict[str, Any], fault: str
) -> None:
    """Of four requests at once, for the last place, one is carried out; the others meet what it has left."""
    answers = await asyncio.gather(
        *(client.post(path, json={"key": f"k{number}", **body}) for number in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 422, 422, 422]
    assert {_fault(answer)[1] for answer in answers if answer.status_code == 422} == {fault}


async def test_an_account_above_its_limits_keeps_working(api: Api, client: Client) -> None:
    """With every limit lowered below what is there, what raises no count is carried out as before."""
    assert (await client.post("/groups", json=groups("support")[0])).status_code == 201
    body = definition("both", "deal.won", "deal.lost")
    assert (await client.post("/definitions", json=body)).status_code == 201
    assert (await client.post("/segments", json={"key": "hot", **HOT})).status_code == 201
    api.app.state.limits = replace(SMALL, **dict.fromkeys(SMALL.__dataclass_fields__, 1))
    assert (await client.edit("/definitions/both", {"name": "Renamed"})).status_code == 200
    assert (await client.edit("/definitions/both", {"events": ["deal.won", "x"]})).status_code == 200
    assert (await client.edit("/groups/support", {"name": "Renamed"})).status_code == 200
    assert (await client.edit("/segments/hot", {"name": "Renamed"})).status_code == 200
    order = {"keys": ["support", "purchase"]}
    assert (await client.edit("/group-order", order, method="PUT")).status_code == 200
    assert (await client.post("/definitions", json=definition("third", "y"))).status_code == 422
    assert (await client.edit("/segments/hot", {}, method="DELETE")).status_code == 204
