"""Accepts usual `data` quickly, by msgspec types made from the models of schemas/events.py. Refuses nothing.

What it does not accept may still be valid: `check_data` decides. msgspec checks fields of text, lists of texts and
booleans; every other field is checked by its own pydantic annotation, so no rule is written twice. A test compares
both ways for all types (tests/unit/test_decode_usual.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast, get_args

import msgspec
from pydantic import ConfigDict, PlainValidator, TypeAdapter, WithJsonSchema

from schemas.events import MODELS, ProductData, Text
from schemas.exact_json import exact_decimal

if TYPE_CHECKING:
    from collections.abc import Callable

# Fields that msgspec checks. A text must not contain U+0000, which is looked for in the whole `data`.
_MSGSPEC_TYPES: Final[tuple[tuple[Any, Any], ...]] = ((Text, str), (list[Text], list[str]), (bool, bool))
_NUL: Final = "\\u0000"


class _Checked:
    """Type of a field that is checked by its annotation; one subclass for each field.

    check: raises ValueError, which msgspec takes for a refusal.
    """

    check: Callable[[Any], object]


def is_surely_valid(kind: str, data: str) -> bool:
    """Return True if `data` is a JSON object that `check_data` accepts; False where that is not known.

    Does not look at its depth.
    """
    if _NUL in data:
        return False
    try:
        _DECODERS.get(kind, _ANY_OBJECT).decode(data)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True


def _decoder(model: type[ProductData]) -> msgspec.json.Decoder[Any]:
    fields = [(name, _type(field.annotation) | None, None) for name, field in model.model_fields.items()]
    struct = msgspec.defstruct(model.__name__, fields, gc=False)
    return msgspec.json.Decoder(struct, dec_hook=_check, float_hook=exact_decimal)


def _type(annotation: Any) -> Any:
    """Return the msgspec type of an optional field."""
    (wanted,) = (each for each in get_args(annotation) if each is not type(None))
    for pydantic_type, msgspec_type in _MSGSPEC_TYPES:
        if wanted == pydantic_type:
            return msgspec_type
    return type("_Field", (_Checked,), {"check": staticmethod(_check_of(wanted))})


def _check_of(annotation: Any) -> Callable[[Any], object]:
    rules = [part for part in get_args(annotation)[1:] if not isinstance(part, WithJsonSchema)]
    if len(rules) == 1 and isinstance(rules[0], PlainValidator):
        return cast(
            "Callable[[Any], object]", rules[0].func
        )  # the way through pydantic takes longer than the check
    return TypeAdapter(annotation, config=ConfigDict(strict=True)).validate_python


def _check(field: type[_Checked], value: Any) -> _Checked:
    field.check(value)
    return field()


class _Object(msgspec.Struct, gc=False):
    """Any JSON object."""


_ANY_OBJECT: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(_Object)
_BY_MODEL: Final = {model: _decoder(model) for model in set(MODELS.values())}
_DECODERS: Final = {kind: _BY_MODEL[model] for kind, model in MODELS.items()}
