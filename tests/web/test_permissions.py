"""Who may do what, route by route: a table that must name every route there is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from fastapi.routing import iter_route_contexts

from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Permission
from consumer.web.routes import ROUTERS
from tests.web.api_client import Api, bearer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

READ, MANAGE, OPERATE = Permission.READ, Permission.MANAGE, Permission.OPERATE
ACCOUNT = "/v1/accounts/{account}"

# Every route under an account, and the one permission that it asks for. A new route needs a line here.
UNDER_ACCOUNT = {
    ("GET", ACCOUNT): READ,
    ("PATCH", ACCOUNT): OPERATE,
    ("GET", f"{ACCOUNT}/events"): READ,
    ("POST", f"{ACCOUNT}/embeds"): READ,
    ("GET", f"{ACCOUNT}/webhooks"): MANAGE,
    ("POST", f"{ACCOUNT}/webhooks"): MANAGE,
    ("GET", f"{ACCOUNT}/webhooks/{{webhook}}"): MANAGE,
    ("PATCH", f"{ACCOUNT}/webhooks/{{webhook}}"): MANAGE,
    ("DELETE", f"{ACCOUNT}/webhooks/{{webhook}}"): MANAGE,
    ("POST", f"{ACCOUNT}/webhooks/{{webhook}}/rotate-secret"): MANAGE,
    ("POST", f"{ACCOUNT}/webhooks/{{webhook}}/resume"): MANAGE,
    ("POST", f"{ACCOUNT}/webhooks/{{webhook}}/test"): MANAGE,
    ("GET", f"{ACCOUNT}/webhooks/{{webhook}}/deliveries"): MANAGE,
    ("GET", f"{ACCOUNT}/webhooks/{{webhook}}/deliveries/{{delivery}}"): MANAGE,
    ("POST", f"{ACCOUNT}/webhooks/{{webhook}}/deliveries/{{delivery}}/resend"): MANAGE,
    ("GET", f"{ACCOUNT}/tracker-tokens"): MANAGE,
    ("POST", f"{ACCOUNT}/tracker-tokens"): MANAGE,
    ("GET", f"{ACCOUNT}/tracker-tokens/{{token}}"): MANAGE,
    ("PATCH", f"{ACCOUNT}/tracker-tokens/{{token}}"): MANAGE,
    ("DELETE", f"{ACCOUNT}/tracker-tokens/{{token}}"): MANAGE,
    ("POST", f"{ACCOUNT}/tracker-tokens/{{token}}/rotate"): MANAGE,
    ("POST", f"{ACCOUNT}/tracker-tokens/{{token}}/links"): MANAGE,
    ("GET", f"{ACCOUNT}/tracker-tokens/{{token}}/requests"): MANAGE,
    ("GET", f"{ACCOUNT}/purges"): READ,
    ("GET", f"{ACCOUNT}/jobs"): READ,
    ("POST", f"{ACCOUNT}/purges/preview"): OPERATE,
    ("POST", f"{ACCOUNT}/backfills"): MANAGE,
    ("GET", f"{ACCOUNT}/backfills"): READ,
    ("GET", f"{ACCOUNT}/backfills/{{backfill}}"): READ,
    ("POST", f"{ACCOUNT}/backfills/{{backfill}}/cancel"): MANAGE,
    ("GET", f"{ACCOUNT}/icons"): READ,
    ("GET", f"{ACCOUNT}/groups"): READ,
    ("POST", f"{ACCOUNT}/groups"): MANAGE,
    ("GET", f"{ACCOUNT}/groups/{{group}}"): READ,
    ("PATCH", f"{ACCOUNT}/groups/{{group}}"): MANAGE,
    ("DELETE", f"{ACCOUNT}/groups/{{group}}"): MANAGE,
    ("GET", f"{ACCOUNT}/group-order"): READ,
    ("PUT", f"{ACCOUNT}/group-order"): MANAGE,
    ("GET", f"{ACCOUNT}/definitions"): READ,
    ("GET", f"{ACCOUNT}/definition-counts"): READ,
    ("POST", f"{ACCOUNT}/definitions"): MANAGE,
    ("GET", f"{ACCOUNT}/definitions/{{definition}}"): READ,
    ("PATCH", f"{ACCOUNT}/definitions/{{definition}}"): MANAGE,
    ("DELETE", f"{ACCOUNT}/definitions/{{definition}}"): MANAGE,
    ("GET", f"{ACCOUNT}/definitions/{{definition}}/uses"): READ,
    ("GET", f"{ACCOUNT}/groups/{{group}}/uses"): READ,
    ("POST", f"{ACCOUNT}/dedup-example"): READ,
    ("GET", f"{ACCOUNT}/event-samples"): MANAGE,
    ("POST", f"{ACCOUNT}/starting-catalog"): MANAGE,
    ("GET", f"{ACCOUNT}/definition-order"): READ,
    ("PUT", f"{ACCOUNT}/definition-order"): MANAGE,
    ("GET", f"{ACCOUNT}/profiles"): READ,
    ("POST", f"{ACCOUNT}/profiles"): MANAGE,
    ("GET", f"{ACCOUNT}/profiles/{{profile}}"): READ,
    ("PATCH", f"{ACCOUNT}/profiles/{{profile}}"): MANAGE,
    ("DELETE", f"{ACCOUNT}/profiles/{{profile}}"): MANAGE,
    ("GET", f"{ACCOUNT}/profile-order"): READ,
    ("PUT", f"{ACCOUNT}/profile-order"): MANAGE,
    ("GET", f"{ACCOUNT}/profiles/{{profile}}/bands"): READ,
    ("GET", f"{ACCOUNT}/profiles/{{profile}}/distribution"): READ,
    ("GET", f"{ACCOUNT}/primary-profile"): READ,
    ("PUT", f"{ACCOUNT}/primary-profile"): MANAGE,
    ("POST", f"{ACCOUNT}/profiles/{{profile}}/preview"): MANAGE,
    ("POST", f"{ACCOUNT}/profiles/{{profile}}/preview/contacts"): MANAGE,
    ("POST", f"{ACCOUNT}/definitions/{{definition}}/rejudgements/preview"): MANAGE,
    ("POST", f"{ACCOUNT}/definitions/{{definition}}/rejudgements"): MANAGE,
    ("GET", f"{ACCOUNT}/definitions/{{definition}}/rejudgements"): READ,
    ("GET", f"{ACCOUNT}/definitions/{{definition}}/rejudgements/{{rejudgement}}"): READ,
    ("POST", f"{ACCOUNT}/definitions/{{definition}}/rejudgements/{{rejudgement}}/cancel"): MANAGE,
    ("GET", f"{ACCOUNT}/profiles/{{profile}}/publishes"): READ,
    ("POST", f"{ACCOUNT}/profiles/{{profile}}/publishes"): MANAGE,
    ("GET", f"{ACCOUNT}/profiles/{{profile}}/publishes/{{publish}}"): READ,
    ("POST", f"{ACCOUNT}/profiles/{{profile}}/publishes/{{publish}}/cancel"): MANAGE,
    ("GET", f"{ACCOUNT}/profiles/{{profile}}/versions"): READ,
    ("GET", f"{ACCOUNT}/profiles/{{profile}}/versions/{{version}}"): READ,
    ("POST", f"{ACCOUNT}/profiles/{{profile}}/versions/{{version}}/restore"): MANAGE,
    ("GET", f"{ACCOUNT}/profiles/{{profile}}/difference"): READ,
    ("POST", f"{ACCOUNT}/try"): MANAGE,
    ("GET", f"{ACCOUNT}/inbox"): MANAGE,
    ("POST", f"{ACCOUNT}/inbox/definition"): MANAGE,
    ("POST", f"{ACCOUNT}/contacts/{{contact}}/joins"): MANAGE,
    ("POST", f"{ACCOUNT}/contacts/{{contact}}/joins/preview"): MANAGE,
    ("GET", f"{ACCOUNT}/contacts/{{contact}}/joins"): READ,
    ("POST", f"{ACCOUNT}/contacts/{{contact}}/joins/{{join}}/preview"): MANAGE,
    ("GET", f"{ACCOUNT}/contacts/{{contact}}/ids"): READ,
    ("GET", f"{ACCOUNT}/contacts/{{contact}}/xp"): READ,
    ("GET", f"{ACCOUNT}/contacts/{{contact}}/kept"): OPERATE,
    ("DELETE", f"{ACCOUNT}/contacts/{{contact}}/joins/{{join}}"): MANAGE,
    ("GET", f"{ACCOUNT}/contacts/{{contact}}/export"): OPERATE,
    ("DELETE", f"{ACCOUNT}/contacts/{{contact}}"): OPERATE,
    ("GET", f"{ACCOUNT}/deletions/{{deletion}}"): OPERATE,
    ("GET", f"{ACCOUNT}/contacts/{{contact}}/ignored"): READ,
    ("POST", f"{ACCOUNT}/adjustments"): MANAGE,
    ("POST", f"{ACCOUNT}/contacts/{{contact}}/adjustments/{{adjustment}}/undo"): MANAGE,
    ("GET", f"{ACCOUNT}/contacts/{{contact}}/adjustments"): READ,
    ("POST", f"{ACCOUNT}/contacts/{{contact}}/adjustments"): MANAGE,
    ("GET", f"{ACCOUNT}/dead-letters"): OPERATE,
    ("GET", f"{ACCOUNT}/dead-letters/{{dead_letter}}"): OPERATE,
    ("POST", f"{ACCOUNT}/dead-letters/replay"): OPERATE,
    ("POST", f"{ACCOUNT}/dead-letters/discard"): OPERATE,
    ("GET", f"{ACCOUNT}/segments"): READ,
    ("POST", f"{ACCOUNT}/segments"): MANAGE,
    ("POST", f"{ACCOUNT}/segments/count"): READ,
    ("GET", f"{ACCOUNT}/segments/{{segment}}"): READ,
    ("PATCH", f"{ACCOUNT}/segments/{{segment}}"): MANAGE,
    ("DELETE", f"{ACCOUNT}/segments/{{segment}}"): MANAGE,
    ("GET", f"{ACCOUNT}/segment-order"): READ,
    ("PUT", f"{ACCOUNT}/segment-order"): MANAGE,
    ("GET", f"{ACCOUNT}/audit"): MANAGE,
    ("GET", f"{ACCOUNT}/contacts"): READ,
    ("GET", f"{ACCOUNT}/contacts.csv"): READ,
    ("GET", f"{ACCOUNT}/contacts/{{contact}}"): READ,
    ("GET", f"{ACCOUNT}/contacts/{{contact}}/neighbours"): READ,
    ("GET", f"{ACCOUNT}/contacts/{{contact}}/timeline"): READ,
    ("GET", f"{ACCOUNT}/contacts/{{contact}}/timeline.csv"): READ,
    ("GET", f"{ACCOUNT}/contacts/{{contact}}/score"): READ,
    ("GET", f"{ACCOUNT}/contacts/{{contact}}/score/explanation"): READ,
    ("GET", f"{ACCOUNT}/contacts/{{contact}}/score/history"): READ,
    ("POST", f"{ACCOUNT}/scores/lookup"): READ,
}
# Those that are about no one account.
BESIDE_ACCOUNTS = {
    ("GET", "/v1/health"): OPERATE,
    ("GET", "/v1/dead-letters"): OPERATE,
    ("GET", "/v1/dead-letters/{dead_letter}"): OPERATE,
    ("POST", "/v1/dead-letters/replay"): OPERATE,
    ("POST", "/v1/dead-letters/discard"): OPERATE,
    ("GET", "/v1/tracker-requests"): OPERATE,
    ("GET", "/v1/accounts"): OPERATE,
    ("POST", "/v1/accounts"): OPERATE,
}
# Those that need a valid token, whatever it permits.
ANY_TOKEN = {("GET", "/v1/me")}
# Those that need no token.
PUBLIC = {("GET", "/livez"), ("GET", "/readyz"), ("GET", "/metrics"), ("GET", "/openapi.json")} | {
    ("GET", f"/docs{name}") for name in ("", "/start.js", "/swagger-ui.css", "/swagger-ui-bundle.js")
}

_FILLED = {"account": "acme"}


@pytest.fixture(scope="module")
async def acme(api: Api) -> str:
    """Name the account that the table is tried on; with a catalog, so that answers are the same in any order."""
    from tests.pipeline.service import apply_document  # noqa: PLC0415

    groups = [{"key": "deals", "name": "Deals", "icon": "star"}]
    await apply_document(
        api.dsn, {"engagement_catalog": 1, "account": "acme", "name": "Acme", "groups": groups}
    )
    return "acme"


def test_every_route_is_in_the_table(api: Api) -> None:
    """A route that no table names fails here, and so does a line of a route that is gone."""
    assert set(_routes(api)) == {*UNDER_ACCOUNT, *BESIDE_ACCOUNTS, *ANY_TOKEN, *PUBLIC}
    assert {path for _, path in UNDER_ACCOUNT} == {
        path for _, path in UNDER_ACCOUNT if path.startswith(ACCOUNT)
    }


def test_operations_have_names_of_their_own(api: Api) -> None:
    """Each operation has the name of its function, by which generated clients call it; no two have the same."""
    names = [
        operation["operationId"]
        for operations in api.app.openapi()["paths"].values()
        for operation in operations.values()
    ]
    assert "list_definitions" in names
    assert len(names) == len(set(names))


def test_the_document_names_each_permission(api: Api) -> None:
    """The OpenAPI document names for each route the permission of the table."""
    paths = api.app.openapi()["paths"]
    documented = {
        (method.upper(), path): operation["security"]
        for path, operations in paths.items()
        for method, operation in operations.items()
    }
    assert documented == {
        route: [{"bearer": [permission.value]}]
        for route, permission in {**UNDER_ACCOUNT, **BESIDE_ACCOUNTS}.items()
    } | {route: [{"bearer": []}] for route in ANY_TOKEN}


@pytest.mark.parametrize("route", [*UNDER_ACCOUNT, *BESIDE_ACCOUNTS, *ANY_TOKEN], ids=" ".join)
async def test_without_a_token_nothing_is_answered(api: Api, acme: str, route: tuple[str, str]) -> None:
    """No token, and no valid one, is 401, whatever else is wrong with the request."""
    for headers in ({}, {"authorization": "Bearer nonsense"}, {"authorization": "Basic YTpi"}):
        response = await api.client.request(route[0], _filled(route[1], acme), headers=headers)
        assert response.status_code == 401
        assert response.json()["type"] == "urn:engagement:problem:unauthenticated"
        assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("route", [*UNDER_ACCOUNT, *BESIDE_ACCOUNTS], ids=" ".join)
async def test_the_body_is_read_last(api: Api, acme: str, route: tuple[str, str]) -> None:
    """Without a token or the permission, and of another account, nothing of a body is waited for."""

    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        raise AssertionError("the body was read")

    async def status(headers: dict[str, str]) -> int:
        headers |= {"content-type": "application/json"}
        path = _filled(route[1], acme)
        return (await api.client.request(route[0], path, headers=headers, content=body())).status_code

    assert await status({}) == 401
    assert await status(bearer(acme, [])) == 403
    if route in UNDER_ACCOUNT:
        assert await status(bearer("other")) == 404


def test_every_route_is_of_the_class_that_checks_first(api: Api) -> None:
    """Each route under `/v1` has the class by which a token comes before a body, and parameters are known ones."""
    routes = [route for router in ROUTERS for route in router.routes]
    assert [route for route in routes if not isinstance(route, ApiRoute)] == []
    served = [each for each in iter_route_contexts(api.app.routes) if str(each.path).startswith("/v1")]
    assert len(served) == len(routes)


@pytest.mark.parametrize(("route", "permission"), {**UNDER_ACCOUNT, **BESIDE_ACCOUNTS}.items(), ids=str)
async def test_each_route_takes_its_own_permission_and_no_other(
    api: Api, acme: str, route: tuple[str, str], permission: Permission
) -> None:
    """With the permission of the table a request passes, with the two others it is 403."""
    others = [each for each in Permission if each is not permission]
    assert await _status(api, route, bearer(acme, others)) == 403
    assert await _status(api, route, bearer(acme, [permission], exp=_brief())) in {
        200,
        201,
        202,
        404,
        409,
        422,
    }


@pytest.mark.parametrize("route", UNDER_ACCOUNT, ids=" ".join)
async def test_other_accounts_do_not_exist(api: Api, acme: str, route: tuple[str, str]) -> None:
    """An account that exists and is not the token's answers exactly as one that does not exist: 404."""
    answers = []
    for token in ("other", "acme"):
        path = _filled(route[1], acme if token == "other" else "absent")
        headers = {**bearer(token), "x-request-id": "the-same"}
        answers.append(await api.client.request(route[0], path, headers=headers))
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text.replace(acme, "absent") == answers[1].text
    assert await _status(api, route, bearer("*", exp=_brief())) in {200, 202, 404, 409, 422}


def _routes(api: Api) -> Iterator[tuple[str, str]]:
    own = [route for router in ROUTERS for route in router.routes]
    for route in [*api.app.routes, *own]:
        # As the document has it: without the kinds of parameters.
        path = getattr(route, "path_format", None)
        for method in getattr(route, "methods", None) or ():
            if path is not None and method != "HEAD":
                yield method, path


async def _status(api: Api, route: tuple[str, str], headers: dict[str, str]) -> int:
    response = await api.client.request(route[0], _filled(route[1], "acme"), headers=headers)
    return response.status_code


def _brief() -> int:
    """Return when a token expires that is about to: a stream of events ends with it."""
    return int(time.time()) - 1


def _filled(path: str, account: str) -> str:
    """Return a path with its parameters filled in, by things that need not exist."""
    return path.format_map(
        {
            **dict.fromkeys(("definition", "group", "contact", "profile", "segment"), "x"),
            **dict.fromkeys(("publish", "rejudgement", "backfill", "version", "join", "deletion"), "x"),
            **dict.fromkeys(("dead_letter", "adjustment"), "x"),
            **dict.fromkeys(("webhook", "delivery", "token"), "x"),
            "account": account,
        }
    )
