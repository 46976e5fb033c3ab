"""`groups`: the named counters of an account's catalog, and their order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import Response

from consumer.catalog import repository
from consumer.catalog.repository import SETTINGS, Scope
from consumer.web.api.catalog import deletion_conflicts
from consumer.web.api.catalog.edit import Limits, edit, order_answer, reordered, with_entry
from consumer.web.api.catalog.schemas import (
    GroupAnswer,
    GroupChange,
    NewGroup,
    Order,
    OrderAnswer,
    group_answer,
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
    from consumer.catalog.model.account import AccountCatalog, Group

router = APIRouter(prefix="/v1/accounts/{account}", tags=["groups"], route_class=ApiRoute)


@router.get("/groups")
async def list_groups(
    caller: Reader, database: Database, limit: ConfigurationLimit = MAX_CONFIGURED, cursor: Cursor = None
) -> Page[GroupAnswer]:
    """List the groups in display order, then deleted ones that published versions still count definitions in."""
    async with database.snapshot() as connection:
        state = await repository.read(connection, caller.account.key, SETTINGS)
        rows = await connection.fetch(queries("catalog_reads")["deleted_groups"], caller.account.id)
    answers = {key: group_answer(group) for key, group in state.groups.items()}
    answers |= {
        row["key"]: GroupAnswer(**{**row, "pending": row["profiles"]}, revision=None, deleted=True)
        for row in rows
    }
    keys, following = page_of_keys([*answers], limit, ("groups", caller.account.id), cursor)
    return Page(items=[answers[key] for key in keys], next=following, engagement=caller.account.engagement)


@router.post("/groups", status_code=201)
async def create_group(
    caller: Manager, database: Database, limits: Limits, body: NewGroup, response: Response
) -> GroupAnswer:
    """Create a group at the end of the order; a deleted group with this key is restored."""

    def make(before: AccountCatalog) -> AccountCatalog:
        if body.key in before.groups:
            raise conflict(f"group {body.key} already exists")
        return with_entry(before, "groups", body.key, body.provided(), limits)

    state = await edit(database, caller.account.key, caller.actor, make, scope=SETTINGS)
    return _tagged_answer(state, body.key, response)


@router.get("/groups/{group}")
async def read_group(caller: Reader, database: Database, group: str, response: Response) -> GroupAnswer:
    """Return a group."""
    async with database.snapshot() as connection:
        state = await repository.read(connection, caller.account.key, SETTINGS)
    return _tagged_answer(state, group, response)


@router.patch("/groups/{group}")
async def change_group(
    caller: Manager,
    database: Database,
    group: str,
    body: GroupChange,
    response: Response,
    *,
    limits: Limits,
    if_match: IfMatch = None,
) -> GroupAnswer:
    """Change a group; omitted fields stay."""

    def make(before: AccountCatalog) -> AccountCatalog:
        etags.require_match(if_match, _revision(before, group))
        return with_entry(before, "groups", group, body.provided(), limits)

    state = await edit(database, caller.account.key, caller.actor, make, scope=SETTINGS)
    return _tagged_answer(state, group, response)


@router.delete("/groups/{group}", status_code=204)
async def delete_group(caller: Manager, database: Database, group: str, if_match: IfMatch = None) -> None:
    """Delete a group that has no definitions and no score adjustments and is used by no segment or draft.

    While published versions still count definitions in it, it is listed as deleted, with the profiles to publish.
    """
    async with database.connection() as connection:
        use = await deletion_conflicts.read_group_uses(connection, caller.account.id, group)

    def make(before: AccountCatalog) -> AccountCatalog:
        etags.require_match(if_match, _revision(before, group))
        members = [definition.key for definition in before.definitions.values() if definition.group == group]
        for reason in deletion_conflicts.of_group(members, use):
            raise conflict(reason)
        return replace(before, groups={key: each for key, each in before.groups.items() if key != group})

    await edit(database, caller.account.key, caller.actor, make, scope=Scope(profiles=()))


@router.get("/group-order")
async def read_group_order(caller: Reader, database: Database, response: Response) -> OrderAnswer:
    """Return the order of the groups."""
    async with database.snapshot() as connection:
        state = await repository.read(connection, caller.account.key, SETTINGS)
    return order_answer(state.groups, response)


@router.put("/group-order")
async def change_group_order(
    caller: Manager, database: Database, body: Order, response: Response, if_match: IfMatch = None
) -> OrderAnswer:
    """Change the order of the groups."""

    def make(before: AccountCatalog) -> AccountCatalog:
        etags.require_match(if_match, etags.revision([*before.groups]))
        return replace(before, groups=reordered(before.groups, body.keys))

    state = await edit(database, caller.account.key, caller.actor, make, scope=SETTINGS)
    return order_answer(state.groups, response)


def _revision(state: AccountCatalog, key: str) -> str:
    return etags.group_revision(_require_group(state, key))


def _require_group(state: AccountCatalog, key: str) -> Group:
    if key not in state.groups:
        raise not_found(f"group {key}")
    return state.groups[key]


def _tagged_answer(state: AccountCatalog, key: str, response: Response) -> GroupAnswer:
    etags.set_etag(response, _revision(state, key))
    return group_answer(state.groups[key])
