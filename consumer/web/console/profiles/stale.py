"""A change that came too late: someone else has changed the profile since the page was read."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consumer.web.console.api_client import ApiProblem

# Answered by the page itself, with what was typed; everything else has a page of its own.
_KEPT = {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.CONFLICT}


def is_stale(problem: ApiProblem) -> bool:
    """Return whether the profile was changed meanwhile."""
    return problem.status == HTTPStatus.PRECONDITION_FAILED


def is_kept(problem: ApiProblem) -> bool:
    """Return whether the page is shown again with what was typed."""
    return problem.status in _KEPT
