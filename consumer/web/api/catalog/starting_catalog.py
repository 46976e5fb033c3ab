"""`starting-catalog`: what most teams want counted, for an account that counts nothing yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from pydantic import BaseModel
from ruamel.yaml import YAML

import catalogs
from consumer.web.api.catalog.edit import Limits, edit, with_sections
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Manager
from consumer.web.http.database import Database
from consumer.web.http.problems import conflict

if TYPE_CHECKING:
    from consumer.catalog.model.account import AccountCatalog

router = APIRouter(prefix="/v1/accounts/{account}", tags=["definitions"], route_class=ApiRoute)

_SECTIONS = ("groups", "definitions", "profiles")


class StartingCatalogAnswer(BaseModel, use_attribute_docstrings=True):
    """What the account has now."""

    groups: list[str]
    """The keys of its groups."""
    definitions: list[str]
    """The keys of its definitions."""
    profiles: list[str]
    """The keys of its profiles."""


@router.post("/starting-catalog", status_code=201)
async def take_starting_catalog(caller: Manager, database: Database, limits: Limits) -> StartingCatalogAnswer:
    """Take over the starting catalog: groups, definitions, and a profile with bands, which is published.

    Only an account without groups and definitions can. Its own fields (time zone, retention, …) stay as they are.
    """
    document = YAML(typ="safe").load(catalogs.starting())

    def make(before: AccountCatalog) -> AccountCatalog:
        if before.groups or before.definitions:
            raise conflict("the account has a catalog of its own: delete its groups and definitions first")
        return with_sections(before, {section: document[section] for section in _SECTIONS}, limits)

    state = await edit(database, caller.account.key, caller.actor, make)
    return StartingCatalogAnswer(
        groups=[*state.groups], definitions=[*state.definitions], profiles=[*state.profiles]
    )
