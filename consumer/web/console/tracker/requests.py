"""The last calls of the tracker, as this process has answered them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.api_client import ApiProblem

if TYPE_CHECKING:
    from consumer.web.console.visit import Visit

_CONFLICT: Final = 409


async def read_requests(visit: Visit, path: str) -> dict[str, Any] | None:
    """Return the last requests at a path of the API; None: this process serves no tracker."""
    try:
        found: dict[str, Any] = (await visit.api.get(path)).body
    except ApiProblem as problem:
        if problem.status == _CONFLICT:
            return None
        raise
    return found
