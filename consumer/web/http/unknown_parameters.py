"""Query parameters that a route does not have: refused, since a misspelt filter would be no filter."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from fastapi import params
from fastapi.dependencies.utils import get_flat_params

from consumer.web.http.problems import FieldFault, query_fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi.dependencies.models import Dependant
    from starlette.requests import Request

# Near names in a fault, faults in an answer, and characters of a name in it.
_SHOWN = 3
_MOST_FAULTS = 100
_MOST_CHARACTERS = 100


def known_to(dependant: Dependant) -> tuple[str, ...]:
    """Return the names of the query parameters of a route, those of its dependencies included."""
    fields = (field for field in get_flat_params(dependant) if isinstance(field.field_info, params.Query))
    return tuple(sorted({field.alias for field in fields}))


def find(request: Request, known: Sequence[str]) -> None:
    """Look for parameters that are not known; `of` returns the faults."""
    unknown = [name for name in request.query_params if name not in known]
    request.state.unknown_parameters = [_fault(name, known) for name in unknown[:_MOST_FAULTS]]


def of(request: Request) -> list[FieldFault]:
    """Return the faults that `find` has found in a request."""
    found: list[FieldFault] = getattr(request.state, "unknown_parameters", [])
    return found


def _fault(name: str, known: Sequence[str]) -> FieldFault:
    name = name[:_MOST_CHARACTERS]
    near = get_close_matches(name, known, n=_SHOWN, cutoff=0.5)
    if near:
        return query_fault(name, f"there is no such parameter: did you mean {' or '.join(near)}?")
    have = f"the parameters here are {', '.join(known)}" if known else "there are none here"
    return query_fault(name, f"there is no such parameter: {have}")
