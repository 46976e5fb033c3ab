"""Everything that the OpenAPI document allows, and much that it does not, is answered as the document says."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.web.account_events import flush_inbox, happen
from tests.web.api_client import bearer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    import httpx

    from tests.pipeline.service import Service
    from tests.web.api_client import Api

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# For each route and way; many where there is time.
EXAMPLES = 50 if os.environ.get("ENGAGEMENT_TEST_LONG") else 3

GROUPS = [{"key": "purchase", "name": "Purchase", "icon": "cart"}]
DEFINITION = {
    "key": "deal_won",
    "name": "Deal won",
    "group": "purchase",
    "icon": "trophy",
    "default_points": 50,
    "events": ["deal.won"],
    "when": [{"path": "amount", "op": "gte", "value": 99.5}],
    "dedup": {"policy": "cooldown", "interval": "1d"},
}
# What paths and bodies are filled with, so that right requests reach what is there; wrong ones miss it.
THERE = {
    "group": "purchase",
    "definition": "deal_won",
    "profile": "lead_score",
    "contact": "ann",
    "segment": "hot",
    "type": "deal.seen",
    "inbox_type": "deal.seen",
    "version": "1",
}


@pytest.fixture
async def account(api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account that has something of everything."""
    key = await new_account(groups=GROUPS, definitions=[DEFINITION])
    await happen(worker, key, "deal.won", "deal.seen", data='{"amount": 100}')
    await flush_inbox(api, worker)
    async with api.as_(key) as client:
        hot = {"key": "hot", "name": "Hot", "match": {"all": [{"score": {"min": 1}}]}}
        assert (await client.post("/segments", json=hot)).status_code == 201
    return key


async def test_no_request_makes_the_server_fail(api: Api, account: str) -> None:
    """Generated requests to every route, right and wrong ones, get what the document promises and never a 5xx."""
    loop = asyncio.get_running_loop()
    document = json.loads(json.dumps(api.app.openapi()))
    schema = schemathesis.openapi.from_dict(document)

    def call(request: Coroutine[Any, Any, httpx.Response]) -> httpx.Response:
        return asyncio.run_coroutine_threadsafe(request, loop).result(30)

    def work() -> None:
        operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
        assert len(operations) == sum(map(len, document["paths"].values()))
        for operation in operations:
            _try(api, operation, GenerationMode.POSITIVE, {"account": account, **THERE}, call)
            _try(api, operation, GenerationMode.NEGATIVE, {"account": account}, call)

    await asyncio.to_thread(work)


def _try(
    api: Api,
    operation: Any,
    mode: GenerationMode,
    there: dict[str, str],
    call: Callable[[Coroutine[Any, Any, httpx.Response]], httpx.Response],
) -> None:
    names = {parameter.name for parameter in operation.path_parameters}
    fixed = {name: value for name, value in there.items() if name in names}

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode, path_parameters=fixed or None))
    def holds(case: Any) -> None:
        case.path_parameters = {**case.path_parameters, **fixed}
        if isinstance(case.body, dict):
            case.body.update({name: value for name, value in there.items() if name in case.body})
        request = case.as_transport_kwargs(base_url="http://api")
        # A stream of events ends with its token.
        exp = int(time.time()) - 1 if request["url"].endswith("/events") else None
        headers = {**request["headers"], **bearer(there["account"], exp=exp)}
        if "if-match" in {name.lower() for name in request["headers"]}:
            seen = call(api.client.get(_changed(request["url"]), headers=bearer(there["account"])))
            headers |= {"if-match": seen.headers["etag"]} if "etag" in seen.headers else {}
        answer = call(api.client.request(**_httpx({**request, "headers": headers})))
        case.validate_response(answer, checks=CHECKS)

    holds()


def _changed(url: str) -> str:
    """Return the address of what a request to this one changes: of a publish and of a version, the profile."""
    return re.sub(r"(/profiles/[^/]+)/.+", r"\1", url)


def _httpx(request: dict[str, Any]) -> dict[str, Any]:
    """Return what httpx accepts: only what is valid in an HTTP request is sent."""
    return {
        "method": request["method"],
        "url": request["url"],
        "params": request.get("params"),
        "headers": {
            name.lower(): value.encode("latin-1", "ignore") if isinstance(value, str) else value
            for name, value in request["headers"].items()
        },
        "content": json.dumps(request["json"]) if "json" in request else request.get("data"),
    }
