"""The schemas: what `data` of the product types may hold, and that every document says what the models say."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

import schemas.__main__ as generator
from consumer.domain.decode import decode
from consumer.domain.model import Event
from schemas.events import MODELS, PRODUCT_TYPES, check_data
from schemas.exact_json import digits, parse_data, whole
from schemas.published import MESSAGES
from schemas.vocabulary import (
    BAND_CHANGED_TOPIC,
    INPUT_TOPICS,
    OUTPUT_TOPICS,
    SCORE_CHANGED_TOPIC,
    XP_CREDITED_TOPIC,
    DeadLetterReason,
)
from tests.golden_examples import Example, load_examples, load_published
from tests.oracle.fields import FIELDS, fit

ASYNCAPI = Path(generator.__file__).parent / "asyncapi.yaml"

# --- data of the product types ----------------------------------------------------------------------------


def test_schemas_name_every_product_type_of_the_contract():
    """The types with a schema, and their fields, are those that the contract lists."""
    assert {kind: set(model.model_fields) for kind, model in MODELS.items()} == {
        kind: set(fields) for kind, fields in FIELDS.items()
    }
    assert tuple(PRODUCT_TYPES) == INPUT_TOPICS


VALUES = st.recursive(
    st.sampled_from(
        [
            *('"a"', '""', '"a\\u0000"', '"2026-03-02T10:00:00Z"', '"2026-03-02"', "true", "false", "null"),
            *("0", "-0", "5", "60.0", "6e1", "60.5", "1e37", "1e38", "-1e38", "1e-400", "0e100", "1e100000"),
            *("9" * 38, "9" * 39, "0." + "1" * 38, "0." + "1" * 39, "1." + "0" * 37, "1." + "0" * 38, "{}"),
        ]
    ),
    lambda inner: st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
    max_leaves=3,
)


@given(kind=st.sampled_from([*sorted(MODELS), "message.other", "track.page"]), draw=st.data())
def test_schemas_agree_with_the_oracle(kind: str, draw: Any):
    """A typed field takes what the plainest reading of the contract takes, and nothing else."""
    names = [*FIELDS.get(kind, {}), "unknown"]
    members = draw.draw(st.lists(st.tuples(st.sampled_from(names), VALUES), max_size=4))
    text = "{" + ", ".join(f'"{name}": {value}' for name, value in members) + "}"
    exact = json.loads(text, parse_int=Decimal, parse_float=Decimal)
    if kind == "contact.merged" and exact.get("into") == "":
        return  # the oracle knows no rule for it; tests/unit/test_decode.py has the example
    assert (check_data(kind, text) is None) == fit(kind, exact)


@pytest.mark.parametrize(
    ("kind", "data", "detail"),
    [
        ("order.placed", '{"amount": "12345"}', "data.amount: found a string, expected a number"),
        ("order.placed", '{"amount": true}', "data.amount: found a boolean, expected a number"),
        (
            "order.placed",
            '{"items": 12345.5}',
            "data.items: found a number with a fraction, expected an integer",
        ),
        ("order.placed", '{"items": [1]}', "data.items: found a list, expected a number"),
        ("order.placed", '{"products": ["a", 12345]}', "data.products.1: found a number, expected a string"),
        ("order.placed", '{"products": {"a": 1}}', "data.products: found an object, expected a list"),
        ("order.placed", '{"products": [null]}', "data.products.0: found null, expected a string"),
        (
            "order.placed",
            '{"currency": "12345\\u0000"}',
            "data.currency: found a string with U+0000, which is not allowed",
        ),
        (
            "order.placed",
            '{"amount": 12345e50}',
            "data.amount: found a number of 55 digits, expected at most 38",
        ),
        ("message.sent", '{"has_attachment": 1}', "data.has_attachment: found a number, expected a boolean"),
        (
            "followup.scheduled",
            '{"due_at": "12345"}',
            "data.due_at: found a string in another form, expected an RFC 3339 time",
        ),
        ("followup.scheduled", '{"due_at": 12345}', "data.due_at: found a number, expected an RFC 3339 time"),
        ("contact.merged", '{"into": ""}', "data.into: found an empty string, expected 1 to 256 characters"),
        (
            "contact.merged",
            f'{{"into": "{"12345" * 52}"}}',
            "data.into: found a string of 260 characters, expected 1 to 256 characters",
        ),
        (
            "contact.merged",
            '{"into": "12345\\n"}',
            "data.into: found a string with a control character, which is not allowed",
        ),
    ],
)
def test_schemas_name_the_field_and_never_the_value(kind: str, data: str, detail: str):
    """The detail is one line: the field, the kind of value found, and the one expected; never the value."""
    assert check_data(kind, data) == detail
    assert "12345" not in detail


# --- exact numbers ----------------------------------------------------------------------------------------


@given(st.decimals(allow_nan=False, allow_infinity=False), st.decimals(allow_nan=False, allow_infinity=False))
def test_schemas_numbers_compare_as_decimals(first: Decimal, second: Decimal):
    """Numbers of `data` compare exactly, however they are written."""
    parsed = parse_data(f'{{"a": {first}, "b": {second}}}')
    assert (parsed["a"] < parsed["b"], parsed["a"] == parsed["b"]) == (first < second, first == second)


def test_schemas_numbers_of_any_size_cost_linear_time():
    """Numbers of 260,000 digits and exponents beyond any machine are read well enough to compare, at once."""
    began = time.perf_counter()
    parsed = parse_data(
        f'{{"a": {"7" * 260_000}, "b": 1e{"9" * 100}, "c": -1e-{"9" * 100}, "d": 0e{"9" * 100}}}'
    )
    assert parsed["a"] == Decimal("7" * 260_000)
    assert parsed["b"] > parsed["a"]
    assert -1 < parsed["c"] < 0
    assert parsed["d"] == 0
    assert time.perf_counter() - began < 1


def test_schemas_parse_data_takes_the_last_of_equal_names_and_tells_types_apart():
    """Of equal names the last counts, booleans stay booleans, and white space around is none of its business."""
    parsed = parse_data(' {"a": 1, "a": true, "b": 1.0, "c": null, "d": "1"}\n')
    assert parsed == {"a": True, "b": Decimal("1.0"), "c": None, "d": "1"}
    assert parsed["a"] is True


@pytest.mark.parametrize(
    ("text", "count", "integer"),
    [
        *(("0", 0, True), ("-0.000", 0, True), ("7", 1, True), ("-12.50", 4, False), ("0.001", 1, False)),
        *(("1e37", 38, True), ("1.5e3", 4, True), ("60.0", 3, True), ("6e1", 2, True), ("0e999", 0, True)),
        *(("10e-1", 2, True), ("1e-9999999999", 1, False)),
    ],
)
def test_schemas_count_digits_written_out_in_full(text: str, count: int, integer: bool):
    """Digits are counted as written out in full, those after the point included, leading zeros apart."""
    assert (digits(Decimal(text)), whole(Decimal(text))) == (count, integer)


# --- documents --------------------------------------------------------------------------------------------


def test_schemas_json_files_are_those_of_the_models():
    """Each file in schemas/json is what `python -m schemas` writes, and there is no other."""
    written = {path.name: path.read_text(encoding="utf-8") for path in generator.FOLDER.iterdir()}
    assert written == generator.documents()


def _short(digits_of: str) -> int:
    # Python refuses to read integers of more than 4,300 digits; none of those here is typed.
    return int(digits_of[:30])


def _good_product_events() -> list[Event]:
    events = [decode(example.record()) for example in load_examples("good")]
    return [event for event in events if isinstance(event, Event) and event.type in MODELS]


def test_schemas_json_takes_the_good_examples():
    """A producer who validates against the JSON Schema of a type may send every good example of it."""
    events = _good_product_events()
    assert len(events) > 20
    for event in events:
        name = next(name for name, model in generator.models().items() if model is MODELS[event.type])
        jsonschema.Draft202012Validator(json.loads(generator.documents()[name])).validate(
            json.loads(event.data, parse_int=_short)
        )


SCORE_CHANGED = {
    "specversion": "1.0",
    "id": "1:acme:lead_score:ann:17",
    "source": "/engagement",
    "type": "engagement.score.changed",
    "time": "2026-03-02T10:00:00.000001Z",
    "subject": "ann",
    "accountid": "acme",
    "datacontenttype": "application/json",
    "data": {
        "profile": "lead_score",
        "profile_version": 3,
        "version": 17,
        "causes": ["events"],
        "overall": {"previous": 40, "current": 55},
        "groups": {"purchase": {"previous": 20, "current": 35}, "support": {"previous": 20, "current": 20}},
        "events": [
            {
                "id": "evt-1",
                "source": "/crm",
                "type": "deal.won",
                "occurred_at": "2026-03-02T10:00:00Z",
                "definition": "deal_won",
                "verdict": "counted",
                "points": 15,
            }
        ],
        "event_count": 1,
    },
}
XP_CREDITED = SCORE_CHANGED | {
    "id": "1:acme:b67dc4a1b762c5715d3d9d9d9ed62895:deal_won:1",
    "type": "engagement.xp.credited",
    "subject": "rep-1",
    "data": {
        "amount": 20,
        "definition": "deal_won",
        "contact": "ann",
        "occurred_at": "2026-03-02T10:00:00Z",
        "event": {"id": "evt-1", "source": "/crm", "type": "deal.won"},
        "reverses": None,
    },
}


PUBLISHED = {
    SCORE_CHANGED_TOPIC: {"the contract's": SCORE_CHANGED},
    XP_CREDITED_TOPIC: {"the contract's": XP_CREDITED},
    BAND_CHANGED_TOPIC: {example.name: example.message for example in load_published()},
}


@pytest.mark.parametrize(
    ("topic", "message"),
    [
        pytest.param(topic, message, id=f"{topic} {name}")
        for topic, messages in PUBLISHED.items()
        for name, message in messages.items()
    ],
)
def test_schemas_of_messages_take_the_contracts_own(topic: str, message: dict[str, Any]):
    """The messages that contract and examples show pass model and JSON Schema; without a member they fail both."""
    model = MESSAGES[topic]
    schema = jsonschema.Draft202012Validator(json.loads(generator.documents()[f"{topic}.json"]))
    model.model_validate_json(json.dumps(message))
    schema.validate(message)
    for name in message["data"]:
        lacking = message | {"data": {key: value for key, value in message["data"].items() if key != name}}
        assert not schema.is_valid(lacking)
        with pytest.raises(ValueError, match="Field required"):
            model.model_validate_json(json.dumps(lacking))


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [reference for child in node.values() for reference in _references(child)]
    return [reference for child in node for reference in _references(child)] if isinstance(node, list) else []


def test_schemas_asyncapi_names_every_topic_and_only_what_exists():
    """The AsyncAPI document has a channel and an operation for every topic, and no reference leads nowhere."""
    document = YAML(typ="safe", pure=True).load(ASYNCAPI.read_text(encoding="utf-8"))
    assert document["asyncapi"].startswith("3.")
    assert [channel["address"] for channel in document["channels"].values()] == [
        *INPUT_TOPICS,
        *OUTPUT_TOPICS,
    ]
    operations = {
        (operation["action"], operation["channel"]["$ref"].removeprefix("#/channels/"))
        for operation in document["operations"].values()
    }
    assert operations == {("receive", topic) for topic in INPUT_TOPICS} | {
        ("send", topic) for topic in OUTPUT_TOPICS
    }
    used = set()
    for reference in _references(document):
        file, _, inside = reference.partition("#")
        if file:
            used.add(file)
            assert (ASYNCAPI.parent / file).exists(), reference
        else:
            node = document
            for part in inside.strip("/").split("/"):
                node = node[part]
    assert used == {f"json/{name}" for name in generator.documents()}
    headers = document["components"]["schemas"]["deadLetterHeaders"]
    assert headers["properties"]["engagement-reason"]["enum"] == [str(reason) for reason in DeadLetterReason]


def test_schemas_asyncapi_envelope_takes_the_good_examples():
    """Every good example in structured mode is what the AsyncAPI document promises to take."""
    document = YAML(typ="safe", pure=True).load(ASYNCAPI.read_text(encoding="utf-8"))
    schema = jsonschema.Draft202012Validator({"$ref": "#/components/schemas/domainEvent", **document})
    taken = [example for example in load_examples("good") if _is_plainly_structured(example)]
    assert len(taken) > 30
    for example in taken:
        schema.validate(json.loads(example.record().value or b"", parse_int=_short))


def _is_plainly_structured(example: Example) -> bool:
    return example.spec.get("mode") != "binary"
