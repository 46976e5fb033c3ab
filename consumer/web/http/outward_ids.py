"""Ids of what the database numbers over all accounts: sealed outside, numbers inside (docs/decisions/0033)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import core_schema

from consumer.web.http import seal
from consumer.web.http.problems import not_found

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

_DIGITS = 18


class PlainNumber(int):
    """A number that a caller has sent as it is: the id of a job from before ids were sealed."""


class OutwardId:
    """Of a field or parameter that is an int: it is sealed in answers, and opened in paths.

    kind: like "publish"; the same number is another text for each kind. was_plain: objects of before may be named
    by their numbers; `is_readable` has to follow.
    """

    def __init__(self, kind: str, *, was_plain: bool = False) -> None:
        self.kind = kind
        self._was_plain = was_plain

    def write(self, number: int) -> str:
        """Return the id of a number."""
        return seal.current().id_of(self.kind, number)

    def read(self, text: str) -> int | None:
        """Return the number of an id; None: it is none of this kind."""
        if self._was_plain and text.isascii() and text.isdecimal() and len(text) <= _DIGITS:
            return PlainNumber(text)
        return seal.current().number_of(self.kind, text)

    def _from_path_or_row(self, value: object) -> int:
        """Return the number of an id in a path, which is text; raises ProblemError (404). Rows have numbers."""
        if isinstance(value, int):
            return value
        number = self.read(str(value))
        if number is None:
            raise not_found(f"{self.kind} {value}")
        return number

    def __get_pydantic_core_schema__(
        self, _source: Any, _handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        written = core_schema.plain_serializer_function_ser_schema(
            self.write, return_schema=core_schema.str_schema()
        )
        return core_schema.no_info_plain_validator_function(self._from_path_or_row, serialization=written)

    def __get_pydantic_json_schema__(
        self, _schema: core_schema.CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string"}


class OutwardIdInBody:
    """Of a field of a request's body that is an int: it is opened there, and a number as such is refused."""

    def __init__(self, of: OutwardId) -> None:
        self._of = of

    def _read(self, value: object) -> int:
        number = self._of.read(value) if isinstance(value, str) else None
        if number is None:
            raise ValueError(f"must be the id of a {self._of.kind}")
        return number

    def __get_pydantic_core_schema__(
        self, _source: Any, _handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(
        self, _schema: core_schema.CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string"}


# Everything that has an id from a sequence of the whole installation.
PUBLISH = OutwardId("publish", was_plain=True)
REJUDGEMENT = OutwardId("rejudgement", was_plain=True)
BACKFILL = OutwardId("backfill", was_plain=True)
PURGE = OutwardId("purge")
ADJUSTMENT = OutwardId("adjustment")
AUDIT_ENTRY = OutwardId("audit entry")
DEAD_LETTER = OutwardId("dead letter")


def is_readable(number: int, requested_at: datetime) -> bool:
    """Return whether a caller may name a job, requested then, like this.

    A plain number is read only where the id was one: who could try numbers would find those of new jobs, and so how
    many there are.
    """
    until = seal.plain_until()
    return not isinstance(number, PlainNumber) or (until is not None and requested_at < until)
