"""Explains which definitions take a sample event, and which conditions keep the others from it. Pure.

It uses the real code, domain/decode.py for the sample and model/conditions.py for the conditions, so that it cannot
disagree with processing.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import msgspec

from consumer.catalog.model.conditions import Condition, compile_condition, value_found
from consumer.domain.decode import decode
from consumer.domain.model import Record
from schemas.exact_json import parse_data

if TYPE_CHECKING:
    from consumer.catalog.model.account import Definition
    from consumer.domain.model import DeadLetter, Event

# Attributes that a sample may leave out.
_DEFAULTS = {"specversion": "1.0", "id": "sample", "source": "/sample", "subject": "sample"}
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True)
class ConditionResult:
    """The value that a condition found in the sample, None where it is missing, and whether the condition holds."""

    condition: Condition
    found: Any
    holds: bool


@dataclass(frozen=True)
class MatchResult:
    """The result of a sample under one definition."""

    definition: Definition
    takes_type: bool
    conditions: tuple[ConditionResult, ...]

    @property
    def takes(self) -> bool:
        """Return True if the definition takes the event."""
        return self.definition.active and self.takes_type and all(each.holds for each in self.conditions)


def read_sample(account: str, sample: str, timestamp: int) -> Event | DeadLetter:
    """Return the event of a sample, or a dead letter.

    account: replaces that of the sample. sample: a CloudEvent in JSON; some attributes have defaults. timestamp: of
    its record, in milliseconds since 1970.
    """
    value = sample.encode()
    # Leave a value that is not an object unchanged: decoding reports the fault.
    with suppress(msgspec.MsgspecError, RecursionError):
        value = msgspec.json.encode({**_DEFAULTS, **_MEMBERS.decode(value), "accountid": account})
    record = Record(
        topic="sample",
        partition=0,
        offset=0,
        timestamp=timestamp,
        key=None,
        value=value,
        headers=(("content-type", b"application/cloudevents+json"),),
    )
    return cast("Event | DeadLetter", decode(record))  # no tombstone: it has a value


def explain(definition: Definition, event: Event) -> MatchResult:
    """Match an event with one definition, and return the result of each condition."""
    data = parse_data(event.data)
    return MatchResult(
        definition,
        event.type in definition.events,
        tuple(
            ConditionResult(
                condition, value_found(condition, event, data), compile_condition(condition)(event, data)
            )
            for condition in definition.when
        ),
    )
