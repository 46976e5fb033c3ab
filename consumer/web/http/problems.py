"""What is wrong with a request, as RFC 9457 problem details: one shape for every error of the API.

Owns the closed list of problems and their status codes, and the translation of the errors of FastAPI, of catalog
checks, of publishing and of the database into them. Never tells internals: an error that nobody foresaw is logged
by guard.py.
"""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

import asyncpg
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from consumer.catalog.change import StaleRevisionError
from consumer.infra import postgres
from consumer.scoring.profile_publish import (
    NothingToPublishError,
    PublishNotCancellableError,
    PublishRunningError,
    UnknownProfileError,
    UnknownPublishError,
)
from consumer.scoring.profile_publish.preview import PreviewRunningError
from consumer.scoring.profile_publish.versions import UnknownVersionError
from consumer.scoring.rejudgement import (
    RejudgementEndedError,
    RejudgementRunningError,
    UnknownDefinitionError,
    UnknownRejudgementError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fastapi import FastAPI
    from starlette.requests import Request

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:engagement:problem:"
# Seconds after which a database that is away is worth another try.
_RETRY_AFTER = "2"


class Code(StrEnum):
    """Which problem it is: the last part of its `type`."""

    MALFORMED = "malformed"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONFLICT = "conflict"
    GONE = "gone"
    STALE = "stale"
    TOO_LARGE = "too_large"
    INVALID = "invalid"
    REVISION_MISSING = "revision_missing"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"


_STATUS = {
    Code.MALFORMED: (400, "The request cannot be read"),
    Code.UNAUTHENTICATED: (401, "No valid token"),
    Code.FORBIDDEN: (403, "The token does not allow this"),
    Code.NOT_FOUND: (404, "Not found"),
    Code.METHOD_NOT_ALLOWED: (405, "The route does not take this method"),
    Code.CONFLICT: (409, "The state of things does not allow this"),
    Code.GONE: (410, "No longer there"),
    Code.STALE: (412, "Changed by somebody else meanwhile"),
    Code.TOO_LARGE: (413, "The request is too large"),
    Code.INVALID: (422, "Fields are not valid"),
    Code.REVISION_MISSING: (428, "The revision that is to be changed is missing"),
    Code.INTERNAL: (500, "Something went wrong on our side"),
    Code.UNAVAILABLE: (503, "Not available now"),
}
_BY_STATUS = {status: code for code, (status, _) in _STATUS.items()}


class FieldFault(BaseModel, use_attribute_docstrings=True):
    """One thing that is wrong in a request, and where."""

    place: Literal["body", "query", "path", "header"]
    """Which part of the request."""
    field: str
    """Its name, dotted where nested (`dedup.interval`, `when.0.op`); empty for the whole part."""
    detail: str
    """What is wrong, for people."""


class ProblemDetails(BaseModel, use_attribute_docstrings=True):
    """What is wrong (RFC 9457). `errors` has an entry for each field, for problem `invalid`."""

    type: str
    """`urn:engagement:problem:` and one of a closed list, by which programs tell problems apart."""
    title: str
    status: int
    detail: str
    errors: list[FieldFault] = []


class ProblemError(Exception):
    """A request cannot be answered as it is asked; the message says why, for whoever calls."""

    def __init__(
        self,
        code: Code,
        detail: str,
        errors: Iterable[FieldFault] = (),
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = list(errors)
        self.headers = headers


# Of publishing and judging again, each with a message for whoever calls.
_SCORING_ERRORS: dict[type[Exception], Code] = {
    PublishRunningError: Code.CONFLICT,
    NothingToPublishError: Code.CONFLICT,
    PublishNotCancellableError: Code.CONFLICT,
    PreviewRunningError: Code.CONFLICT,
    UnknownProfileError: Code.NOT_FOUND,
    UnknownPublishError: Code.NOT_FOUND,
    UnknownVersionError: Code.NOT_FOUND,
    RejudgementRunningError: Code.CONFLICT,
    RejudgementEndedError: Code.CONFLICT,
    UnknownDefinitionError: Code.NOT_FOUND,
    UnknownRejudgementError: Code.NOT_FOUND,
}

# Those of the database are passing ones, or nobody's foresight: `to_problem` decides.
_HANDLED: tuple[type[Exception], ...] = (
    ProblemError,
    StaleRevisionError,
    *_SCORING_ERRORS,
    HTTPException,
    RequestValidationError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)


def not_found(what: str) -> ProblemError:
    """Return the problem of something that is not there; `what` as in "definition deal_won"."""
    return ProblemError(Code.NOT_FOUND, f"there is no {what}")


def conflict(detail: str) -> ProblemError:
    """Return the problem of what the state of things does not allow; the detail says what to do about it."""
    return ProblemError(Code.CONFLICT, detail)


def gone(detail: str) -> ProblemError:
    """Return the problem of what was there before, as the version that a cursor pages through."""
    return ProblemError(Code.GONE, detail)


def malformed(detail: str) -> ProblemError:
    """Return the problem of a request that cannot be read, as one with a cursor of another list."""
    return ProblemError(Code.MALFORMED, detail)


def invalid(*errors: FieldFault) -> ProblemError:
    """Return the problem of fields that are not valid."""
    count = len(errors)
    return ProblemError(
        Code.INVALID, f"{count} thing{' is' if count == 1 else 's are'} wrong with the request", errors
    )


def body_fault(field: str, detail: str) -> FieldFault:
    """Return what is wrong with a field of the body."""
    return FieldFault(place="body", field=field, detail=detail)


def query_fault(field: str, detail: str) -> FieldFault:
    """Return what is wrong with a parameter of the query."""
    return FieldFault(place="query", field=field, detail=detail)


def problem_response(error: ProblemError) -> JSONResponse:
    """Return the response that tells a problem."""
    details = problem_details(error)
    return JSONResponse(
        details.model_dump(exclude_unset=True), details.status, headers=error.headers, media_type=MEDIA_TYPE
    )


def problem_details(error: ProblemError) -> ProblemDetails:
    """Return what is told of a problem."""
    status, title = _STATUS[error.code]
    errors: dict[str, Any] = {"errors": error.errors} if error.errors else {}
    return ProblemDetails(
        type=f"{TYPE_PREFIX}{error.code}", title=title, status=status, detail=error.detail, **errors
    )


def install(application: FastAPI) -> None:
    """Make the application answer every error that it foresees with problem details."""

    async def respond(request: Request, error: Exception) -> JSONResponse:
        if isinstance(error, RequestValidationError) and isinstance(error.body, bytes):
            sent = request.headers.get("content-type", "none")
            return problem_response(
                malformed(f"the body must be sent with Content-Type: application/json, not {sent}")
            )
        return problem_response(to_problem(error))

    for kind in _HANDLED:
        application.add_exception_handler(kind, respond)


def to_problem(error: Exception) -> ProblemError:
    """Return the problem that an error is; raises the error where it is none that anybody foresaw."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, RequestValidationError):
        return _from_validation(error.errors())
    if isinstance(error, HTTPException):
        return _from_http(error)
    if code := _SCORING_ERRORS.get(type(error)):
        return ProblemError(code, str(error))
    if isinstance(error, StaleRevisionError):
        return ProblemError(
            Code.UNAVAILABLE,
            "the configuration was changed by somebody else at this moment: try again",
            headers={"Retry-After": "0"},
        )
    if postgres.retry_reason(error) is not None:
        return ProblemError(
            Code.UNAVAILABLE,
            "the database cannot do it now: try again",
            headers={"Retry-After": _RETRY_AFTER},
        )
    raise error


def _from_http(error: HTTPException) -> ProblemError:
    code = _BY_STATUS.get(error.status_code)
    if code is None:
        raise error
    detail = str(error.detail)
    if detail == HTTPStatus(error.status_code).phrase:
        detail = {Code.NOT_FOUND: "there is no such route"}.get(code, _STATUS[code][1])
    return ProblemError(code, detail[0].lower() + detail[1:], headers=error.headers)


def _from_validation(errors: Sequence[Any]) -> ProblemError:
    if json_errors := [error for error in errors if error["type"] == "json_invalid"]:
        first = json_errors[0]
        return malformed(f"the body is not JSON: {first['ctx']['error']} at character {first['loc'][-1]}")
    return invalid(*map(_field_fault, errors))


def _field_fault(error: Mapping[str, Any]) -> FieldFault:
    place, *names = error["loc"]
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":
        message = "is missing"
    elif error["type"] == "extra_forbidden":
        message = "there is no such field"
    return FieldFault(
        place=place if place in {"body", "query", "path", "header"} else "body",
        field=".".join(map(str, names)),
        detail=message[0].lower() + message[1:],
    )
