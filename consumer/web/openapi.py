"""Add to the OpenAPI document what FastAPI cannot derive: problem responses, `If-Match` as required."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi

from consumer.web.http.etags import OPTIONAL
from consumer.web.http.problems import MEDIA_TYPE, ProblemDetails

if TYPE_CHECKING:
    from fastapi import FastAPI

DESCRIPTION = """Accounts, their catalogs, and the scores and timelines of their contacts.

Every error is an `application/problem+json` object (RFC 9457); `errors` names each invalid field. Lists are paged:
`next` of a page is the `cursor` of the following one. Everything that can be changed has a revision (the header
`ETag`; `revision` in lists). Changes send it in `If-Match`: 428 if it is missing, 412 if it is out of date.

How much an account may configure is limited by settings (`ENGAGEMENT_MAX_…`): what would exceed a limit is refused
with 422."""

_REFERENCE = "#/components/schemas/{model}"


def install(application: FastAPI) -> None:
    """Make the application serve this document."""

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
                    # Optional in the code, because a missing one has a problem of its own (428).
                    required = not parameter["schema"].get(OPTIONAL)
                    parameter |= {"required": required, "schema": {"type": "string"}}
    return document
