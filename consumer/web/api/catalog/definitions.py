"""`definitions`: which events count, for how much and how often, their order, and the icons that they may have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from consumer.catalog import repository
from consumer.catalog.document.parse import icon_names
from consumer.scoring.segments.repository import segments_naming
from consumer.web.api.catalog.edit import edit, order_answer, reordered, with_entry
from consumer.web.api.catalog.schemas import (
    DefinitionAnswer,
    DefinitionChange,
    NewDefinition,
    Order,
    OrderAnswer,
    definition_answers,
)
from consumer.web.http import etags
from consumer.web.http.auth import Manager, Reader
from consumer.web.http.cursors import Page
from consumer.web.http.database import Database
from consumer.web.http.etags import IfMatch
from consumer.web.http.problems import conflict, not_found
from sql import queries

if TYPE_CHECKING:
    from consumer.catalog.model.account import AccountCatalog, Definition

router = APIRouter(prefix="/v1/accounts/{account}", tags=["definitions"])


class Icons(BaseModel):
    """The names of all icons."""

    icons: list[str]


@router.get("/icons")
async def list_icons(caller: Reader) -> Icons:  # noqa: ARG001 - who may ask
    """List the icons that groups and definitions may have."""
    return Icons(icons=sorted(icon_names()))


@router.get("/definitions")
async def list_definitions(caller: Reader, database: Database) -> Page[DefinitionAnswer]:
    """List the definitions in display order, those that are not active too."""
    async with database.snapshot() as connection:
        state = await repository.read(connection, caller.account.key)
    return Page(items=[*definition_answers(state).values()], engagement=caller.account.engagement)


@router.post("/definitions", status_code=201)
async def create_definition(
    caller: Manager, database: Database, body: NewDefinition, response: Response
) -> DefinitionAnswer:
    """Create a definition, at the end of the order; published profiles that inherit count it at once."""

    def make(before: AccountCatalog) -> AccountCatalog:
        if body.key in before.definitions:
            raise conflict(f"there is a definition {body.key} already")
        return with_entry(before, "definitions", body.key, body.provided())

    return tagged_answer(await edit(database, caller.account.key, caller.actor, make), body.key, response)


@router.get("/definitions/{definition}")
async def read_definition(
    caller: Reader, database: Database, definition: str, response: Response
) -> DefinitionAnswer:
    """Return a definition."""
    async with database.snapshot() as connection:
        state = await repository.read(connection, caller.account.key)
    return tagged_answer(state, definition, response)


@router.patch("/definitions/{definition}")
async def change_definition(
    caller: Manager,
    database: Database,
    definition: str,
    body: DefinitionChange,
    response: Response,
    *,
    if_match: IfMatch = None,
) -> DefinitionAnswer:
    """Change a definition; what is left out stays. Points and group of one that has counted wait for a publish."""

    def make(before: AccountCatalog) -> AccountCatalog:
        etags.require_match(if_match, etags.definition_revision(_require_definition(before, definition)))
        return with_entry(before, "definitions", definition, body.provided())

    return tagged_answer(await edit(database, caller.account.key, caller.actor, make), definition, response)


@router.delete("/definitions/{definition}", status_code=204)
async def delete_definition(
    caller: Manager, database: Database, definition: str, if_match: IfMatch = None
) -> None:
    """Delete a definition that is not active, never counted and stands on no timeline; others are deactivated.

    One that a segment names stays too.
    """

    def make(before: AccountCatalog) -> AccountCatalog:
        found = _require_definition(before, definition)
        etags.require_match(if_match, etags.definition_revision(found))
        if found.counted:
            raise conflict("the definition has counted events, so it stays: deactivate it instead")
        if found.active:
            raise conflict("events may be arriving for the definition: deactivate it first")
        return replace(
            before, definitions={key: each for key, each in before.definitions.items() if key != definition}
        )

    async with database.snapshot() as connection:
        make(await repository.read(connection, caller.account.key))
        segments = await segments_naming(connection, caller.account.id, "definition", definition)
        # Not under the lock, where batches would wait for it: a definition that is not active gets no entries, so
        # that it is enough if the configuration is still the same then.
        row = await connection.fetchrow(queries("web")["left_entries"], caller.account.id, definition)
    if segments:
        raise conflict(f"segments name the definition, change them first: {', '.join(segments)}")
    if row is not None and row["has_entries"]:
        raise conflict("the definition has events on timelines, so it stays, deactivated")
    since = None if row is None else row["revision"]
    await edit(database, caller.account.key, caller.actor, make, since=since)


@router.get("/definition-order")
async def read_definition_order(caller: Reader, database: Database, response: Response) -> OrderAnswer:
    """Return the order of the definitions."""
    async with database.snapshot() as connection:
        state = await repository.read(connection, caller.account.key)
    return order_answer(state.definitions, response)


@router.put("/definition-order")
async def change_definition_order(
    caller: Manager, database: Database, body: Order, response: Response, if_match: IfMatch = None
) -> OrderAnswer:
    """Put all definitions into another order."""

    def make(before: AccountCatalog) -> AccountCatalog:
        etags.require_match(if_match, etags.revision([*before.definitions]))
        return replace(before, definitions=reordered(before.definitions, body.keys))

    state = await edit(database, caller.account.key, caller.actor, make)
    return order_answer(state.definitions, response)


def tagged_answer(state: AccountCatalog, key: str, response: Response) -> DefinitionAnswer:
    """Return the answer about a definition, its revision told in the response; raises ProblemError without one."""
    _require_definition(state, key)
    answer = definition_answers(state)[key]
    etags.set_etag(response, answer.revision)
    return answer


def _require_definition(state: AccountCatalog, key: str) -> Definition:
    if key not in state.definitions:
        raise not_found(f"definition {key}")
    return state.definitions[key]
