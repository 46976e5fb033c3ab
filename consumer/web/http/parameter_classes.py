"""Classes whose fields are the query parameters of a route."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

Parameters = TypeVar("Parameters")


def made_of(parameters: type[Parameters]) -> Callable[..., Coroutine[Any, Any, Parameters]]:
    """Return the dependency that makes the class of a request's parameters.

    FastAPI calls a class, like any function that is no coroutine, in a thread, for each request.
    """

    async def make(**values: Any) -> Parameters:
        return parameters(**values)

    make.__signature__ = inspect.signature(parameters, eval_str=True)  # type: ignore[attr-defined]
    return make
