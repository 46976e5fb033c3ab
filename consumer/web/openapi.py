"""The OpenAPI document, as far as it is not made from the routes by FastAPI.

Owns its description, that every route answers errors with problem details, and that changes need a revision. Never
adds a route.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi

from consumer.web.http.problems import MEDIA_TYPE, ProblemDetails

if TYPE_CHECKING:
    from fastapi import FastAPI

DESCRIPTION = """Accounts, their catalogs, and what became of the events of their contacts.

Every error is an `application/problem+json` object (RFC 9457); `errors` names each field. Lists come in pages:
`next` of one is the `cursor` of the following. What can be changed has a revision (`ETag`, in lists `revision`),
and changes name it in `If-Match`: 428 without, 412 when somebody else was faster."""

_REFERENCE = "#/components/schemas/{model}"


def install(application: FastAPI) -> None:
    """Make the application give this document."""

    def openapi_document() -> dict[str, Any]:
        if application.openapi_schema is None:
            application.openapi_schema = _with_problems(
                get_openapi(
                    title=application.title,
                    version=application.version,
                    description=application.description,
                    routes=application.routes,
                )
            )
        return application.openapi_schema

    application.openapi = openapi_document  # type: ignore[method-assign] # FastAPI's documented way


def _with_problems(document: dict[str, Any]) -> dict[str, Any]:
    schema = ProblemDetails.model_json_schema(ref_template=_REFERENCE)
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update({**schema.pop("$defs"), ProblemDetails.__name__: schema})
    reference = {"$ref": _REFERENCE.format(model=ProblemDetails.__name__)}
    components["responses"] = {
        "Problem": {"description": "A problem.", "content": {MEDIA_TYPE: {"schema": reference}}}
    }
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"]["default"] = {"$ref": "#/components/responses/Problem"}
            for parameter in operation.get("parameters", ()):
                if parameter["name"] == "If-Match":
                    # Not so in the code, where its absence has a problem of its own.
                    parameter |= {"required": True, "schema": {"type": "string"}}
    return document
