"""Faults of a request from the errors of its validation: each with the field as the caller has sent it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from consumer.web.http import unknown_parameters, validation_messages
from consumer.web.http.problems import FieldFault, ProblemError, invalid, malformed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fastapi.exceptions import RequestValidationError
    from starlette.requests import Request

_PLACES = {"body", "query", "path", "header"}
# A body of 1 MiB has room for a hundred thousand.
_MOST_FAULTS = 1_000


def validation_problem(
    request: Request, error: RequestValidationError, further: Iterable[FieldFault] = ()
) -> ProblemError:
    """Return the problem for a request that is not valid. further: faults of the body that other checks have found.

    A field that has a fault by its shape gets no other.
    """
    if isinstance(error.body, bytes):
        sent = request.headers.get("content-type", "none")
        return malformed(f"the body must be sent with Content-Type: application/json, not {sent}")
    errors = error.errors()[:_MOST_FAULTS]
    for each in errors:
        if each["type"] == "json_invalid":
            return malformed(f"the body is not JSON: {each['ctx']['error']} at character {each['loc'][-1]}")
    found = _by_field(errors, error.body)
    return invalid(
        *unknown_parameters.of(request),
        *_faults(found),
        *(fault for fault in further if (fault.place, fault.field) not in found),
    )


def shape_faults(errors: Sequence[Any], body: Any) -> list[FieldFault]:
    """Return the faults of a request's parts, one for each field.

    errors: as of pydantic. body: as it was parsed.
    """
    return _faults(_by_field(errors, body))


class _Found(NamedTuple):
    """A sentence; of_choice: the field may be one thing or another, and this is about one of them."""

    text: str
    of_choice: bool


_ByField = dict[tuple[str, str], list[_Found]]


def _by_field(errors: Sequence[Any], body: Any) -> _ByField:
    """Return sentences by place and field."""
    found: _ByField = {}
    for error in errors:
        place, *names = error["loc"]
        if place in _PLACES - {"body"}:
            field, of_choice = str(names[0]) if names else "", False
        else:
            field, of_choice = _field_of_body(names, body, absent=error["type"] == "missing")
            place = "body"
        text = validation_messages.sentence(error["type"], error.get("ctx", {}), error["msg"])
        found.setdefault((place, field), []).append(_Found(text, of_choice))
    return found


def _faults(found: _ByField) -> list[FieldFault]:
    return [
        FieldFault(place=place, field=field, detail=_one_sentence(texts))
        for (place, field), texts in found.items()
        if not _is_explained_below(place, field, texts, found)
    ]


def _field_of_body(names: Sequence[str | int], body: Any, *, absent: bool) -> tuple[str, bool]:
    """Return the path of a field, and whether the value may be of several types.

    Where it may, pydantic puts the name of the type into the path: it is left out, as nothing that the body has.
    """
    path: list[str] = []
    value, of_choice = body, False
    for place, name in enumerate(names):
        if _has(value, name):
            value = value[name]
            path.append(str(name))
        elif absent and place == len(names) - 1:
            path.append(str(name))
        else:
            of_choice = True
    return ".".join(path), of_choice


def _has(value: Any, name: str | int) -> bool:
    if isinstance(value, dict):
        return name in value
    return isinstance(value, list) and isinstance(name, int) and 0 <= name < len(value)


def _one_sentence(found: Sequence[_Found]) -> str:
    """Return "must be text or a list" of "must be text" and "must be a list", else the first sentence."""
    texts = list(dict.fromkeys(each.text for each in found))
    start = "must be "
    if len(texts) > 1 and all(text.startswith(start) for text in texts):
        *first, last = (text.removeprefix(start) for text in texts)
        return f"{start}{', '.join(first)} or {last}"
    return texts[0]


def _is_explained_below(place: str, field: str, texts: Sequence[_Found], found: _ByField) -> bool:
    """Return whether a part of the value is faulty, so that the value is one of its choices already."""
    inside = f"{field}." if field else ""
    return all(each.of_choice for each in texts) and any(
        other_place == place and other.startswith(inside) and other != field for other_place, other in found
    )
