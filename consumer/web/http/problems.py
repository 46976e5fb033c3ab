"""Problem details (RFC 9457): the closed list of problems, and the mapping of exceptions to them.

Never exposes internals: middleware.py logs an unexpected error and answers `internal`.
"""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal

import asyncpg
from pydantic import BaseModel, BeforeValidator
from starlette.exceptions import HTTPException
from starlette.responses import Response

from consumer.catalog.change import StaleRevisionError
from consumer.catalog.model.named_bands import BandInUseError
from consumer.catalog.shut_out_older import OlderProgramsError
from consumer.infra import postgres
from consumer.infra.postgres.schema_version import SchemaVersionError
from consumer.infra.postgres.session import PoolerModeError
from consumer.ingest.backfill.requests import BackfillEndedError, TooManyBackfillsError
from consumer.scoring.identity.requests import (
    AlreadyOneError,
    UnknownContactError,
    UnknownDeletionError,
    UnknownJoinError,
)
from consumer.scoring.profile_publish import (
    NothingToPublishError,
    ProfileArchivedError,
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
from consumer.web.http import request_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:engagement:problem:"
# Seconds after which to retry when the database is unavailable.
_RETRY_AFTER = "2"


class Code(StrEnum):
    """The last part of a problem's `type`."""

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
    TOO_MANY = "too_many"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"


_STATUS = {
    Code.MALFORMED: (400, "Malformed request"),
    Code.UNAUTHENTICATED: (401, "Missing or invalid token"),
    Code.FORBIDDEN: (403, "Permission denied"),
    Code.NOT_FOUND: (404, "Not found"),
    Code.METHOD_NOT_ALLOWED: (405, "Method not allowed"),
    Code.CONFLICT: (409, "Conflict with current state"),
    Code.GONE: (410, "No longer available"),
    Code.STALE: (412, "Revision out of date"),
    Code.TOO_LARGE: (413, "Request too large"),
    Code.INVALID: (422, "Invalid fields"),
    Code.REVISION_MISSING: (428, "Revision required"),
    Code.TOO_MANY: (429, "Too many requests"),
    Code.INTERNAL: (500, "Internal error"),
    Code.UNAVAILABLE: (503, "Temporarily unavailable"),
}
_BY_STATUS = {status: code for code, (status, _) in _STATUS.items()}


def _readable(text: str) -> str:
    """Return a text that can be sent: a field's name may have lone surrogates, which are not UTF-8."""
    return text.encode("utf-8", "replace").decode()


_Readable = Annotated[str, BeforeValidator(_readable)]


class FieldFault(BaseModel, use_attribute_docstrings=True):
    """One invalid part of a request."""

    place: Literal["body", "query", "path", "header"]
    """Which part of the request."""
    field: _Readable
    """The path of the field (`dedup.interval`, `when.0.op`); empty for the whole part."""
    detail: _Readable
    """What is wrong, for display."""


class ProblemDetails(BaseModel, use_attribute_docstrings=True):
    """Problem details (RFC 9457)."""

    type: str
    """`urn:engagement:problem:` and a code of a closed list, by which programs distinguish problems."""
    title: str
    """The same for every problem of a type."""
    status: int
    """The status code of the response."""
    detail: _Readable
    """What happened, for display; it may change between versions."""
    request_id: str | None = None
    """The id of the request, as in the header `X-Request-Id` and in the service's log."""
    errors: list[FieldFault] = []
    """Each invalid field, for the problem `invalid`; absent otherwise."""


class ProblemError(Exception):
    """A request is refused; the message is the `detail` for the client."""

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


# Errors of the layers below; their messages become the `detail`.
_OWN_ERRORS: dict[type[Exception], Code] = {
    PublishRunningError: Code.CONFLICT,
    NothingToPublishError: Code.CONFLICT,
    ProfileArchivedError: Code.CONFLICT,
    PublishNotCancellableError: Code.CONFLICT,
    PreviewRunningError: Code.CONFLICT,
    UnknownProfileError: Code.NOT_FOUND,
    UnknownPublishError: Code.NOT_FOUND,
    UnknownVersionError: Code.NOT_FOUND,
    RejudgementRunningError: Code.CONFLICT,
    RejudgementEndedError: Code.CONFLICT,
    UnknownDefinitionError: Code.NOT_FOUND,
    UnknownRejudgementError: Code.NOT_FOUND,
    UnknownContactError: Code.NOT_FOUND,
    UnknownDeletionError: Code.NOT_FOUND,
    UnknownJoinError: Code.CONFLICT,
    AlreadyOneError: Code.CONFLICT,
    OlderProgramsError: Code.CONFLICT,
    BandInUseError: Code.CONFLICT,
    TooManyBackfillsError: Code.CONFLICT,
    BackfillEndedError: Code.CONFLICT,
}

# Exceptions with a handler. Database errors can be transient or unexpected: `to_problem` decides.
HANDLED: tuple[type[Exception], ...] = (
    ProblemError,
    SchemaVersionError,
    PoolerModeError,
    StaleRevisionError,
    *_OWN_ERRORS,
    HTTPException,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)


def not_found(what: str) -> ProblemError:
    """Return the problem for something that does not exist; `what`: like "definition deal_won"."""
    return ProblemError(Code.NOT_FOUND, f"there is no {what}")


def conflict(detail: str) -> ProblemError:
    """Return the problem for a request that the current state does not allow; the detail says what to do first."""
    return ProblemError(Code.CONFLICT, detail)


def gone(detail: str) -> ProblemError:
    """Return the problem for something that no longer exists, like the version that a cursor pages through."""
    return ProblemError(Code.GONE, detail)


def malformed(detail: str) -> ProblemError:
    """Return the problem for a request that cannot be parsed, like one with a cursor of another list."""
    return ProblemError(Code.MALFORMED, detail)


def invalid(*errors: FieldFault) -> ProblemError:
    """Return the problem for invalid fields."""
    count = len(errors)
    return ProblemError(Code.INVALID, f"the request has {count} error{'' if count == 1 else 's'}", errors)


def body_fault(field: str, detail: str) -> FieldFault:
    """Return the fault of a field of the body."""
    return FieldFault(place="body", field=field, detail=detail)


def query_fault(field: str, detail: str) -> FieldFault:
    """Return the fault of a query parameter."""
    return FieldFault(place="query", field=field, detail=detail)


def problem_response(error: ProblemError) -> Response:
    """Return the HTTP response for a problem."""
    details = problem_details(error)
    return Response(
        details.model_dump_json(exclude_unset=True),
        details.status,
        headers=error.headers,
        media_type=MEDIA_TYPE,
    )


def problem_details(error: ProblemError) -> ProblemDetails:
    """Return the problem details for a problem."""
    status, title = _STATUS[error.code]
    more: dict[str, Any] = {"errors": error.errors} if error.errors else {}
    if (current := request_id.current()) is not None:
        more["request_id"] = current
    return ProblemDetails(
        type=f"{TYPE_PREFIX}{error.code}", title=title, status=status, detail=error.detail, **more
    )


def to_problem(error: Exception) -> ProblemError:
    """Return the problem for an exception; re-raises an unexpected one."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, HTTPException):
        return _from_http(error)
    if code := _OWN_ERRORS.get(type(error)):
        return ProblemError(code, str(error))
    if isinstance(error, StaleRevisionError):
        return ProblemError(
            Code.UNAVAILABLE,
            "the configuration was changed by another request at the same time: try again",
            headers={"Retry-After": "0"},
        )
    # Under another schema, or another mode of a pooler, this process is about to end.
    if isinstance(error, SchemaVersionError | PoolerModeError) or postgres.retry_reason(error) is not None:
        return ProblemError(
            Code.UNAVAILABLE,
            "the database is unavailable or busy: try again",
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
