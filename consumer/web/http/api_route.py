"""The class of all routes of the API: what is checked before the body of a request is read, and in which order.

    token: 401 ─► account: 404 ─► permission: 403 ─► body: 400 ─► body and parameters: 422 ─► the route's function

FastAPI by itself reads and parses the body first, of callers without a token too, and ignores unknown parameters.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute

from consumer.web.http import unknown_parameters
from consumer.web.http.auth import authorize
from consumer.web.http.problems import invalid

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from starlette.requests import Request
    from starlette.responses import Response

    Function = Callable[..., Awaitable[Any]]

_request: ContextVar[Request] = ContextVar("request")


class ApiRoute(APIRoute):
    """A route of the API; routers have it as `route_class`."""

    def __init__(self, path: str, endpoint: Function, **options: Any) -> None:
        super().__init__(path, _refusing_unknown_parameters(endpoint), **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the function that answers a request."""
        answer = super().get_route_handler()
        known = unknown_parameters.known_to(self.dependant)

        async def authorize_and_answer(request: Request) -> Response:
            await authorize(request, self.dependant)
            unknown_parameters.find(request, known)
            token = _request.set(request)
            try:
                return await answer(request)
            finally:
                _request.reset(token)

        return authorize_and_answer


def _refusing_unknown_parameters(function: Function) -> Function:
    """Return the function with a check before it, when all other parts of the request are found valid.

    So a request with unknown parameters and other faults is answered with all of them (validation_faults.py).
    """

    @wraps(function)
    async def checked(*arguments: Any, **parameters: Any) -> Any:
        if faults := unknown_parameters.of(_request.get()):
            raise invalid(*faults)
        return await function(*arguments, **parameters)

    return checked
