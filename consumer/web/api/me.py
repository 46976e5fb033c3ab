"""`/v1/me`: what a token is good for, for clients that adapt to it."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from consumer.web.api.catalog.accounts import AccountSummary
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import ALL_ACCOUNTS, AnyCaller, Permission
from consumer.web.http.database import Database
from consumer.web.http.timestamps import Instant
from sql import queries

router = APIRouter(prefix="/v1", tags=["accounts"], route_class=ApiRoute)

_MOST_ACCOUNTS = 50


class MeAnswer(BaseModel, use_attribute_docstrings=True):
    """The caller, as its token says."""

    actor: str
    """The actor of the token (`sub`), as the audit trail records it."""
    account: str
    """The key of the account that the token covers; `*`: all accounts."""
    permissions: list[Permission]
    """What the token permits. None of them implies another."""
    expires_at: Instant
    """When the token expires."""
    accounts: list[AccountSummary]
    """The accounts that the token covers, by key: the first 50. None without a permission."""
    more_accounts: bool
    """Whether the token covers further accounts."""


@router.get("/me")
async def read_me(caller: AnyCaller, database: Database) -> MeAnswer:
    """Return who the caller is by its token, and what the token covers. Any valid token will do."""
    permissions = [each for each in Permission if each in caller.permissions]
    only_account = None if caller.account == ALL_ACCOUNTS else caller.account
    accounts: list[AccountSummary] = []
    if permissions:
        async with database.connection() as connection:
            rows = await connection.fetch(
                queries("accounts")["accounts_page"], only_account, "", _MOST_ACCOUNTS + 1
            )
        accounts = [AccountSummary(**row) for row in rows]
    return MeAnswer(
        actor=caller.actor,
        account=caller.account,
        permissions=permissions,
        expires_at=caller.expires_at,
        accounts=accounts[:_MOST_ACCOUNTS],
        more_accounts=len(accounts) > _MOST_ACCOUNTS,
    )
