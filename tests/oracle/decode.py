"""What a record says: an event, or the first fault of it in the order of the reason list (semantics §2).

Owns the rules for attributes and for the JSON of `data`. Never sees bytes, never knows a catalog.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from hashlib import blake2b
from typing import Any, Final, Literal

from tests.oracle.fields import fit, is_identifier, parse_time


class _Null(Enum):
    """The type of `NULL`."""

    NULL = "null"


NULL: Final = _Null.NULL
"""An attribute that is there and null, unlike None, which is one that is not there."""

Attribute = str | bool | int | Literal[_Null.NULL] | None


@dataclass(frozen=True, kw_only=True)
class OracleRecord:
    """One record on Kafka with its attributes already separated, a CloudEvent 1.0 unless it says otherwise.

    tombstone: it has no value and no header that says CloudEvent, so none of the attributes.
    None: the attribute is not there. data: JSON text as on the wire. timestamp: the record's own,
    UTC in whole milliseconds, None where it has none.
    """

    id: Attribute = None
    source: Attribute = None
    type: Attribute = None
    subject: Attribute = None
    time: Attribute = None
    accountid: Attribute = None
    actorid: Attribute = None
    actortype: Attribute = None
    objectid: Attribute = None
    robot: Attribute = None
    data: str | None = None
    timestamp: datetime | None = None
    specversion: Attribute = "1.0"
    tombstone: bool = False


@dataclass(frozen=True, kw_only=True)
class Event:
    """A record that is an event.

    time: None where the record gave none; `occurred_at` is its timestamp then. data: numbers as decimals.
    """

    account: str
    key: bytes
    id: str
    source: str
    type: str
    subject: str
    time: datetime | None
    occurred_at: datetime
    settled: bool
    actor: str | None
    actor_type: str | None
    object: str | None
    robot: bool
    data: dict[str, Any]
    data_text: str

    @property
    def order(self) -> tuple[datetime, bytes]:
        """Its place among others; bytes of one length compare as big-endian numbers do."""
        return (self.occurred_at, self.key)

    @property
    def contents(self) -> tuple[str, str, datetime | None, str]:
        """What has to be the same whenever its key comes again."""
        return (self.type, self.subject, self.time, self.data_text)


class Dead(Exception):  # noqa: N818 - the word of the contract
    """A record that is no event; its only argument is the reason."""


ACCOUNT = re.compile("[A-Za-z0-9_-]{1,64}")
REQUIRED = ("id", "source", "type", "subject", "accountid")
IDENTIFIERS = ("id", "source", "type", "subject", "actorid", "objectid")
ACTOR_TYPES = ("rep", "contact", "system")
DEEPEST = 64
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
END = datetime(2200, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=1)
SETTLED_AFTER = timedelta(days=7)


def read(record: OracleRecord, *, binary: bool = False) -> Event:
    """Read a record, in structured mode unless `binary`, as an event; raises `Dead` with the first reason."""
    if record.specversion != "1.0" and (binary or _has_attributes(record.data)):
        raise Dead("not_cloudevent")
    attributes: dict[str, Any] = {
        name: None if value is NULL else value for name, value in vars(record).items() if name != "timestamp"
    }
    data, data_text = _parse_data(record.data)
    _refuse_lone_surrogates(list(attributes.values()))
    if _depth(data) > DEEPEST:
        raise Dead("too_deep")
    if any(attributes[name] is None for name in REQUIRED):
        raise Dead("attribute_missing")
    _check_wellformed(attributes)
    time = None if attributes["time"] is None else parse_time(attributes["time"])
    occurred_at, settled = _place(time, record.timestamp)
    if not isinstance(data, dict):
        raise Dead("data_not_object")
    if not fit(attributes["type"], data):
        raise Dead("data_invalid")
    return Event(
        account=attributes["accountid"],
        key=event_key(attributes["source"], attributes["id"]),
        id=attributes["id"],
        source=attributes["source"],
        type=attributes["type"],
        subject=attributes["subject"],
        time=time,
        occurred_at=occurred_at,
        settled=settled,
        actor=attributes["actorid"],
        actor_type=attributes["actortype"] if attributes["actortype"] in ACTOR_TYPES else None,
        object=attributes["objectid"],
        robot=attributes["robot"] is True or str(attributes["robot"]).lower() == "true",
        data=data,
        data_text=data_text,
    )


def named_account(record: OracleRecord, *, binary: bool = False) -> str | None:
    """Return the account that a record names, dead or not, None where none can be read."""
    if binary and record.specversion in (None, NULL):
        return None  # it has no mode
    if not (binary or _has_attributes(record.data)):
        return None
    account = record.accountid
    return account if isinstance(account, str) and ACCOUNT.fullmatch(account) else None


def _has_attributes(data: str | None) -> bool:
    """Return whether an envelope with this `data` has attributes; Python's parser forgives what 2.51 forgives."""
    try:
        json.loads("null" if data is None else data)
    except RecursionError:
        return _is_balanced(str(data))
    except ValueError:
        return False
    return True


def _is_balanced(text: str) -> bool:
    """Return whether each bracket outside of strings has its partner."""
    opened: list[str] = []
    for token in re.findall(r'"(?:[^"\\]|\\.)*"|[][{}]', text):
        if token in "[{":
            opened.append("]" if token == "[" else "}")
        elif token in "]}" and (not opened or opened.pop() != token):
            return False
    return not opened


def _place(time: datetime | None, timestamp: datetime | None) -> tuple[datetime, bool]:
    """Return when it occurred, and whether it is settled."""
    if timestamp is None:
        raise Dead("time_out_of_bounds")
    occurred_at = timestamp if time is None else time
    if not EARLIEST <= occurred_at < END or occurred_at - timestamp > AHEAD:
        raise Dead("time_out_of_bounds")
    return occurred_at, timestamp - occurred_at > SETTLED_AFTER


def event_key(source: str, id_: str) -> bytes:
    """Compute the event key of §1."""
    return blake2b(f"{source}\0{id_}".encode(), digest_size=16).digest()


# --- attributes -------------------------------------------------------------------------------------------


def _check_wellformed(attributes: dict[str, Any]) -> None:
    for name in IDENTIFIERS:
        if attributes[name] is not None and not is_identifier(attributes[name]):
            raise Dead("attribute_malformed")
    account = attributes["accountid"]
    if not (isinstance(account, str) and ACCOUNT.fullmatch(account)):
        raise Dead("attribute_malformed")
    if attributes["time"] is not None and parse_time(attributes["time"]) is None:
        raise Dead("attribute_malformed")


# --- data -------------------------------------------------------------------------------------------------


def _parse_data(text: str | None) -> tuple[Any, str]:
    """Return what `data` holds, numbers as decimals, with its text; absent and null are `{}`."""
    every_member: list[Any] = []

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        every_member.extend(pairs)
        return dict(pairs)

    try:
        data = json.loads(
            "null" if text is None else text,
            parse_int=_number,
            parse_float=_number,
            parse_constant=_refuse_constant,
            object_pairs_hook=members,
        )
    except RecursionError:
        raise Dead("too_deep") from None
    except ValueError:
        raise Dead("not_json") from None
    _refuse_lone_surrogates([data, every_member, text])
    return ({}, "{}") if data is None or text is None else (data, text)


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        # An exponent beyond what Decimal holds; no condition's value comes near it.
        mantissa, exponent = text.lower().split("e")
        return Decimal(f"{mantissa}e{'-' if exponent.startswith('-') else ''}{10**17}")


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _refuse_lone_surrogates(values: list[Any]) -> None:
    try:
        json.dumps(values, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        raise Dead("not_json") from None
    except RecursionError:
        raise Dead("too_deep") from None


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [inner for inner in level if isinstance(inner, dict | list)]:
        depth += 1
        level = [child for inner in level for child in (inner.values() if isinstance(inner, dict) else inner)]
    return depth
