"""Base class and field types of request bodies: unknown fields and text that Postgres cannot store are refused."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Query
from pydantic import AfterValidator, BaseModel, Field, StrictInt, model_validator

from consumer.catalog.document.fields import MAX_TEXT
from consumer.catalog.document.parse import MOST_POINTS

# Keys of definitions, groups, profiles and segments.
Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
Points = Annotated[StrictInt, Field(ge=-MOST_POINTS, le=MOST_POINTS)]


_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Body(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """The body of a request.

    In a change, a field that can be omitted but not null has a dummy default, by `default_factory`, which is not in
    the OpenAPI document. Use `provided()`, never the default.
    """

    @model_validator(mode="before")
    @classmethod
    def _check_storable(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for name, value in values.items():
                if isinstance(value, str) and not _is_storable(value):
                    raise ValueError(f"{name} must not contain NUL characters or lone surrogates")
        return values

    def provided(self) -> dict[str, Any]:
        """Return the fields that the request has, as JSON values."""
        return self.model_dump(mode="json", exclude_unset=True)


def _is_storable(text: str) -> bool:
    """Return whether Postgres can store a text: it refuses NUL, and lone surrogates are not UTF-8."""
    return "\0" not in text and (text.isascii() or not _LONE_SURROGATE.search(text))


def _storable_text(text: str) -> str:
    if not _is_storable(text):
        raise ValueError("must not contain NUL characters or lone surrogates")
    return text


# A contact's id, as in the `subject` of events.
ContactId = Annotated[Text, AfterValidator(_storable_text)]

# What is searched for: with a letter, digit or sign, since blanks find everything.
SearchText = Annotated[
    str, Query(min_length=1, max_length=MAX_TEXT, pattern=r"\S"), AfterValidator(_storable_text)
]
