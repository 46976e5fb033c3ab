"""`event-samples`: events of a type as they have come, and the fields that conditions can ask for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from consumer.catalog.model.conditions import Attribute
from consumer.web.api.catalog.schemas import plain
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Manager
from consumer.web.http.database import Database
from schemas.events import MODELS
from schemas.exact_json import parse_data
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import asyncpg

router = APIRouter(prefix="/v1/accounts/{account}", tags=["inbox"], route_class=ApiRoute)

Kind = Literal["string", "number", "boolean", "list"]

# Samples in an answer; fields; and of each field values, and their characters.
_SHOWN: Final = 5
_MOST_FIELDS: Final = 200
_MOST_VALUES: Final = 8
_LONGEST_VALUE: Final = 100
_JSON_KINDS: Final[dict[str, Kind]] = {
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "array": "list",
    "string": "string",
}
_FIELD_OF: Final = {"source": "source", "actortype": "actor_type", "objectid": "object_id"}

TypeParam = Annotated[str, Query(alias="type", min_length=1, max_length=256, description="The event type.")]


class SampleField(BaseModel, use_attribute_docstrings=True):
    """What a condition can ask for: a path in `data`, or an attribute of the event."""

    path: str | None
    """The path in `data`; null: it is an attribute."""
    attribute: Attribute | None
    """The attribute; null: it is a path."""
    kind: Kind
    """What kind of value it has."""
    values: list[str | int | float | bool]
    """Values that were seen, the latest first, up to eight; of a list: its elements."""


class EventSamples(BaseModel, use_attribute_docstrings=True):
    """Events of a type as they have come lately."""

    type: str
    """The event type."""
    samples: list[dict[str, Any]]
    """Up to five events for `try`, without their contact: those of timelines, then the inbox's."""
    fields: list[SampleField]
    """What these events have, and what events of the type may have by contract."""


@router.get("/event-samples")
async def read_event_samples(caller: Manager, database: Database, event_type: TypeParam) -> EventSamples:
    """Return events of a type as they have come lately, and the fields that conditions can ask for.

    They are looked for among the last 2,000 entries of all timelines, and in the inbox.
    """
    async with database.snapshot() as connection:
        rows = await connection.fetch(queries("event_samples")["recent"], caller.account.id, event_type)
        kept = await connection.fetchval(queries("inbox")["sample"], caller.account.id, event_type)
    return await asyncio.to_thread(_answer, event_type, rows, kept)


def _answer(event_type: str, rows: Sequence[asyncpg.Record], kept: str | None) -> EventSamples:
    by_event = {row["event_key"]: row for row in rows if row["data"] is not None}
    samples = [_sample(row) for row in by_event.values()]
    if kept is not None and kept != "{}":
        whole = plain(parse_data(kept))
        samples.append({name: whole[name] for name in ("type", *_FIELD_OF, "data") if name in whole})
    return EventSamples(type=event_type, samples=samples[:_SHOWN], fields=_fields(event_type, samples))


def _sample(row: asyncpg.Record) -> dict[str, Any]:
    attributes = {name: row[column] for name, column in _FIELD_OF.items() if row[column]}
    return {"type": row["type"], **attributes, "data": plain(parse_data(row["data"]))}


def _fields(event_type: str, samples: Iterable[Mapping[str, Any]]) -> list[SampleField]:
    found: dict[tuple[str | None, Attribute | None], SampleField] = {}

    def add(path: str | None, attribute: Attribute | None, of_kind: Kind, values: Sequence[Any]) -> None:
        known = found.setdefault(
            (path, attribute), SampleField(path=path, attribute=attribute, kind=of_kind, values=[])
        )
        for value in values:
            is_short = not isinstance(value, str) or len(value) <= _LONGEST_VALUE
            if is_short and value not in known.values and len(known.values) < _MOST_VALUES:
                known.values.append(value)

    for sample in samples:
        for path, value in _paths(sample.get("data") or {}):
            values = value if isinstance(value, list) else [value]
            scalars = [each for each in values if isinstance(each, str | int | float)]
            add(path, None, "list" if isinstance(value, list) else _kind(value), scalars)
        for attribute in Attribute:
            if sample.get(attribute):
                add(None, attribute, "string", [sample[attribute]])
    for path, of_kind in _by_contract(event_type):
        add(path, None, of_kind, [])
    for attribute in Attribute:
        add(None, attribute, "string", [])
    return [*found.values()][:_MOST_FIELDS]


def _kind(value: object) -> Kind:
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"


def _paths(value: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each path that a condition can name, with its value; null is missing."""
    for name, each in value.items():
        if not name or "." in name:
            continue
        if isinstance(each, dict):
            yield from _paths(each, f"{before}{name}.")
        elif each is not None:
            yield f"{before}{name}", each


def _by_contract(event_type: str) -> Iterator[tuple[str, Kind]]:
    model = MODELS.get(event_type)
    for name, described in (model.model_json_schema()["properties"] if model else {}).items():
        [first, *_] = described.get("anyOf", [described])
        yield name, _JSON_KINDS[first["type"]]
