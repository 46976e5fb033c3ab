"""Reads and writes JSON with exact numbers of any size, and counts their digits.

It never rounds, never raises for a number that JSON allows, and takes time linear in the length of the text.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any, Final, cast

import msgspec

_INTEGER_TEXT: Final = 18  # longest text read as an int; longer ones as a Decimal, in linear time
_USUAL: Final = 10**_INTEGER_TEXT
_LARGEST_EXPONENT: Final = 999_999_999_999_999_999  # limit of the decimal module
_SMALLEST: Final = "1e-1999999999999999997"


def parse_data(data: str) -> dict[str, Any]:
    """Return the object in `data` of an event, with exact numbers: int or Decimal, which compare with each other.

    data: of an event that decoding accepted (a valid object of depth 64 at most). Of equal names the last counts. A
    number with an exponent beyond ±10^18 becomes the largest or smallest Decimal of its sign, which compares
    correctly with every number but another of these.
    """
    try:
        return _QUICK.decode(data)
    except msgspec.ValidationError:  # an integer of more than 4,300 digits
        return cast("dict[str, Any]", _PATIENT.decode(data.strip(" \t\r\n")))


def exact_json(value: Any) -> str:
    """Return a value, dataclasses and lists of them included, as JSON with exact numbers."""
    return _ENCODER.encode(value).decode()


def digits(number: int | Decimal) -> int:
    """Count the digits of the number written out in full, those after the point included, leading zeros not."""
    exact = Decimal(number)
    if not exact:
        return 0
    exponent = cast("int", exact.as_tuple().exponent)
    return exact.adjusted() + 1 - min(exponent, 0)


def has_more_digits(number: int | Decimal, most: int) -> bool:
    """Return True if the number has more than so many digits; usual ones are not counted, which takes longer."""
    if isinstance(number, Decimal) or -_USUAL < number < _USUAL:
        text = str(number)
        if len(text) <= most and "E" not in text:
            return False
    return digits(number) > most


def whole(number: int | Decimal) -> bool:
    """Return True if the number is an integer, as 60.0 and 6e1 are."""
    if isinstance(number, int):
        return True
    _, coefficient, exponent = number.as_tuple()
    after_point = -cast("int", exponent)
    return after_point <= 0 or not any(coefficient[-after_point:])


def exact_decimal(text: str) -> Decimal:
    """Return the exact value, or the nearest one where the exponent is beyond decimal's limit."""
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
    """Return the exact value: int() takes quadratic time for long texts, and refuses more than 4,300 digits."""
    return int(text) if len(text) <= _INTEGER_TEXT else exact_decimal(text)


_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_QUICK: Final = msgspec.json.Decoder(dict[str, Any], float_hook=exact_decimal)
_PATIENT: Final = json.JSONDecoder(parse_float=exact_decimal, parse_int=_integer)
