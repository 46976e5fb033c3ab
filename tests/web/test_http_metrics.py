"""Metrics of requests: by route, method and status, with labels that no client can multiply."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.web.api_client import Api


async def _value(api: Api, name: str, **labels: str) -> float:
    text = (await api.client.get("/metrics")).text
    return next(
        (
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == f"engagement_{name}" and sample.labels == labels
        ),
        0.0,
    )


@pytest.fixture
async def account(new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account of one's own."""
    return await new_account()


async def test_requests_are_counted_by_route(api: Api, account: str) -> None:
    """A request counts under the path of its route, whatever the contact, with its method and status."""
    route = "/v1/accounts/{account}/contacts/{contact}"
    labels = {"route": route, "method": "GET", "status": "404"}
    before = await _value(api, "http_requests_total", **labels)
    async with api.as_(account) as client:
        for contact in ("a", "b/c"):
            assert (await client.get(f"/contacts/{contact}")).status_code == 404
    assert await _value(api, "http_requests_total", **labels) == before + 2
    assert await _value(api, "http_request_seconds_count", route=route, method="GET") >= 2
    # The request that reads it is itself in flight.
    assert await _value(api, "http_requests_in_flight") == 1


async def test_what_clients_make_up_has_one_series(api: Api) -> None:
    """Paths that no route has and methods that HTTP does not know are counted together."""
    for number in range(3):
        await api.client.request(f"MADEUP{number}", f"/made/up/{number}")
    assert await _value(api, "http_requests_total", route="none", method="other", status="404") == 3


async def test_the_pool_is_shown(api: Api) -> None:
    """Connections in use and requests that wait are 0 while nothing is asked of the database."""
    text = (await api.client.get("/metrics")).text
    for series in ("pool_connections_in_use", "pool_requests_waiting", "http_connections_open"):
        assert f"engagement_{series} 0.0" in text
