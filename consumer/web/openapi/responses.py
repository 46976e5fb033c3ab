"""Responses: the problems that each route can answer, by status, and the headers of its answers.

What can happen follows from the route: its parameters, its body, its method. Only conflicts do not.
"""

from __future__ import annotations

from typing import Any

from consumer.web.http import request_id
from consumer.web.http.problems import (
    MEDIA_TYPE,
    Code,
    FieldFault,
    ProblemDetails,
    ProblemError,
    problem_details,
)
from consumer.web.openapi import parameters

_REFERENCE = "#/components/schemas/{model}"
_UNDER_ACCOUNT = "/v1/accounts/{account}"
# Routes that are about no one thing. All others may be hidden from a token.
_ALWAYS_FOUND = {"/v1/accounts", "/v1/me"}
# FastAPI's description of an answer that has none.
_GENERIC = "Successful Response"

# Changes that no state of the account forbids.
_NEVER_CONFLICTING = {
    "change_account",
    "change_definition_order",
    "change_group_order",
    "change_profile_order",
    "change_segment",
    "change_segment_order",
    "delete_segment",
    "preview_purge",
}
# Reads that the state of the process may forbid, or that of the profile in the path.
_CONFLICTING_READS = {
    "count_bands",
    "list_tracker_requests",
    "list_unknown_tracker_requests",
    "read_distribution",
}
# Answers to changes that name where their progress or result is.
_LOCATED = {
    "begin_backfill",
    "begin_publish",
    "begin_rejudgement",
    "delete_contact",
    "join_contact",
    "test_webhook",
}

# Models of answers with an ETag that do not repeat it in a member `revision`.
_TAGGED = {"OrderAnswer", "PrimaryAnswer"}
# What a route never answers: it is matched by its method.
_PROBLEMS = [code for code in Code if code is not Code.METHOD_NOT_ALLOWED]
# `detail` in the example of a problem; its title where there is none.
_DETAILS = {
    Code.MALFORMED: "the body is not JSON: expecting value at character 1",
    Code.UNAUTHENTICATED: "the Authorization header must have a bearer token",
    Code.FORBIDDEN: "the token lacks the permission engagement:manage",
    Code.NOT_FOUND: "there is no account acme",
    Code.CONFLICT: "the definition is active: deactivate it first",
    Code.GONE: "profile lead_score was published in the meantime: start again without a cursor",
    Code.STALE: "it was changed in the meantime: read it again",
    Code.TOO_LARGE: "the body must have at most 1048576 bytes",
    Code.INVALID: "the request has 1 error",
    Code.REVISION_MISSING: "the If-Match header must name the current revision",
    Code.INTERNAL: "an unexpected error occurred and was logged",
    Code.UNAVAILABLE: "the database is unavailable or busy: try again",
}
_HEADERS: dict[str, dict[str, Any]] = {
    "ETag": {
        "description": "The revision of what is answered, for `If-Match` of a change.",
        "schema": {"type": "string"},
        "example": '"8c5e69bb04d8a6fb"',
    },
    "Location": {
        "description": "Where the progress or the result can be read.",
        "schema": {"type": "string", "format": "uri-reference"},
        "example": "/v1/accounts/acme/profiles/lead_score/publishes/snEgxSpfIaU11TOFPHRZ07ghXhEpS9vu",
    },
    "Engagement-Module": {
        "description": "Whether the account's engagement module is on; while it is off, events have no effect.",
        "schema": {"type": "string", "enum": ["on", "off"]},
        "example": "on",
    },
    request_id.HEADER: {
        "description": "The id of the request, in the service's log too: the client's own, or one that is made.",
        "schema": {"type": "string"},
        "example": "6f1c2b9e3d0a4b579c1e5a7f0d2e8b41",
    },
    "Retry-After": {
        "description": "Seconds after which to try again.",
        "schema": {"type": "integer", "minimum": 0},
        "example": 2,
    },
    "WWW-Authenticate": {
        "description": "The scheme that is expected, and what is wrong with the token.",
        "schema": {"type": "string"},
        "example": 'Bearer error="invalid_token"',
    },
}
# Headers of problems, by status.
_OF_PROBLEMS = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}


def add(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Add to an operation the problems that it can answer, and the headers of its other answers."""
    answers = operation["responses"]
    answers.pop("default", None)
    headers = [request_id.HEADER]
    headers += ["Engagement-Module"] if path.startswith(_UNDER_ACCOUNT) else []
    if operation["operationId"] in _LOCATED:
        headers.append("Location")
    conditional = False
    for status, answer in answers.items():
        if answer["description"] == _GENERIC:
            answer["description"] = _what(status, answer, operation, schemas)
        tagged = ["ETag"] if _has_revision(answer, schemas) else []
        answer.setdefault("headers", {}).update({name: _header(name) for name in [*tagged, *headers]})
        conditional = conditional or (method == "get" and bool(tagged))
    if conditional:
        parameters.add_if_none_match(operation)
        answers["304"] = {
            "description": "What the client has is still current.",
            "headers": {name: _header(name) for name in ["ETag", *headers]},
        }
    for code in _codes(path, method, operation):
        answers[str(_example(code)["status"])] = {"$ref": f"#/components/responses/{_name(code)}"}


def add_components(components: dict[str, Any]) -> None:
    """Add the problems and headers that operations refer to."""
    schema = ProblemDetails.model_json_schema(ref_template=_REFERENCE)
    components["schemas"] |= {**schema.pop("$defs"), ProblemDetails.__name__: schema}
    components["headers"] = _HEADERS
    reference = {"$ref": _REFERENCE.format(model=ProblemDetails.__name__)}
    components["responses"] = {_name(code): _problem_response(code, reference) for code in _PROBLEMS}


def _problem_response(code: Code, schema: dict[str, Any]) -> dict[str, Any]:
    example = _example(code)
    return {
        "description": f"{example['title']} (`{code}`).",
        "headers": {
            name: _header(name) for name in (request_id.HEADER, *_OF_PROBLEMS.get(example["status"], ()))
        },
        "content": {MEDIA_TYPE: {"schema": schema, "example": example}},
    }


def _codes(path: str, method: str, operation: dict[str, Any]) -> list[Code]:
    required = {each["name"] for each in operation.get("parameters", ()) if each["required"]}
    named = {each["name"] for each in operation.get("parameters", ())}
    asked = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}
    name = operation["operationId"]
    conflicting = name in _CONFLICTING_READS if method == "get" else name not in _NEVER_CONFLICTING
    can_happen = {
        Code.NOT_FOUND: path not in _ALWAYS_FOUND,
        # A profile that was never published has no scores to read.
        Code.CONFLICT: conflicting or "profile" in asked,
        Code.GONE: "profile" in asked and not asked.isdisjoint({"cursor", "place"}),
        Code.STALE: "If-Match" in named,
        Code.REVISION_MISSING: "If-Match" in required,
        Code.TOO_LARGE: "requestBody" in operation,
    }
    return [code for code in _PROBLEMS if can_happen.get(code, True)]


def _what(status: str, answer: dict[str, Any], operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    """Return what an answer is: the model's description, or for a file that of the route."""
    if status == "204":
        return "Done; there is no content."
    described: str = schemas.get(_model(answer), operation).get("description", operation["summary"])
    return described.partition("\n")[0]


def _has_revision(answer: dict[str, Any], schemas: dict[str, Any]) -> bool:
    """Return whether an answer has an ETag: it is one object that can be changed."""
    model = _model(answer)
    return model in _TAGGED or "revision" in schemas.get(model, {}).get("properties", {})


def _model(answer: dict[str, Any]) -> str:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _header(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/headers/{name}"}


def _name(code: Code) -> str:
    """Return the name of a problem among the components, like `NotFound`."""
    return "".join(word.capitalize() for word in code.split("_"))


def _example(code: Code) -> dict[str, Any]:
    faults = [FieldFault(place="body", field="name", detail="is missing")] if code is Code.INVALID else []
    title = problem_details(ProblemError(code, "")).title
    detail = _DETAILS.get(code, title[0].lower() + title[1:])
    return problem_details(ProblemError(code, detail, faults)).model_dump(exclude_unset=True)
