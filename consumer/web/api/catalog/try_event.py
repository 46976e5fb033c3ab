"""`try`: which definitions take a sample event, and why the others do not."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator

from consumer.catalog import repository
from consumer.catalog.explain_match import ConditionResult, MatchResult, explain, read_sample
from consumer.catalog.export import yaml_value
from consumer.catalog.model.conditions import Op, condition_mapping, kind
from consumer.catalog.repository import Scope
from consumer.domain.model import DeadLetter
from consumer.infra.clock import SystemClock
from consumer.web.api.catalog.edit import with_entry
from consumer.web.api.catalog.schemas import DefinitionChange, WhenCondition, plain
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Manager
from consumer.web.http.database import Database
from consumer.web.http.problems import body_fault, conflict, invalid, not_found
from consumer.web.http.request_types import Body, Key, Text
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.catalog.model.account import AccountCatalog
    from consumer.domain.model import Event
    from consumer.infra.postgres.connection import Connection
    from consumer.web.http.auth import Caller

# Maximum characters of a found value in an explanation.
_MAX_SHOWN = 100

router = APIRouter(prefix="/v1/accounts/{account}", tags=["definitions"], route_class=ApiRoute)


class Draft(DefinitionChange):
    """A definition to try: changes to a stored one, or a complete new one."""

    key: Key
    """The key of the definition to try."""


class Sample(Body):
    """The event to try: given here, or the sample of a type in the inbox; exactly one of the two."""

    event: dict[str, Any] = Field(default_factory=dict)
    """Attributes and `data` of a CloudEvent; only `type` is required, `accountid` is ignored."""
    inbox_type: Text = Field(default_factory=str)
    """A type in the inbox, whose sample is tried."""
    draft: Draft | None = None
    """A definition to try as if it were stored; null: only the stored ones."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Sample:
        if len({"event", "inbox_type"} & self.model_fields_set) != 1:
            raise ValueError("needs either event or inbox_type")
        return self


class ConditionTried(BaseModel, use_attribute_docstrings=True):
    """A condition, and whether it holds for the event."""

    condition: WhenCondition
    """The condition."""
    found: Any
    """The value found in the event; null: missing."""
    holds: bool
    """Whether it holds."""


class DefinitionTried(BaseModel, use_attribute_docstrings=True):
    """The result for one definition."""

    key: str
    """The definition's key."""
    name: str
    """The definition's name."""
    draft: bool
    """Whether it was tried with the changes in `draft` of the request."""
    active: bool
    """Whether it is active."""
    takes: bool
    """Whether it takes the event."""
    takes_type: bool
    """Whether it names the event's type."""
    conditions: list[ConditionTried]
    """Its conditions, each with the value found."""
    why: list[str]
    """One line for each reason that it does not take the event."""


class TrialAnswer(BaseModel, use_attribute_docstrings=True):
    """Which definitions take the event."""

    type: str
    """The event's type."""
    taken_by: list[str]
    """The definitions that take the event; if none does, it goes to the inbox."""
    definitions: list[DefinitionTried]
    """The result for each definition, in display order."""


@router.post("/try")
async def try_definitions(caller: Manager, database: Database, body: Sample) -> TrialAnswer:
    """Return which definitions take an event, and why the others do not; nothing is stored."""
    async with database.snapshot() as connection:
        scope = Scope(profiles=())
        state = await repository.read(connection, caller.account.key, scope, with_rest=True)
        sample = (
            _event_json(body)
            if "event" in body.model_fields_set
            else await _inbox_sample(connection, caller, body)
        )
    return await asyncio.to_thread(_try, caller.account.key, sample, state, body.draft)


def _try(account: str, sample: str, state: AccountCatalog, changes: Draft | None) -> TrialAnswer:
    event = _event(account, sample)
    draft = changes.key if changes else None
    if changes:
        state = _with_draft(state, changes)
    results = [explain(definition, event) for definition in state.definitions.values()]
    return TrialAnswer(
        type=event.type,
        taken_by=[each.definition.key for each in results if each.takes],
        definitions=[_definition_tried(each, event, draft=each.definition.key == draft) for each in results],
    )


def _event_json(body: Sample) -> str:
    try:
        return json.dumps(body.event)
    except RecursionError:
        raise invalid(body_fault("event", "is nested too deeply")) from None


async def _inbox_sample(connection: Connection, caller: Caller, body: Sample) -> str:
    sample: str | None = await connection.fetchval(
        queries("inbox")["sample"], caller.account.id, body.inbox_type
    )
    if sample is None:
        raise not_found(f"type {body.inbox_type} in the inbox")
    if sample == "{}":
        raise conflict(
            f"the inbox has no sample of {body.inbox_type} until the next event of the type: send an event to try"
        )
    return sample


def _with_draft(state: AccountCatalog, draft: Draft) -> AccountCatalog:
    values = {name: value for name, value in draft.provided().items() if name != "key"}
    return with_entry(state, "definitions", draft.key, values, None, parent="draft")


def _event(account: str, sample: str) -> Event:
    now = int(SystemClock().now().timestamp() * 1000)
    event = read_sample(account, sample, now)
    if isinstance(event, DeadLetter):
        attribute, _, detail = event.detail.partition(": ")
        field = f"event.{attribute}" if detail else "event"
        raise invalid(body_fault(field, f"{detail or event.detail} (dead letter reason: {event.reason})"))
    return event


def _definition_tried(result: MatchResult, event: Event, *, draft: bool) -> DefinitionTried:
    definition = result.definition
    return DefinitionTried(
        key=definition.key,
        name=definition.name,
        draft=draft,
        active=definition.active,
        takes=result.takes,
        takes_type=result.takes_type,
        conditions=[
            ConditionTried(condition=_condition(each), found=plain(each.found), holds=each.holds)
            for each in result.conditions
        ],
        why=[*_why(result, event)],
    )


def _condition(result: ConditionResult) -> WhenCondition:
    return WhenCondition.model_validate(plain(condition_mapping(result.condition)))


def _why(result: MatchResult, event: Event) -> Iterator[str]:
    if not result.definition.active:
        yield "not active"
    if not result.takes_type:
        yield f"takes {', '.join(result.definition.events)}, not {event.type}"
    for number, condition in enumerate(result.conditions, start=1):
        if not condition.holds:
            yield f"condition {number} ({_condition_text(condition)}): {_found_text(condition)}"


def _condition_text(result: ConditionResult) -> str:
    subject, op, *value = condition_mapping(result.condition).values()
    return " ".join([subject, op, *map(yaml_value, value)])


def _found_text(result: ConditionResult) -> str:
    if result.found is None:
        return "missing"
    found = yaml_value(result.found)
    shown = found if len(found) <= _MAX_SHOWN else f"{found[:_MAX_SHOWN]}…"
    expected = result.condition.value
    expected_kind = kind(expected[0] if isinstance(expected, tuple) else expected)
    if result.condition.op is Op.CONTAINS or expected_kind in {None, kind(result.found)}:
        return f"found {shown}"
    return f"found {shown}, not a {expected_kind}"
