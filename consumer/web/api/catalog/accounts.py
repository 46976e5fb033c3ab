"""`accounts`: list and create them, read and change one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field, StrictBool, StrictStr
from starlette.requests import Request
from starlette.responses import Response

from consumer.catalog import repository
from consumer.catalog.export import settings_mapping
from consumer.catalog.repository import SETTINGS
from consumer.web.api.catalog.edit import edit, with_settings
from consumer.web.http import cursors, etags
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import ALL_ACCOUNTS, AnyOperator, Operator, Reader
from consumer.web.http.cursors import Cursor, Limit
from consumer.web.http.database import Database
from consumer.web.http.etags import IfMatch
from consumer.web.http.problems import Code, ProblemError, conflict, not_found
from consumer.web.http.request_types import Body, Text
from sql import queries

if TYPE_CHECKING:
    from consumer.catalog.model.account import AccountCatalog, AccountSettings
    from consumer.web.http.known_accounts import KnownAccounts

router = APIRouter(prefix="/v1/accounts", tags=["accounts"], route_class=ApiRoute)
own = APIRouter(prefix="/v1/accounts/{account}", tags=["accounts"], route_class=ApiRoute)

AccountKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class NewAccount(Body):
    """An account to create."""

    account: AccountKey
    """The account's key, as in `accountid` of events; it cannot be changed."""
    name: Text
    """The name for display."""
    engagement: StrictBool = True
    """Whether the engagement module is on; while it is off, events have no effect."""
    sales: StrictBool = False
    """Whether the sales module is on."""
    retention: StrictStr | None = None
    """How long timeline entries are kept, like `365d`; null: for ever."""
    time_zone: StrictStr = "UTC"
    """The IANA time zone for display and calendar days."""
    count_robots: StrictBool = False
    """Whether events of robots count as well."""


class AccountChange(Body):
    """Changes to an account; omitted fields stay as they are."""

    name: Text = Field(default_factory=str)
    """The name for display."""
    engagement: StrictBool = Field(default_factory=bool)
    """Whether the engagement module is on; while it is off, events have no effect."""
    sales: StrictBool = Field(default_factory=bool)
    """Whether the sales module is on."""
    retention: StrictStr | None = None
    """How long timeline entries are kept, like `365d`; null: for ever. A shorter one removes entries at once."""
    time_zone: StrictStr = Field(default_factory=str)
    """The IANA time zone for display and calendar days."""
    count_robots: StrictBool = Field(default_factory=bool)
    """Whether events of robots count as well."""


class AccountSummary(BaseModel, use_attribute_docstrings=True):
    """An account in a list."""

    account: str
    """The account's key."""
    name: str
    """The name for display."""
    engagement: bool
    """Whether the engagement module is on."""
    sales: bool
    """Whether the sales module is on."""


class AccountAnswer(BaseModel, use_attribute_docstrings=True):
    """An account."""

    account: str
    """The account's key."""
    name: str
    """The name for display."""
    engagement: bool
    """Whether the engagement module is on; while it is off, events have no effect."""
    sales: bool
    """Whether the sales module is on."""
    retention: str | None
    """How long timeline entries are kept, like `365d`; null: for ever."""
    time_zone: str
    """The IANA time zone for display and calendar days."""
    count_robots: bool
    """Whether events of robots count as well."""
    revision: str
    """The value of `ETag`, without quotes."""


class AccountPage(BaseModel, use_attribute_docstrings=True, json_schema_serialization_defaults_required=True):
    """One page of accounts."""

    items: list[AccountSummary]
    """The accounts, by key."""
    next: str | None = None
    """The cursor of the next page; null on the last one."""


@router.get("")
async def list_accounts(
    operator: AnyOperator, database: Database, limit: Limit = 50, cursor: Cursor = None
) -> AccountPage:
    """List the accounts that the token covers, by key."""
    context = ("accounts", operator.account)
    (after,) = cursors.decode(context, cursor) or ("",)
    only_account = None if operator.account == ALL_ACCOUNTS else operator.account
    async with database.connection() as connection:
        rows = await connection.fetch(queries("accounts")["accounts_page"], only_account, after, limit + 1)
    items = [AccountSummary(**row) for row in rows[:limit]]
    more = len(rows) > limit
    return AccountPage(items=items, next=cursors.encode(context, [items[-1].account]) if more else None)


@router.post("", status_code=201)
async def create_account(
    operator: AnyOperator, database: Database, body: NewAccount, response: Response
) -> AccountAnswer:
    """Create an account, with a primary profile `lead_score` that inherits the catalog's points."""
    if not operator.covers(body.account):
        raise ProblemError(Code.FORBIDDEN, f"the token is only for account {operator.account}")

    def make(before: AccountCatalog) -> AccountCatalog:
        if before.settings is not None:
            raise conflict(f"account {body.account} already exists")
        return with_settings(
            before, {name: value for name, value in body.provided().items() if name != "account"}
        )

    return _tagged_answer(await edit(database, body.account, operator.actor, make), response)


@own.get("")
async def read_account(caller: Reader, database: Database, response: Response) -> AccountAnswer:
    """Return an account."""
    async with database.snapshot() as connection:
        state = await repository.read(connection, caller.account.key, SETTINGS)
    return _tagged_answer(state, response)


@own.patch("")
async def change_account(
    request: Request,
    caller: Operator,
    database: Database,
    body: AccountChange,
    response: Response,
    *,
    if_match: IfMatch = None,
) -> AccountAnswer:
    """Change an account; omitted fields stay. While the engagement module is off, events have no effect."""

    def make(before: AccountCatalog) -> AccountCatalog:
        etags.require_match(if_match, etags.settings_revision(_settings(before)))
        return with_settings(before, body.provided())

    accounts: KnownAccounts = request.app.state.accounts
    try:
        state = await edit(database, caller.account.key, caller.actor, make, scope=SETTINGS)
    finally:
        # After an error too: a change whose answer was lost may have been made.
        accounts.forget(caller.account.key)
    return _tagged_answer(state, response)


def _settings(state: AccountCatalog) -> AccountSettings:
    if state.settings is None:
        raise not_found(f"account {state.account}")
    return state.settings


def _tagged_answer(state: AccountCatalog, response: Response) -> AccountAnswer:
    settings = _settings(state)
    current = etags.settings_revision(settings)
    etags.set_etag(response, current)
    return AccountAnswer(account=state.account, **settings_mapping(settings), revision=current)
