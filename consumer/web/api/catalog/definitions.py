"""`definitions`: which events count, for how many points and how often; their order; the available icons."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from consumer.catalog import repository
from consumer.catalog.document.parse import icon_names
from consumer.catalog.repository import Scope
from consumer.infra.postgres.revision_lock import wait_for_batches
from consumer.scoring.segments.repository import segments_naming
from consumer.web.api.catalog import deletion_conflicts
from consumer.web.api.catalog.edit import Limits, edit, order_answer, reordered, with_entry
from consumer.web.api.catalog.schemas import (
    DefinitionAnswer,
    DefinitionChange,
    NewDefinition,
    Order,
    OrderAnswer,
    definition_answers,
)
from consumer.web.http import etags
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Manager, Reader
from consumer.web.http.cursors import MAX_CONFIGURED, ConfigurationLimit, Cursor, Page, page_of_keys
from consumer.web.http.database import Database
from consumer.web.http.etags import IfMatch
from consumer.web.http.problems import conflict, not_found
from sql import queries

if TYPE_CHECKING:
    from consumer.catalog.model.account import AccountCatalog

router = APIRouter(prefix="/v1/accounts/{account}", tags=["definitions"], route_class=ApiRoute)


class Icons(BaseModel, use_attribute_docstrings=True):
    """The names of all icons."""

    icons: list[str]
    """The names, sorted."""


@router.get("/icons")
async def list_icons(caller: Reader) -> Icons:  # noqa: ARG001 - checks the permission
    """List the icons available for groups and definitions."""
    return Icons(icons=sorted(icon_names()))


@router.get("/definitions")
async def list_definitions(
    caller: Reader, database: Database, limit: ConfigurationLimit = MAX_CONFIGURED, cursor: Cursor = None
) -> Page[DefinitionAnswer]:
    """List the definitions, inactive ones included, in display order."""
    async with database.snapshot(heavy=True) as connection:
        known = await repository.definition_keys(connection, caller.account.id)
        keys, following = page_of_keys(known, limit, ("definitions", caller.account.id), cursor)
        state = await repository.read(connection, caller.account.key, Scope(definitions=keys))
    answers = await asyncio.to_thread(definition_answers, state)
    return Page(items=[*answers.values()], next=following, engagement=caller.account.engagement)


@router.post("/definitions", status_code=201)
async def create_definition(
    caller: Manager, database: Database, limits: Limits, body: NewDefinition, response: Response
) -> DefinitionAnswer:
    """Create a definition at the end of the order; published profiles that inherit count it at once."""

    def make(before: AccountCatalog) -> AccountCatalog:
        if body.key in before.definitions:
            raise conflict(f"definition {body.key} already exists")
        return with_entry(before, "definitions", body.key, body.provided(), limits)

    scope = Scope(definitions=[body.key])
    state = await edit(database, caller.account.key, caller.actor, make, scope=scope)
    return tagged_answer(state, body.key, response)


@router.get("/definitions/{definition}")
async def read_definition(
    caller: Reader, database: Database, definition: str, response: Response
) -> DefinitionAnswer:
    """Return a definition."""
    async with database.snapshot() as connection:
        state = await repository.read(connection, caller.account.key, Scope(definitions=[definition]))
    return tagged_answer(state, definition, response)


@router.patch("/definitions/{definition}")
async def change_definition(
    caller: Manager,
    database: Database,
    definition: str,
    body: DefinitionChange,
    response: Response,
    *,
    limits: Limits,
    if_match: IfMatch = None,
) -> DefinitionAnswer:
    """Change a definition; omitted fields stay. If it has counted, points and group take effect by a publish."""

    def make(before: AccountCatalog) -> AccountCatalog:
        etags.require_match(if_match, _answer(before, definition).revision)
        return with_entry(before, "definitions", definition, body.provided(), limits)

    scope = Scope(definitions=[definition])
    state = await edit(database, caller.account.key, caller.actor, make, scope=scope)
    return tagged_answer(state, definition, response)


@router.delete("/definitions/{definition}", status_code=204)
async def delete_definition(
    caller: Manager, database: Database, definition: str, if_match: IfMatch = None
) -> None:
    """Delete a definition that is inactive, has never counted, is on no timeline and is used by no segment.

    Other definitions can only be deactivated.
    """

    def make(before: AccountCatalog) -> AccountCatalog:
        etags.require_match(if_match, _answer(before, definition).revision)
        for reason in deletion_conflicts.of_definition(before.definitions[definition], segments):
            raise conflict(reason)
        return replace(
            before, definitions={key: each for key, each in before.definitions.items() if key != definition}
        )

    scope = Scope(definitions=[definition])
    async with database.snapshot() as connection:
        segments = await segments_naming(connection, caller.account.id, "definition", definition)
        make(await repository.read(connection, caller.account.key, scope))
        revision = await repository.newest_revision(connection)
    # An inactive definition gets no new entries once batches that were matched while it was active have ended. So
    # it is enough that the configuration has not changed (`since`) when the account is locked.
    async with database.connection() as connection:
        await wait_for_batches(connection)
        if await connection.fetchval(queries("accounts")["left_entries"], caller.account.id, definition):
            raise conflict("the definition has timeline entries and cannot be deleted: leave it deactivated")
    await edit(database, caller.account.key, caller.actor, make, scope=scope, since=revision)


@router.get("/definition-order")
async def read_definition_order(caller: Reader, database: Database, response: Response) -> OrderAnswer:
    """Return the order of the definitions."""
    async with database.connection() as connection:
        return order_answer(await repository.definition_keys(connection, caller.account.id), response)


@router.put("/definition-order")
async def change_definition_order(
    caller: Manager, database: Database, body: Order, response: Response, if_match: IfMatch = None
) -> OrderAnswer:
    """Change the order of the definitions."""

    def make(before: AccountCatalog) -> AccountCatalog:
        etags.require_match(if_match, etags.revision([*before.definitions]))
        return replace(before, definitions=reordered(before.definitions, body.keys))

    scope = Scope(profiles=())
    state = await edit(database, caller.account.key, caller.actor, make, scope=scope)
    return order_answer(state.definitions, response)


def tagged_answer(state: AccountCatalog, key: str, response: Response) -> DefinitionAnswer:
    """Return a definition and set its ETag; raises ProblemError (404) if there is none."""
    answer = _answer(state, key)
    etags.set_etag(response, answer.revision)
    return answer


def _answer(state: AccountCatalog, key: str) -> DefinitionAnswer:
    if key not in state.definitions:
        raise not_found(f"definition {key}")
    return definition_answers(state)[key]
