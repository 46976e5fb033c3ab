"""Numbers of JSON as they stand: exact, of any size.

Owns the reading of `data` into exact values and the count of digits. Never rounds, never raises for a number
that JSON allows, never takes time that grows faster than the text.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any, Final, cast

import msgspec

_INTEGER_TEXT: Final = 18  # as an int up to here; above that as a Decimal, which is read in linear time
_LARGEST_EXPONENT: Final = 999_999_999_999_999_999  # what decimal can hold
_SMALLEST: Final = "1e-1999999999999999997"


def parse_data(data: str) -> dict[str, Any]:
    """Return the object that `data` of an event is, its numbers exact: int or Decimal, which compare.

    data: of an event that decoding let pass (an object, valid, of depth 64 at most). Of equal names the last
    counts. A number with an exponent beyond ±10^18 becomes the largest or smallest of its sign that a Decimal
    can hold, which compares rightly with all but its like.
    """
    try:
        return _QUICK.decode(data)
    except msgspec.ValidationError:  # an integer of more than 4,300 digits
        return cast("dict[str, Any]", _PATIENT.decode(data.strip(" \t\r\n")))


def digits(number: int | Decimal) -> int:
    """Count the digits of the number written out in full, those after the point too, leading zeros apart."""
    exact = Decimal(number)
    if not exact:
        return 0
    exponent = cast("int", exact.as_tuple().exponent)
    return exact.adjusted() + 1 - min(exponent, 0)


def whole(number: int | Decimal) -> bool:
    """Tell whether the number is an integer, as 60.0 and 6e1 are."""
    if isinstance(number, int):
        return True
    _, coefficient, exponent = number.as_tuple()
    after_point = -cast("int", exponent)
    return after_point <= 0 or not any(coefficient[-after_point:])


def _decimal(text: str) -> Decimal:
    """Return the exact value, or where the exponent is out of decimal's reach the value next to it."""
    try:
        return Decimal(text)
    except InvalidOperation:
        coefficient, _, exponent = text.lower().partition("e")
        sign = "-" if coefficient.startswith("-") else ""
        if not coefficient.strip("-0."):
            return Decimal(sign + "0")
        nearest = _SMALLEST if exponent.startswith("-") else f"9e{_LARGEST_EXPONENT}"
        return Decimal(sign + nearest)


def _integer(text: str) -> int | Decimal:
    """Return the exact value; as an int it would take quadratic time, and be refused above 4,300 digits."""
    return int(text) if len(text) <= _INTEGER_TEXT else _decimal(text)


_QUICK: Final = msgspec.json.Decoder(dict[str, Any], float_hook=_decimal)
_PATIENT: Final = json.JSONDecoder(parse_float=_decimal, parse_int=_integer)
