"""Every kind of error that pydantic knows has a sentence of ours, which continues the name of a field."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic_core import core_schema

from consumer.web.http.validation_faults import shape_faults
from consumer.web.http.validation_messages import known_kinds, sentence


def test_each_kind_has_a_sentence() -> None:
    """A kind that pydantic adds or drops fails here."""
    assert known_kinds() == set(get_args(core_schema.ErrorType))


@pytest.mark.parametrize(
    ("kind", "context", "text"),
    [
        ("string_too_short", {"min_length": 1}, "must not be empty"),
        ("string_too_short", {"min_length": 3}, "must have at least 3 characters"),
        ("too_long", {"max_length": 1}, "must have at most 1 item"),
        ("too_long", {"max_length": 200}, "must have at most 200 items"),
        ("less_than_equal", {"le": 200}, "must be at most 200"),
        ("enum", {"expected": "'always', 'once' or 'cooldown'"}, "must be always, once or cooldown"),
        (
            "string_pattern_mismatch",
            {"pattern": "^[a-z][a-z0-9_]{0,63}$"},
            "must be 1 to 64 lower-case letters",
        ),
        ("string_pattern_mismatch", {"pattern": "^new$"}, "must be text of another form"),
        ("value_error", {"error": ValueError("must not be 0")}, "must not be 0"),
    ],
)
def test_a_sentence_has_the_bound(kind: str, context: dict[str, object], text: str) -> None:
    """Bounds, choices and forms are in the sentence."""
    assert sentence(kind, context).startswith(text)


def test_a_field_is_named_as_it_was_sent() -> None:
    """Names of types, which pydantic puts into the path, are left out; a missing field is named all the same."""
    errors = [
        {"type": "string_type", "loc": ("body", "when", 0, "value", "str"), "msg": ""},
        {
            "type": "bool_type",
            "loc": ("body", "when", 0, "value", "function-after[check(), bool]"),
            "msg": "",
        },
        {"type": "missing", "loc": ("body", "when", 0, "op"), "msg": ""},
        {
            "type": "string_pattern_mismatch",
            "loc": ("body", "weights", "A b", "[key]"),
            "msg": "",
            "ctx": {"pattern": ""},
        },
        {"type": "int_parsing", "loc": ("query", "limit"), "msg": ""},
        {"type": "missing", "loc": ("body",), "msg": ""},
    ]
    found = shape_faults(errors, {"when": [{"value": {}}], "weights": {"A b": 1}})
    assert [(fault.place, fault.field, fault.detail) for fault in found] == [
        ("body", "when.0.value", "must be text or true or false"),
        ("body", "when.0.op", "is missing"),
        ("body", "weights.A b", "must be text of another form"),
        ("query", "limit", "must be a whole number"),
        ("body", "", "is missing"),
    ]
