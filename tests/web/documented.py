"""Checks every answer in the tests of the API: its status and headers are those that the OpenAPI document lists."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from consumer.web.openapi import operations
from tests.web.api_document import api_document

if TYPE_CHECKING:
    import httpx

_HEADERS = ("ETag", "Location", "Retry-After", "WWW-Authenticate", "X-Request-Id")
_PROBLEM = 400


async def check_documented(response: httpx.Response) -> None:
    """Check one response to a documented operation, as a hook of a client; raises AssertionError."""
    request = response.request
    operation = _operation(request.method.lower(), request.url.raw_path.decode().partition("?")[0])
    if operation is None:
        return
    asked = f"{operation['operationId']} answered {response.status_code}"
    listed = operation["responses"].get(str(response.status_code))
    assert listed is not None, f"{asked}, which the OpenAPI document does not list: {response.headers}"
    if "$ref" in listed:
        name = listed["$ref"].rpartition("/")[2]
        listed = api_document()["components"]["responses"][name]
    sent = {name for name in _HEADERS if name in response.headers}
    described = set(listed.get("headers", ())) & set(_HEADERS)
    assert sent <= described, f"{asked} with {sent}, described are {described}"
    # Problems have some headers only at times.
    assert response.status_code >= _PROBLEM or sent == described, f"{asked} without {described - sent}"


def _operation(method: str, path: str) -> dict[str, Any] | None:
    return next((found for of, pattern, found in _routes() if of == method and pattern.fullmatch(path)), None)


@cache
def _routes() -> list[tuple[str, re.Pattern[str], dict[str, Any]]]:
    return [
        (of, re.compile(_pattern(template)), operation)
        for template, of, operation in operations(api_document())
    ]


def _pattern(template: str) -> str:
    """Return a regular expression for a path; ids of contacts may have slashes."""
    return re.sub(
        r"\\\{(\w+)\\\}", lambda name: ".+" if name[1] == "contact" else "[^/]+", re.escape(template)
    )
