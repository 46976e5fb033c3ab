"""What bodies of requests have in common.

Owns that an unknown field is refused, and text that the database cannot hold. Never knows a field.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, StrictInt, model_validator

from consumer.catalog.document.fields import MAX_TEXT
from consumer.catalog.document.parse import MOST_POINTS

# As definitions, groups and profiles are called.
Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
Points = Annotated[StrictInt, Field(ge=-MOST_POINTS, le=MOST_POINTS)]


class Body(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """The body of a request.

    Of a change, a field that may be left out but not null has a default that nobody reads (`default_factory`, which
    the OpenAPI document does not show): what was given is `provided()`.
    """

    @model_validator(mode="before")
    @classmethod
    def _check_storable(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for name, value in values.items():
                if isinstance(value, str) and not _is_storable(value):
                    raise ValueError(f"{name} must not have NUL characters or halves of surrogate pairs")
        return values

    def provided(self) -> dict[str, Any]:
        """Return the fields that were given, as JSON values."""
        return self.model_dump(mode="json", exclude_unset=True)


def _is_storable(text: str) -> bool:
    """Tell whether Postgres can hold a text: the one it refuses, the other is not UTF-8."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _storable_text(text: str) -> str:
    if not _is_storable(text):
        raise ValueError("must not have NUL characters or halves of surrogate pairs")
    return text


# As contacts are called by their events.
ContactId = Annotated[Text, AfterValidator(_storable_text)]
