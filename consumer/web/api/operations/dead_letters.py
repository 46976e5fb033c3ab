"""`dead-letters`: records that could not be events; list, show, replay, discard.

Below an account those that name it. Beside the accounts, for tokens of all accounts, those whose account cannot be
read, and those of any account, which need not exist.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.requests import Request

from consumer.web.api.catalog.accounts import AccountKey
from consumer.web.api.operations import dead_letter_answers as answers
from consumer.web.api.operations.dead_letter_answers import (
    DeadLetterAnswer,
    DeadLetterId,
    DeadLetterIds,
    DeadLetterItem,
    DeadLetterParam,
    DiscardAnswer,
    ReplayAnswer,
)
from consumer.web.http import cursors
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import ALL_ACCOUNTS, AnyOperator, Claims, Operator
from consumer.web.http.cursors import Cursor, Limit, Page
from consumer.web.http.database import Database
from consumer.web.http.problems import Code, ProblemError

router = APIRouter(prefix="/v1/accounts/{account}", tags=["dead letters"], route_class=ApiRoute)
beside_accounts = APIRouter(prefix="/v1", tags=["dead letters"], route_class=ApiRoute)

OfAccount = Annotated[
    AccountKey | None,
    Query(description="Those that name this account; default: those whose account cannot be read."),
]


class AnyDeadLetterPage(BaseModel, use_attribute_docstrings=True):
    """One page of dead letters."""

    items: list[DeadLetterItem]
    """Newest first."""
    next: str | None = None
    """The cursor of the next page; null on the last one."""


@router.get("/dead-letters")
async def list_dead_letters(
    caller: Operator, database: Database, params: DeadLetterParam, limit: Limit = 50, cursor: Cursor = None
) -> Page[DeadLetterItem]:
    """List the dead letters that name the account, newest first. A page may be short and not the last."""
    context = ("dead_letters", caller.account.id, params)
    (before,) = cursors.decode(context, cursor) or (cursors.NEWEST,)
    page = await answers.read_page(database, caller.account.key, params, before, limit)
    return Page(
        items=[answers.item(one) for one in page.letters],
        next=None if page.before is None else cursors.encode(context, [page.before]),
        engagement=caller.account.engagement,
    )


@router.get("/dead-letters/{dead_letter}")
async def read_dead_letter(
    caller: Operator, database: Database, dead_letter: DeadLetterId
) -> DeadLetterAnswer:
    """Return a dead letter with its bytes."""
    return await answers.read_whole(database, dead_letter, caller.account.key)


@router.post("/dead-letters/replay")
async def replay_dead_letters(
    caller: Operator, database: Database, body: DeadLetterIds, request: Request
) -> ReplayAnswer:
    """Process dead letters again, once the cause is fixed: the stored bytes, with the records' own timestamps."""
    return await answers.replay(
        database,
        body.ids,
        caller.account.key,
        actor=caller.actor,
        claim_window=request.app.state.claim_window,
    )


@router.post("/dead-letters/discard")
async def discard_dead_letters(caller: Operator, database: Database, body: DeadLetterIds) -> DiscardAnswer:
    """Delete dead letters for good. One that is not yet published on `engagement.dead-letters` never is."""
    return await answers.discard(database, body.ids, caller.account.key, actor=caller.actor)


@beside_accounts.get("/dead-letters")
async def list_any_dead_letters(
    operator: AnyOperator,
    database: Database,
    params: DeadLetterParam,
    *,
    account: OfAccount = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> AnyDeadLetterPage:
    """List dead letters whose account cannot be read, or those that name an account, for tokens of all accounts."""
    _require_all_accounts(operator)
    context = ("any_dead_letters", account, params)
    (before,) = cursors.decode(context, cursor) or (cursors.NEWEST,)
    page = await answers.read_page(database, account, params, before, limit)
    return AnyDeadLetterPage(
        items=[answers.item(one) for one in page.letters],
        next=None if page.before is None else cursors.encode(context, [page.before]),
    )


@beside_accounts.get("/dead-letters/{dead_letter}")
async def read_any_dead_letter(
    operator: AnyOperator, database: Database, dead_letter: DeadLetterId
) -> DeadLetterAnswer:
    """Return any dead letter with its bytes, for tokens of all accounts."""
    _require_all_accounts(operator)
    return await answers.read_whole(database, dead_letter, None)


@beside_accounts.post("/dead-letters/replay")
async def replay_any_dead_letters(
    operator: AnyOperator, database: Database, body: DeadLetterIds, request: Request
) -> ReplayAnswer:
    """Process any dead letters again, for tokens of all accounts."""
    _require_all_accounts(operator)
    return await answers.replay(
        database, body.ids, None, actor=operator.actor, claim_window=request.app.state.claim_window
    )


@beside_accounts.post("/dead-letters/discard")
async def discard_any_dead_letters(
    operator: AnyOperator, database: Database, body: DeadLetterIds
) -> DiscardAnswer:
    """Delete any dead letters for good, for tokens of all accounts."""
    _require_all_accounts(operator)
    return await answers.discard(database, body.ids, None, actor=operator.actor)


def _require_all_accounts(operator: Claims) -> None:
    """Raise ProblemError (404) for a token of one account."""
    if operator.account != ALL_ACCOUNTS:
        raise ProblemError(
            Code.NOT_FOUND, f"the token is for account {operator.account}: its dead letters are below that"
        )
