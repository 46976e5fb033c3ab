"""No text of a library and no pattern reaches a caller, whatever is wrong with a request."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from consumer.web.http.validation_messages import FORMS
from tests.web.account_events import flush_inbox, happen
from tests.web.api_client import bearer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.pipeline.service import Service
    from tests.web.api_client import Api

GROUPS = [{"key": "purchase", "name": "Purchase", "icon": "cart"}]
WON = {
    "key": "deal_won",
    "name": "Deal won",
    "group": "purchase",
    "icon": "trophy",
    "default_points": 5,
    "events": ["deal.won"],
}
# Wordings of pydantic and names of its types, patterns, Python's words for values and exceptions.
_FOREIGN = re.compile(
    r"input should|should (be|have|match)|valid (string|integer|boolean|number|list|dict|datetime|date|tuple|enum)"
    r"|value error|assertion failed|extra inputs|field required|not permitted|unable to (parse|interpret)|pydantic"
    r"|msgspec|function-|(list|union|constrained|tagged|nullable)[-\[]|\b(dict|str|int|bool|float|NoneType)\b|literal_"
    r"|\[a-z|\^|\{0,|\{1,|\\d|regex|pattern|(string|int|bool|model|list|dict)_(type|parsing)|traceback|\w+Error\b"
    r"|<class|(?-i:\b(None|True|False)\b)",
    re.IGNORECASE,
)
_LEAVES: tuple[Any, ...] = (None, 1.5, "?!", "\ud800", [], {}, "x" * 5_000)


@pytest.fixture(scope="module")
async def account(api: Api, worker: Service) -> str:
    """Name an account with something in it that paths can name."""
    from tests.pipeline.service import apply_document  # noqa: PLC0415

    document = {
        "engagement_catalog": 1,
        "account": "texts",
        "name": "Texts",
        "groups": GROUPS,
        "definitions": [WON],
    }
    await apply_document(api.dsn, document)
    await happen(worker, "texts", "deal.won", "deal.seen")
    await flush_inbox(api, worker)
    return "texts"


async def test_no_body_is_answered_with_foreign_words(api: Api, account: str) -> None:
    """To each route with a body, each field is sent with values of wrong types: every fault is in words of ours."""
    paths = api.app.openapi()["paths"]
    components = api.app.openapi()["components"]["schemas"]
    asked = set()
    for path, operations in paths.items():
        for method, operation in operations.items():
            if "requestBody" not in operation:
                continue
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            for body in _wrong_bodies(schema, components):
                answer = await _send(api, method, path, account, content=json.dumps(body))
                _check(answer.status_code, answer.text, body)
                asked.add((method, path, answer.status_code))
    assert len({(method, path) for method, path, status in asked if status == 422}) > 20


async def test_no_parameter_is_answered_with_foreign_words(api: Api, account: str) -> None:
    """Each query parameter and each part of a path is sent with values that it cannot have."""
    asked = set()
    for path, operations in api.app.openapi()["paths"].items():
        for method, operation in operations.items():
            if path.endswith("/events"):
                continue  # a stream without an end
            names = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
            for value in ("", "?!", "-1", "9" * 30, "2026-13-01", "x" * 3000) if names else ("",):
                answer = await _send(api, method, path, account, params=dict.fromkeys(names, value))
                _check(answer.status_code, answer.text, value)
                asked.add((path, answer.status_code))
    assert len({path for path, status in asked if status == 422}) > 10


@pytest.mark.parametrize(
    "content", [b"{", b"\xff", b"[" * 2000, b"null", b"1", b'"x"', b"", b'{"key": NaN}', b'{"\\ud800": 1}']
)
async def test_no_malformed_body_is_answered_with_foreign_words(
    api: Api, account: str, content: bytes
) -> None:
    """What is not JSON, and what is no object, is 400 or 422, also a name that is no Unicode."""
    path = "/v1/accounts/{account}/definitions"
    answer = await _send(api, "post", path, account, content=content)
    assert answer.status_code in {400, 422}
    _check(answer.status_code, answer.text, content)


def test_every_pattern_has_words(api: Api) -> None:
    """A text of another form is answered with what it has to be, for each pattern in the OpenAPI document."""
    found = set(re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', json.dumps(api.app.openapi())))
    assert {json.loads(pattern) for pattern in found} <= FORMS.keys()
    assert found


async def _send(api: Api, method: str, path: str, account: str, **request: Any) -> Any:
    known = {"account": account, "group": "purchase", "definition": "deal_won", "profile": "lead_score"}
    names = re.findall(r"\{(\w+)\}", path)
    filled = path.format_map(dict.fromkeys(names, "~!") | known)
    token = "*" if filled == "/v1/accounts" else account
    headers = {**bearer(token), "content-type": "application/json", "if-match": '"x"'}
    return await api.client.request(method.upper(), filled, headers=headers, **request)


def _check(status: int, text: str, sent: object) -> None:
    if status < 400:
        return
    assert status < 500, (text, sent)
    problem = json.loads(text)
    for said in (
        problem["detail"],
        *(part for fault in problem.get("errors", ()) for part in fault.values()),
    ):
        # What was sent may be repeated in quotes; it is ours.
        assert not _FOREIGN.search(re.sub(r'"[^"]*"', "", said)), (said, sent)


def _wrong_bodies(schema: dict[str, Any], components: dict[str, Any]) -> Iterator[Any]:
    """Yield bodies in which every field has a wrong value, at every depth."""
    yield from (None, "x", [], 1)
    for leaf in _LEAVES:
        for depth in (1, 4):
            yield _filled(schema, components, leaf, depth)


def _filled(schema: dict[str, Any], components: dict[str, Any], leaf: Any, depth: int) -> Any:
    if "$ref" in schema:
        schema = components[schema["$ref"].rsplit("/", 1)[1]]
    choices = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    if choices:
        return _filled(choices[-1], components, leaf, depth)
    if depth == 0:
        return leaf
    if "properties" in schema:
        filled = {
            name: _filled(each, components, leaf, depth - 1) for name, each in schema["properties"].items()
        }
        return {**filled, "unknown": leaf}
    if schema.get("type") == "array":
        return [_filled(schema.get("items", {}), components, leaf, depth - 1)]
    if isinstance(schema.get("additionalProperties"), dict):
        return {"Not A Key": _filled(schema["additionalProperties"], components, leaf, depth - 1)}
    return leaf
