"""Query parameters that a route does not have are refused: a misspelt filter would export everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi.routing import iter_route_contexts

from tests.web.api_client import bearer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.web.api_client import Api, Client


@pytest.fixture
async def account(new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an empty account."""
    return await new_account(groups=[{"key": "purchase", "name": "Purchase", "icon": "cart"}])


@pytest.fixture
def client(api: Api, account: str) -> Client:
    """Give a client of that account."""
    return api.as_(account)


async def test_every_route_refuses_them(api: Api, account: str) -> None:
    """One name that no route has is a fault of each route under /v1, whatever else it checks before its work."""
    routes = [each for each in iter_route_contexts(api.app.routes) if str(each.path).startswith("/v1/")]
    assert len(routes) > 70
    for route in routes:
        path = str(route.path_format).format_map(
            dict.fromkeys(route.param_convertors, "1") | {"account": account}
        )
        for method in route.methods or ():
            answer = await api.client.request(
                method,
                path,
                params={"segmnt_": "hot"},
                headers=bearer("*" if path == "/v1/accounts" else account),
            )
            if answer.status_code == 404:
                continue  # an id in the path that is none
            assert answer.status_code == 422, (method, path, answer.text)
            assert ("query", "segmnt_") in {
                (error["place"], error["field"]) for error in answer.json()["errors"]
            }


async def test_the_nearest_names_are_said(client: Client) -> None:
    """A misspelt name is answered with the known ones nearest, another with all there are."""
    have = "band, change, for, group, max, min, owner, profile, q, segment, sort"
    answer = await client.get("/contacts.csv", params={"segmnt": "hot", "xyz": "1"})
    assert [(error["field"], error["detail"]) for error in answer.json()["errors"]] == [
        ("segmnt", "there is no such parameter: did you mean segment?"),
        ("xyz", f"there is no such parameter: the parameters here are {have}"),
    ]
    answer = await client.get("/icons", params={"a" * 5000: "1"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["detail"] == "there is no such parameter: there are none here"


async def test_they_are_named_beside_other_faults(client: Client) -> None:
    """A request is answered with all of its faults: unknown parameters, wrong ones, and those of the body."""
    answer = await client.get("/contacts", params={"limt": 1, "min": "few"})
    assert {error["field"] for error in answer.json()["errors"]} == {"limt", "min"}
    answer = await client.post("/groups", params={"dry_run": "1"}, json={"key": "x", "icon": "unicorn"})
    assert {(error["place"], error["field"]) for error in answer.json()["errors"]} == {
        ("query", "dry_run"),
        ("body", "name"),
        ("body", "icon"),
    }
    assert [each["key"] for each in (await client.get("/groups")).json()["items"]] == ["purchase"]


async def test_nothing_is_done(client: Client) -> None:
    """A change with an unknown parameter is refused as a whole."""
    body = {"key": "mail", "name": "Mail", "icon": "mail"}
    assert (await client.post("/groups", params={"x": ""}, json=body)).status_code == 422
    assert [each["key"] for each in (await client.get("/groups")).json()["items"]] == ["purchase"]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
async def test_health_takes_any(api: Api, path: str) -> None:
    """Probes of load balancers may add what they like."""
    assert (await api.client.get(path, params={"x": 1})).status_code != 422
