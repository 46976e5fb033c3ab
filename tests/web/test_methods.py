"""Methods that no route names: HEAD like GET without its body, OPTIONS, and `Allow` with all methods of a path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fastapi.routing import iter_route_contexts

from tests.web.account_events import happen
from tests.web.api_client import bearer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api

_FILLED = {
    "group": "purchase",
    "definition": "deal_won",
    "profile": "lead_score",
    "contact": "ann",
    "version": "1",
    "segment": "hot",
}
_CHANGING = {"date", "x-request-id", "content-length", "content-encoding"}
GROUPS = [{"key": "purchase", "name": "Purchase", "icon": "cart"}]
WON = {
    "key": "deal_won",
    "name": "Deal won",
    "group": "purchase",
    "icon": "trophy",
    "default_points": 5,
    "events": ["deal.won"],
}


@pytest.fixture
async def account(worker: Service, new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account with a contact."""
    key = await new_account(groups=GROUPS, definitions=[WON])
    await happen(worker, key, "deal.won")
    return key


async def test_head_is_get_without_its_body(api: Api, account: str) -> None:
    """Every route that has GET answers HEAD with the same status and headers, and without a body."""
    routes = [route for route in iter_route_contexts(api.app.routes) if "GET" in (route.methods or ())]
    assert len(routes) > 40
    for route in routes:
        names = dict.fromkeys(route.param_convertors, "absent") | _FILLED | {"account": account}
        path = str(route.path_format).format_map(names)
        query = {"before": "1"} if path.endswith("/difference") else {}
        head = await api.client.head(path, params=query, headers=bearer(account))
        if path.endswith("/events"):
            assert (head.status_code, head.headers["content-type"]) == (
                200,
                "text/event-stream; charset=utf-8",
            )
            continue  # GET would have no end
        get = await api.client.get(path, params=query, headers=bearer(account))
        assert (head.status_code, head.content) == (get.status_code, b""), path
        assert _lasting(head.headers) == _lasting(get.headers), path
        if path == f"/v1/accounts/{account}":
            assert head.headers["content-length"] == get.headers["content-length"]


def _lasting(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in _CHANGING}


async def test_a_head_request_reads_no_whole_file(
    api: Api, account: str, worker: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the headers of a file nothing more of it is read, and its place among the exports is free again."""
    monkeypatch.setattr("consumer.web.api.contacts.contacts._CHUNK", 1)
    for number in range(3):
        await happen(worker, account, "deal.won", subject=f"c{number}")
    for _ in range(3):
        head = await api.client.head(f"/v1/accounts/{account}/contacts.csv", headers=bearer(account))
        assert (head.status_code, head.headers["content-type"]) == (200, "text/csv; charset=utf-8")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/livez", "GET, HEAD, OPTIONS"),
        ("/v1/accounts", "GET, HEAD, OPTIONS, POST"),
        ("/v1/accounts/acme/definitions/x", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("/v1/accounts/acme/try", "OPTIONS, POST"),
        ("/v1/accounts/acme/contacts/x", "DELETE, GET, HEAD, OPTIONS"),
        ("/v1/accounts/acme/contacts/x/adjustments", "DELETE, GET, HEAD, OPTIONS, POST"),
    ],
)
async def test_allow_has_all_methods_of_a_path(api: Api, path: str, allowed: str) -> None:
    """Also those of other routes that the path fits: a 405 and OPTIONS name them, without a token."""
    options = await api.client.options(path)
    assert (options.status_code, options.headers["allow"], options.content) == (204, allowed, b"")
    refused = await api.client.request("QUERY", path)
    assert (refused.status_code, refused.headers["allow"]) == (405, allowed)
    assert refused.json()["type"] == "urn:engagement:problem:method_not_allowed"


async def test_what_is_not_there_has_no_methods(api: Api) -> None:
    """OPTIONS of a path that no route fits is 404."""
    assert (await api.client.options("/v1/nothing")).status_code == 404


async def test_head_without_get_is_refused(api: Api) -> None:
    """HEAD of a path that has no GET is 405."""
    assert (await api.client.head("/v1/accounts/acme/try")).status_code == 405
