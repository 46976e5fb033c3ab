"""Whatever is wrong is answered with problem details: which problem, which fields, and nothing of the inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import structlog
from fastapi import APIRouter
from pydantic import BaseModel

from consumer.web.http import cursors, problems, seal
from consumer.web.http.cursors import Cursor, Limit
from consumer.web.http.middleware import MAX_BODY_BYTES
from consumer.web.http.problems import Code, ProblemError

if TYPE_CHECKING:
    import httpx

    from tests.web.api_client import Api


class _Inner(BaseModel):
    interval: int


class _Body(BaseModel, extra="forbid"):
    name: str
    dedup: _Inner | None = None


def _routes_of_tests() -> APIRouter:
    router = APIRouter(prefix="/tests", include_in_schema=False)

    @router.post("/body")
    async def take(body: _Body, limit: Limit = 50) -> int:
        return len(body.name) + limit

    @router.get("/page")
    async def page(cursor: Cursor = None, of: str = "all") -> list[Any]:
        return cursors.decode(("tests", of), cursor) or []

    @router.get("/broken")
    async def broken() -> int:
        raise RuntimeError("the password is hunter2")

    @router.get("/codes/{code}")
    async def code(code: Code) -> int:
        raise ProblemError(code, f"this is {code}")

    @router.get("/away")
    async def away() -> int:
        raise ConnectionRefusedError

    return router


@pytest.fixture(scope="module")
async def client(api: Api) -> httpx.AsyncClient:
    """Give the API with routes that go wrong in every way."""
    api.app.include_router(_routes_of_tests())
    return api.client


def _problem(response: httpx.Response, code: Code) -> dict[str, Any]:
    assert response.headers["content-type"] == problems.MEDIA_TYPE
    problem: dict[str, Any] = response.json()
    assert problem["type"] == f"urn:engagement:problem:{code}"
    assert problem["status"] == response.status_code
    assert problem["title"]
    assert problem["detail"]
    return problem


@pytest.mark.parametrize("code", Code)
async def test_every_problem_has_its_shape(client: httpx.AsyncClient, code: Code) -> None:
    """Each problem of the closed list has its type, title, status and detail under its media type."""
    problem = _problem(await client.get(f"/tests/codes/{code}"), code)
    assert problem["detail"] == f"this is {code}"


async def test_each_field_that_is_wrong_is_named(client: httpx.AsyncClient) -> None:
    """Missing, unknown, nested and query fields are all reported at once, each by place and dotted name."""
    body = {"dedup": {"interval": "soon"}, "nme": "x"}
    response = await client.post("/tests/body?limit=500", json=body)
    problem = _problem(response, Code.INVALID)
    assert response.status_code == 422
    assert {(error["place"], error["field"]) for error in problem["errors"]} == {
        ("query", "limit"),
        ("body", "name"),
        ("body", "dedup.interval"),
        ("body", "nme"),
    }
    assert {"place": "body", "field": "name", "detail": "is missing"} in problem["errors"]
    assert problem["detail"] == "the request has 4 errors"


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b'{"name": ' + b"9" * 5000 + b"}"])
async def test_a_body_that_cannot_be_read_is_malformed(client: httpx.AsyncClient, body: bytes) -> None:
    """What is not JSON, or nothing that can be parsed, is 400."""
    response = await client.post("/tests/body", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400
    _problem(response, Code.MALFORMED)


async def test_a_body_needs_the_json_content_type(client: httpx.AsyncClient) -> None:
    """The default content type of curl is refused with the one to send."""
    response = await client.post("/tests/body", data={"name": "x"})
    assert response.status_code == 400
    assert "Content-Type: application/json" in _problem(response, Code.MALFORMED)["detail"]


async def test_a_body_that_is_too_large_is_refused(client: httpx.AsyncClient) -> None:
    """A body over the limit is 413, with a length given and without."""
    for body in (b" " * (MAX_BODY_BYTES + 1), _chunks()):
        response = await client.post(
            "/tests/body", content=body, headers={"content-type": "application/json"}
        )
        assert response.status_code == 413
        _problem(response, Code.TOO_LARGE)


async def _chunks() -> Any:
    for _ in range(20):
        yield b" " * 65_536


async def test_unknown_routes_and_methods_are_problems(client: httpx.AsyncClient) -> None:
    """A route that is not there is 404, a method that it does not take 405 with those that it does."""
    assert _problem(await client.get("/v2"), Code.NOT_FOUND)["detail"] == "there is no such route"
    response = await client.delete("/tests/body")
    _problem(response, Code.METHOD_NOT_ALLOWED)
    assert response.headers["allow"] == "OPTIONS, POST"


async def test_an_unexpected_error_exposes_nothing(client: httpx.AsyncClient) -> None:
    """A defect answers 500 without its message; the log has it, with its traceback."""
    with structlog.testing.capture_logs() as logged:
        response = await client.get("/tests/broken")
    assert response.status_code == 500
    _problem(response, Code.INTERNAL)
    assert "hunter2" not in response.text
    assert [(line["event"], line.get("exc_info")) for line in logged] == [
        ("request failed", True),
        ("request", None),
    ]
    assert logged[1]["status"] == 500


async def test_a_database_that_is_away_is_unavailable(client: httpx.AsyncClient) -> None:
    """An error that passes answers 503, and when to come again."""
    response = await client.get("/tests/away")
    _problem(response, Code.UNAVAILABLE)
    assert response.headers["retry-after"] == "2"


async def test_no_address_may_hold_what_the_database_cannot(client: httpx.AsyncClient) -> None:
    """NUL in path or query is 400."""
    for address in ("/v1/accounts/a%00b", "/tests/page?of=%00"):
        _problem(await client.get(address), Code.MALFORMED)


async def test_cursors_lead_on_and_garbage_does_not(client: httpx.AsyncClient) -> None:
    """A cursor gives back its position for its own list and filters; anything else is 400."""
    seal.bind(seal.Seal(b"salt of tests"))
    position = [12, "ann", None]
    cursor = cursors.encode(("tests", "all"), position)
    assert (await client.get("/tests/page", params={"cursor": cursor})).json() == position
    for params in (
        {"cursor": cursor, "of": "others"},
        {"cursor": cursor[:-1]},
        {"cursor": "é%"},
        {"cursor": ""},
        {"cursor": "A" * 40},
    ):
        _problem(await client.get("/tests/page", params=params), Code.MALFORMED)
