"""Records of usual events in either mode with changes that may matter to decoding: one each, or any for Hypothesis.

Owns what may be odd about a record. Never says what becomes of it.
"""

from __future__ import annotations

import json
from functools import cache
from itertools import chain, product
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from consumer.domain.model import Record
from schemas.events import MODELS, PRODUCT_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = [*(kind for types in PRODUCT_TYPES.values() for kind in types), "track.page", "deal.else"]
TIMESTAMP = 1_772_445_601_000  # 2026-03-02T10:00:01Z
ATTRIBUTES = {
    "specversion": "1.0",
    "id": "evt-1",
    "source": "/crm",
    "type": "deal.won",
    "subject": "ann",
    "time": "2026-03-02T10:00:00Z",
    "accountid": "acme",
    "actorid": "rep-1",
    "actortype": "rep",
    "objectid": "deal-1",
    "robot": False,
    "datacontenttype": "application/json",
}
# JSON texts, by the type that a field has in the JSON Schema of its model; `id` is a string with bounds.
USUAL = {
    "string": ['"EUR"', '""', '"Zoë \\"Q\\" 😀\\n"', "null"],
    "id": ['"bob"', '"é😀"', "null"],
    "number": ["5", "-19.99", "0", "1e3", "null"],
    "integer": ["5", "60.0", "null"],
    "boolean": ["true", "false", "null"],
    "array": ['["a", "é"]', "[]", "null"],
    "date-time": ['"2026-03-02T10:00:00.123Z"', '"2026-03-02T10:00:00+01:00"', "null"],
}
_LAST_TIMESTAMP = 253_402_300_799_999
_TIMESTAMPS = [None, -1, 0, 946_684_800_000, _LAST_TIMESTAMP - 3_600_000, _LAST_TIMESTAMP, 2**63 - 1]
_STRINGS = [
    *(
        '""',
        '"a"',
        '"é"',
        '"😀"',
        '"\\u0000"',
        '"\\\\u0000"',
        '"\\ud800"',
        '"\\ud83d\\ude00"',
        '"a\\n"',
        '"%"',
    ),
    *(
        '"\x7f"',
        '"\x85"',
        '"\u2028"',
        '"\u00a0"',
        '"\ufeff"',
        '"\x00"',
        '"\ud800"',
        '"true"',
        '"TRUE"',
        '"e30"',
    ),
    *(f'"{character * length}"' for character in ("x", "😀", "\\n") for length in (64, 65, 256, 257)),
    *('"1.0"', '"rep"', '"REP"', '"a_-Z9"', '"a b"', '"e30="', '"eyJhIjogMX0="', '"\\/"', '"deal.won"'),
]
_TIMES = [
    f'"{text}"'
    for text in (
        *("2026-03-02T10:00:00Z", "2026-03-02t10:00:00z", "2026-03-02 10:00:00.5Z", "2026-03-02T10:00:00"),
        *("2026-03-02T10:00:00+0100", "2026-03-02T10:00:00+01", "2026-03-02T10:00:00+01:00", "2026-03-02"),
        *("2026-03-02T10:00:00.1234567Z", "2026-03-02T10:00:00.9999999Z", "2026-03-02T10:00:00.123456+00:00"),
        *("2026-03-02T10:00:00.1234567+01:00", "2026-03-02T10:00:60Z", "2026-03-02T23:59:60.5Z"),
        *("2026-03-02T24:00:00Z", "2026-02-30T10:00:00Z", "2024-02-29T10:00:00-00:00", "2026-03-02T10:00Z"),
        *("2026-03-02T11:00:01Z", "2026-03-02T11:00:01.000001Z", "2026-02-23T10:00:01Z"),
        *("2026-02-23T10:00:00.999999Z", "2000-01-01T00:00:00Z", "1999-12-31T23:59:59.999999Z"),
        *("0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-01:00"),
        *("2026-W10-1T10:00:00Z", "20260302T100000Z", "2026-03-02T10:00:0\\u0030Z", " 2026-03-02T10:00:00Z"),
        *("2026-03-02T10:00:00,5Z", "2026-03-02T10:00:00.Z", "2026-03-02T10:00:00+24:00", "now"),
    )
]
_NUMBERS = [
    *("0", "-0", "5", "60.0", "60.5", "6e1", "19.99", "-1E2", "0e100", "1e37", "1e38", "1e400", "-1e400"),
    *("9" * 38, "9" * 39, f"-{'9' * 38}", f"0.{'1' * 38}", f"0.{'1' * 39}", "9" * 4300, "9" * 4301),
    *(f"1.{'0' * 37}", f"1.{'0' * 38}", "1e-400", "1e99999999999999999999", "18446744073709551616"),
    *("01", "1.", ".5", "+1", "-", "1e", "0x1", "NaN", "Infinity", "-Infinity", "-9223372036854775809"),
]
_OTHERS = [
    *("null", "true", "false", "{}", "[]", "[null]", '["a"]', '["a", 5]', '["\\u0000"]', '{"a": NaN}'),
    *('{"a": "\\udc00"}', '{"a": 1, "a": 2}', '{"amount": "5"}', "{", "nul", "True", "", "'a'", '"\\x41"'),
    *("[" * depth + "]" * depth for depth in (61, 62, 63, 64, 65, 66, 1100)),
    *('{"a":' * depth + "1" + "}" * depth for depth in (62, 63, 64, 65, 66)),
    *(f"[{', '.join(['{}'] * 70)}]", f'"{"[" * 70}"'),
]
_ODD = (_STRINGS, _TIMES, _NUMBERS, _OTHERS)
_ANY = st.one_of(*(st.sampled_from(values) for values in _ODD))
_NEARLY = {
    "string": _STRINGS,
    "id": _STRINGS,
    "number": _NUMBERS,
    "integer": _NUMBERS,
    "boolean": ["0", "1", '"true"', "[true]", "true", "null"],
    "array": _OTHERS,
    "date-time": _TIMES,
    "attribute": _STRINGS,
}
_SPACES = st.sampled_from([" ", "\n\t\r ", "\x0b", "\ufeff", "\xa0"]).map(str.encode)
_HEADERS: list[tuple[str, bytes | None]] = [
    ("content-type", None),
    ("content-type", b"\xff"),
    ("content-type", b"application/json"),
    ("Content-Type", b"application/cloudevents+json"),
    ("content-type", b"application/cloudevents+json; charset=UTF-8"),
    ("CONTENT-TYPE", b"Application/CloudEvents+json ; charset=utf-8"),
    ("content-type", b"application/cloudevents+avro"),
    ("content-type", b"application/cloudevents-batch+json"),
    ("ce_specversion", b"1.0"),
    ("CE_SpecVersion", b"0.3"),
    ("ce_id", b"\xff"),
    ("ce_subject", None),
    ("ce_robot", b"True"),
    ("ce_data", b"{}"),
    ("ce_data_base64", b"e30="),
    ("ce_other", b"\xff"),
    ("ce_", b""),
    ("\udc80", b"x"),
    ("traceparent", b"00"),
    ("x", b"x" * 65_000),
    ("x", b"x" * 65_600),
]
_CHANGES = [
    *(["attribute"] * 5 + ["field"] * 5 + ["header"] * 3 + ["timestamp"] * 3 + ["absent"] * 2),
    *("data", "space before", "space after", "space within", "bytes", "large", "value"),
]


@cache
def fields(kind: str) -> dict[str, str]:
    """Return the types of the fields of `data` by name, as USUAL names them."""
    if kind not in MODELS:
        return {}
    properties = MODELS[kind].model_json_schema()["properties"]
    schemas = {name: schema["anyOf"][0] for name, schema in properties.items()}
    return {
        name: "id" if "maxLength" in schema else schema.get("format", schema["type"])
        for name, schema in schemas.items()
    }


def structured(members: list[tuple[str, str]]) -> Record:
    """Return the record of an envelope; members: names in quotes and JSON texts."""
    return _record(_bytes(_object(members)), [("content-type", b"application/cloudevents+json")])


def binary(attributes: list[tuple[str, str]], data: str) -> Record:
    """Return the record of these attributes, names in quotes and JSON texts, and `data`."""
    return _record(_bytes(data), [(f"ce_{name.strip(chr(34))}", _header(text)) for name, text in attributes])


def with_one_odd_value() -> Iterator[Record]:
    """Return records of events of all types, each with another value in one field or one attribute."""
    usual = [(f'"{name}"', json.dumps(value)) for name, value in ATTRIBUTES.items()]
    odd_values = list(chain(*_ODD))
    for odd in odd_values:
        for number, (name, _) in enumerate(usual):
            attributes = [*usual[:number], (name, odd), *usual[number + 1 :]]
            yield structured([*attributes, ('"data"', "{}")])
            yield binary(attributes, "{}")
        for name in ('"data"', '"data_base64"', '"unknown"'):
            yield structured([*usual, (name, odd)])
        yield binary(usual, odd)
    for kind in KINDS:
        attributes = [*usual, ('"type"', f'"{kind}"')]
        for name, odd in product([*fields(kind), "unknown"], odd_values):
            yield structured([*attributes, ('"data"', f'{{"{name}": {odd}}}')])


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Return the record of an event of any type, with up to three changes."""
    changes = draw(st.lists(st.sampled_from(_CHANGES), max_size=3))
    kind = draw(st.sampled_from(KINDS))
    attributes = [(f'"{name}"', json.dumps(value)) for name, value in (ATTRIBUTES | {"type": kind}).items()]
    if "absent" in changes:
        del attributes[draw(st.integers(0, len(attributes) - 1))]
    for _ in range(changes.count("attribute")):
        types = {**dict.fromkeys(ATTRIBUTES, "attribute"), "time": "date-time", "data_base64": "attribute"}
        attributes.insert(draw(st.integers(0, len(attributes))), draw(_odd_member(types)))
    data = draw(_ANY) if "data" in changes else draw(_data(kind, changes.count("field")))
    if draw(st.booleans()):
        record = binary(attributes, data)
    else:
        place = draw(st.integers(0, len(attributes)))
        record = structured([*attributes[:place], ('"data"', data), *attributes[place:]])
    headers = [*record.headers, *(draw(st.sampled_from(_HEADERS)) for _ in range(changes.count("header")))]
    timestamp = draw(st.sampled_from(_TIMESTAMPS)) if "timestamp" in changes else TIMESTAMP
    return _record(draw(_changed(record.value or b"", changes)), headers, timestamp)


@st.composite
def _changed(draw: st.DrawFn, value: bytes, changes: list[str]) -> bytes | None:
    """Return a value with the changes that are made to its bytes."""
    if "space before" in changes:
        value = draw(_SPACES) + value
    if "space after" in changes:
        value += draw(_SPACES)
    if "space within" in changes:
        place = draw(st.sampled_from([at for at, byte in enumerate(value) if byte in b',:{}"'] or [0]))
        value = value[:place] + draw(_SPACES) + value[place:]
    if "bytes" in changes:
        place = draw(st.integers(0, len(value)))
        value = value[:place] + draw(st.binary(max_size=3)) + value[place + draw(st.integers(0, 3)) :]
    if "large" in changes:
        value = value.ljust(draw(st.sampled_from([262_144, 262_145])))
    if "value" in changes:
        return draw(st.sampled_from([None, b"", b"null", b" null", value + b"{}", value + b"\x00"]))
    return value


@st.composite
def _data(draw: st.DrawFn, kind: str, odd: int) -> str:
    """Return an object with usual values in fields of a type, and so many that may be anything."""
    types = fields(kind)
    chosen = draw(st.lists(st.sampled_from([*types]), unique=True, max_size=3)) if types else []
    members = [(f'"{name}"', draw(st.sampled_from(USUAL[types[name]]))) for name in chosen]
    for _ in range(odd):
        members.insert(draw(st.integers(0, len(members))), draw(_odd_member(types)))
    return _object(members)


@st.composite
def _odd_member(draw: st.DrawFn, types: dict[str, str]) -> tuple[str, str]:
    """Return one of these members or an unknown one, now and then with escapes in its name."""
    name = draw(st.sampled_from([*types, "unknown"]))
    nearly = st.sampled_from(_NEARLY[types[name]]) if name in types else _ANY
    escaped = f"\\u{ord(name[0]):04x}{name[1:]}"
    written = draw(st.sampled_from([name] * 5 + [escaped, f"{name}\\u0000", name.title()]))
    return f'"{written}"', draw(st.one_of(nearly, nearly, nearly, _ANY))


def _record(
    value: bytes | None, headers: list[tuple[str, bytes | None]], timestamp: int | None = TIMESTAMP
) -> Record:
    return Record("deals", 0, 0, timestamp, b"ann", value, tuple(headers))


def _object(members: list[tuple[str, str]]) -> str:
    return f"{{{', '.join(f'{name}: {value}' for name, value in members)}}}"


def _header(value: str) -> bytes:
    """Return the value of a header for an attribute that is this JSON text."""
    try:
        text = json.loads(value)
    except (ValueError, RecursionError):
        text = None
    return _bytes(text if isinstance(text, str) else value)


def _bytes(text: str) -> bytes:
    # A lone surrogate has no UTF-8; its bytes pass as they would from a careless producer.
    return text.encode("utf-8", "surrogatepass")
