"""Base class and field types of request bodies: unknown fields and text that Postgres cannot store are refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Self

from fastapi import Query
from pydantic import AfterValidator, BaseModel, Field, StrictInt, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from consumer.catalog.document.fields import MAX_TEXT
from consumer.catalog.document.parse import MOST_POINTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import ModelWrapValidatorHandler

# Keys of definitions, groups, profiles and segments.
Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
BandKey = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
_NOT_STORABLE = "must not contain NUL characters or lone surrogates"
Points = Annotated[StrictInt, Field(ge=-MOST_POINTS, le=MOST_POINTS)]


_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Body(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """The body of a request.

    In a change, a field that can be omitted but not null has a dummy default, by `default_factory`, which is not in
    the OpenAPI document. Use `provided()`, never the default.
    """

    @model_validator(mode="wrap")
    @classmethod
    def _check_storable(cls, values: Any, check: ModelWrapValidatorHandler[Self]) -> Self:
        faults = [*_unstorable_fields(values)] if isinstance(values, dict) else []
        if not faults:
            return check(values)
        try:
            check(values)
        except ValidationError as error:
            # All faults at once; only what pydantic gave is given back.
            seen = {fault["loc"] for fault in faults}
            faults += [
                InitErrorDetails(
                    type=each["type"], loc=each["loc"], input=each["input"], ctx=each.get("ctx", {})
                )
                for each in error.errors(include_url=False)
                if each["loc"][:1] not in seen
            ]
        raise ValidationError.from_exception_data(cls.__name__, faults)

    def provided(self) -> dict[str, Any]:
        """Return the fields that the request has, as JSON values."""
        return self.model_dump(mode="json", exclude_unset=True)


def _unstorable_fields(values: dict[str, Any]) -> Iterator[InitErrorDetails]:
    for name, value in values.items():
        if isinstance(value, str) and not is_storable(value):
            yield InitErrorDetails(
                type="value_error", loc=(name,), input=value, ctx={"error": ValueError(_NOT_STORABLE)}
            )


def is_storable(text: str) -> bool:
    """Return whether Postgres can store a text: it refuses NUL, and lone surrogates are not UTF-8."""
    return "\0" not in text and (text.isascii() or not _LONE_SURROGATE.search(text))


def _storable_text(text: str) -> str:
    if not is_storable(text):
        raise ValueError(_NOT_STORABLE)
    return text


# A contact's id, as in the `subject` of events.
ContactId = Annotated[Text, AfterValidator(_storable_text)]

# What is searched for: with a letter, digit or sign, since blanks find everything.
SearchText = Annotated[
    str, Query(min_length=1, max_length=MAX_TEXT, pattern=r"\S"), AfterValidator(_storable_text)
]
