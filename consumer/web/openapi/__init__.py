"""The OpenAPI document: what FastAPI derives from routes and models, with what all routes have in common.

    get_openapi ─► parameters ─► responses ─► names ─► examples

Models and routes carry their own descriptions. What many routes share is added here: problems by status, response
headers, path parameters, tags, examples. Never changes what a route does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi

from consumer.web.openapi import examples, names, parameters, responses
from consumer.web.openapi.tags import TAGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

DESCRIPTION = """Accounts, their catalogs, and the scores and timelines of their contacts.

Every error is an `application/problem+json` object (RFC 9457); `errors` names each invalid field. Lists are paged:
`next` of a page is the `cursor` of the following one. Everything that can be changed has a revision (the header
`ETag`; `revision` in lists). Changes send it in `If-Match`: 428 if it is missing, 412 if it is out of date.

How much an account may configure is limited by settings (`ENGAGEMENT_MAX_…`): what would exceed a limit is refused
with 422."""


def install(application: FastAPI) -> None:
    """Make the application serve this document."""

    def openapi_document() -> dict[str, Any]:
        if application.openapi_schema is None:
            application.openapi_schema = _complete(
                get_openapi(
                    title=application.title,
                    version=application.version,
                    description=application.description,
                    routes=application.routes,
                    tags=TAGS,
                    license_info={"name": "Apache License 2.0", "identifier": "Apache-2.0"},
                )
            )
        return application.openapi_schema

    application.openapi = openapi_document  # type: ignore[method-assign] # FastAPI's documented way


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each operation of a document, with its path and method."""
    for path, by_method in document["paths"].items():
        for method, operation in by_method.items():
            yield path, method, operation


def _permissions(operation: dict[str, Any]) -> list[str]:
    return [permission for scheme in operation.get("security", ()) for permission in scheme["bearer"]]


def _complete(document: dict[str, Any]) -> dict[str, Any]:
    for path, method, operation in operations(document):
        parameters.describe(operation)
        responses.add(path, method, operation, document["components"]["schemas"])
        for permission in _permissions(operation):
            operation["description"] += f"\n\nNeeds the permission `{permission}`."
    document["components"]["securitySchemes"]["bearer"]["description"] = (
        "A JWT with the claims `sub`, `account`, `permissions` and `exp`."
    )
    responses.add_components(document["components"])
    names.publish(document)
    examples.add(document)
    return document
