"""What is wrong with a value, in sentences of our own: pydantic's are about its types and about patterns.

A sentence continues the name of a field: `limit must be at most 200`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.catalog.document.fields import ACCOUNT, ACCOUNT_FORM, KEY, KEY_FORM
from consumer.catalog.document.parse_frames import BAND_FORM, BAND_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Sentence = Callable[[Mapping[str, Any]], str]

_LIST_ORDER = rf"^-?(score(\.{KEY.pattern})?|last_event_at)$"
# What a text has to be, by the pattern that it has to match. Each pattern of a route has a line here (a test).
FORMS = {
    f"^{KEY.pattern}$": KEY_FORM,
    f"^{ACCOUNT.pattern}$": ACCOUNT_FORM,
    f"^{BAND_KEY.pattern}$": BAND_FORM,
    _LIST_ORDER: "score, score.GROUP or last_event_at, with - before it for descending order",
    r"\S": "text that is not blank",
}

_DATE = "must be a date like 2026-03-01"
_TIME = "must be a time of day like 14:30"
_INSTANT = "must be a date and time with an offset from UTC, like 2026-03-01T14:30:00Z"
_PERIOD = "must be a duration"
_NUMBER = "must be a number"
_WHOLE = "must be a whole number"
_BOOLEAN = "must be true or false"
_TEXT = "must be text"
_LIST = "must be a list"
_OBJECT = "must be an object"
_UUID = "must be a UUID"
_URL = "must be a URL like https://example.com/path"
_NOT_ACCEPTED = "is not accepted here"

# What is always the same.
_FIXED = {
    "missing": "is missing",
    "extra_forbidden": "there is no such field",
    "none_required": "must be null",
    "finite_number": "must be a finite number",
    "string_unicode": "must be text in Unicode",
    "string_not_ascii": "must be text of ASCII characters",
    "set_item_not_hashable": "must be a list of simple values",
    "date_past": "must be a date in the past",
    "date_future": "must be a date in the future",
    "datetime_past": "must be in the past",
    "datetime_future": "must be in the future",
    "timezone_naive": "must have no offset from UTC",
    "recursion_loop": "is nested in itself",
    "recursion_depth_exceeded": "is nested too deeply",
    "json_invalid": "must be JSON",
    "json_type": "must be JSON",
    "url_too_long": "is too long for a URL",
    "union_tag_not_found": "lacks the field that says which kind it is",
    "union_tag_invalid": "is of no kind that there is",
    "assertion_error": "is not valid",
    "invalid_key": "must have names that are text",
    **dict.fromkeys(("string_type",), _TEXT),
    **dict.fromkeys(("bytes_type", "bytes_invalid_encoding"), _TEXT),
    **dict.fromkeys(("bool_type", "bool_parsing"), _BOOLEAN),
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), _WHOLE),
    **dict.fromkeys(
        (
            "float_type",
            "float_parsing",
            "decimal_type",
            "decimal_parsing",
            "fraction_type",
            "fraction_parsing",
        ),
        _NUMBER,
    ),
    **dict.fromkeys(
        ("decimal_max_digits", "decimal_max_places", "decimal_whole_digits"), "has too many digits"
    ),
    **dict.fromkeys(("complex_type", "complex_str_parsing"), _NUMBER),
    **dict.fromkeys(
        ("list_type", "tuple_type", "set_type", "frozen_set_type", "deque_type", "iterable_type"), _LIST
    ),
    "iteration_error": _LIST,
    **dict.fromkeys(
        ("dict_type", "frozen_dict_type", "ordered_dict_type", "counter_type", "mapping_type"), _OBJECT
    ),
    **dict.fromkeys(
        ("model_type", "model_attributes_type", "dataclass_type", "dataclass_exact_type", "named_tuple_type"),
        _OBJECT,
    ),
    **dict.fromkeys(
        ("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"), _DATE
    ),
    **dict.fromkeys(("time_type", "time_parsing"), _TIME),
    **dict.fromkeys(
        ("datetime_type", "datetime_parsing", "datetime_object_invalid", "datetime_from_date_parsing"),
        _INSTANT,
    ),
    **dict.fromkeys(("timezone_aware", "timezone_offset"), _INSTANT),
    **dict.fromkeys(("time_delta_type", "time_delta_parsing"), _PERIOD),
    **dict.fromkeys(("uuid_type", "uuid_parsing", "uuid_version"), _UUID),
    **dict.fromkeys(("url_type", "url_parsing", "url_syntax_violation"), _URL),
    # Of functions and objects of Python: no body has them.
    **dict.fromkeys(
        (
            *(
                "no_such_attribute",
                "needs_python_object",
                "frozen_field",
                "frozen_instance",
                "get_attribute_error",
            ),
            *("default_factory_not_called", "missing_sentinel_error", "ellipsis_error", "is_instance_of"),
            *(
                "is_subclass_of",
                "callable_type",
                "arguments_type",
                "missing_argument",
                "multiple_argument_values",
            ),
            *(
                "unexpected_keyword_argument",
                "missing_keyword_only_argument",
                "unexpected_positional_argument",
            ),
            "missing_positional_only_argument",
        ),
        _NOT_ACCEPTED,
    ),
}

# What depends on the bound, the choices or the pattern.
_BY_CONTEXT: dict[str, Sentence] = {
    "greater_than": lambda about: f"must be greater than {about['gt']}",
    "greater_than_equal": lambda about: f"must be at least {about['ge']}",
    "less_than": lambda about: f"must be less than {about['lt']}",
    "less_than_equal": lambda about: f"must be at most {about['le']}",
    "multiple_of": lambda about: f"must be a multiple of {about['multiple_of']}",
    "too_short": lambda about: f"must have at least {_count(about['min_length'], 'item')}",
    "too_long": lambda about: f"must have at most {_count(about['max_length'], 'item')}",
    "string_too_short": lambda about: _at_least(about["min_length"]),
    "string_too_long": lambda about: f"must have at most {_count(about['max_length'], 'character')}",
    "bytes_too_short": lambda about: _at_least(about["min_length"]),
    "bytes_too_long": lambda about: f"must have at most {_count(about['max_length'], 'byte')}",
    "string_pattern_mismatch": lambda about: f"must be {FORMS.get(about['pattern'], 'text of another form')}",
    "enum": lambda about: f"must be {_choices(about['expected'])}",
    "literal_error": lambda about: f"must be {_choices(about['expected'])}",
    "url_scheme": lambda about: f"must be a URL that begins with {_choices(about['expected_schemes'])}",
    # Raised by code of this service, in sentences of its own.
    "value_error": lambda about: str(about["error"]),
}


def sentence(kind: str, context: Mapping[str, Any], message: str = "") -> str:
    """Return what is wrong, as a sentence that continues the name of the field.

    kind, context: of an error of pydantic. message: its text, which is ours where the kind is ours
    (PydanticCustomError).
    """
    if kind in _BY_CONTEXT:
        return _BY_CONTEXT[kind](context)
    return _FIXED.get(kind) or message


def known_kinds() -> set[str]:
    """Return the kinds of errors that have a sentence here."""
    return _FIXED.keys() | _BY_CONTEXT.keys()


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _at_least(characters: int) -> str:
    return "must not be empty" if characters == 1 else f"must have at least {characters} characters"


def _choices(expected: str) -> str:
    """Return choices, like "'always', 'once' or 'cooldown'", without the quotes of Python."""
    return expected.replace("'", "")
