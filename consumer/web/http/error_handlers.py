"""Answers expected exceptions with problem details, and OPTIONS; middleware.py answers unexpected ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from consumer.web.http import methods
from consumer.web.http.problems import HANDLED, problem_response, to_problem
from consumer.web.http.validation_faults import validation_problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import FastAPI
    from starlette.requests import Request

    from consumer.web.http.problems import FieldFault

    FurtherChecks = Callable[[Request, RequestValidationError], Awaitable[list[FieldFault]]]

_METHOD_NOT_ALLOWED = 405


def install(application: FastAPI, further_checks: FurtherChecks) -> None:
    """Register the handlers.

    further_checks: returns what else is wrong with a body whose shape has faults, by what is stored.
    """

    async def respond(_request: Request, error: Exception) -> Response:
        return problem_response(to_problem(error))

    async def respond_to_method(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException) or error.status_code != _METHOD_NOT_ALLOWED:
            return await respond(request, error)
        allow = {"Allow": methods.allowed(request.app, request.scope["path"])}
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=allow)
        return problem_response(to_problem(HTTPException(_METHOD_NOT_ALLOWED, headers=allow)))

    async def respond_to_faults(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise TypeError
        return problem_response(validation_problem(request, error, await further_checks(request, error)))

    for kind in HANDLED:
        application.add_exception_handler(kind, respond)
    application.add_exception_handler(HTTPException, respond_to_method)
    application.add_exception_handler(RequestValidationError, respond_to_faults)
