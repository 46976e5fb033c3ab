"""Trying a sample event: which definitions take it and, of the others, what keeps them from it.

Owns the explanation. Never writes the rule again: whether a condition holds is conditions.py's to say, and what a
sample is as an event, decode.py's. Pure.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from consumer.catalog.model.conditions import Condition, compile_condition, value_found
from consumer.domain.decode import decode
from consumer.domain.model import Record
from schemas.numbers import parse_data

if TYPE_CHECKING:
    from consumer.catalog.model.account import Definition
    from consumer.domain.model import DeadLetter, Event

# What a sample need not say for itself.
_ASSUMED = {"specversion": "1.0", "id": "sample", "source": "/sample", "subject": "sample"}
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True)
class ConditionResult:
    """What a condition found in the sample, None where it is missing, and whether it holds."""

    condition: Condition
    found: Any
    holds: bool


@dataclass(frozen=True)
class MatchResult:
    """What became of a sample under one definition."""

    definition: Definition
    takes_type: bool
    conditions: tuple[ConditionResult, ...]

    @property
    def takes(self) -> bool:
        """Tell whether the definition takes the event: all must be so."""
        return self.definition.active and self.takes_type and all(looked.holds for looked in self.conditions)


def read_sample(account: str, sample: str, timestamp: int) -> Event | DeadLetter:
    """Return a sample, attributes and `data` as in a CloudEvent, as an event of an account, or why it is none.

    sample: JSON; attributes that it leaves out are assumed, its account is the given one. timestamp: of its record,
    in milliseconds.
    """
    value = sample.encode()
    # What is no object is left as it is: decoding says why it is no event.
    with suppress(msgspec.MsgspecError, RecursionError):
        value = msgspec.json.encode({**_ASSUMED, **_MEMBERS.decode(value), "accountid": account})
    return decode(
        Record(
            topic="sample",
            partition=0,
            offset=0,
            timestamp=timestamp,
            key=None,
            value=value,
            headers=(("content-type", b"application/cloudevents+json"),),
        )
    )


def explain(definition: Definition, event: Event) -> MatchResult:
    """Return what becomes of an event under a definition."""
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
