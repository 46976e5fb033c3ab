"""`tracker-tokens`: the public write keys of an account, and what calls with them may do."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from consumer.catalog import audit
from consumer.catalog.audit import AuditedChange
from consumer.domain.tracker_keys import ending_of, hash_of, new_key, new_signing_secret
from consumer.web.api.tracker_tokens.schemas import (
    SETTINGS,
    NewTrackerToken,
    NewTrackerTokenAnswer,
    Rotation,
    TrackerKeyAnswer,
    TrackerTokenAnswer,
    TrackerTokenChange,
    revision,
    settings,
    token_members,
)
from consumer.web.http import cursors, etags
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Manager
from consumer.web.http.cursors import Cursor, Limit, Page
from consumer.web.http.database import Database
from consumer.web.http.etags import IfMatch
from consumer.web.http.problems import conflict, not_found
from sql import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from consumer.infra.postgres.connection import Connection
    from consumer.web.http.auth import Caller
    from consumer.web.http.database import AccountConnections

router = APIRouter(prefix="/v1/accounts/{account}", tags=["tracker tokens"], route_class=ApiRoute)

_SQL = queries("tracker_tokens")
# Of an account, without those that are revoked; and of a token.
MAX_TOKENS = 50
MAX_KEYS = 5
_IN_A_DAY = Rotation()
_FIRST = ["0001-01-01T00:00:00+00:00", str(UUID(int=0))]

TokenId = Annotated[UUID, Path(description="The token's id.")]


@router.get("/tracker-tokens")
async def list_tracker_tokens(
    caller: Manager,
    database: Database,
    *,
    revoked: Annotated[bool, Query(description="Also those that were revoked.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[TrackerTokenAnswer]:
    """List the account's tokens, oldest first, without their keys."""
    context = ("tracker tokens", caller.account.id, revoked)
    created_at, last = cursors.decode(context, cursor) or _FIRST
    async with database.connection() as connection:
        rows = await connection.fetch(
            *(_SQL["page"], caller.account.id, datetime.fromisoformat(created_at), last, revoked, limit + 1)
        )
    items = [TrackerTokenAnswer.model_validate(token_members(row)) for row in rows]
    return cursors.page(
        *(items, limit, context, lambda item: [item.created_at.astimezone(UTC).isoformat(), str(item.id)]),
        engagement=caller.account.engagement,
    )


@router.post("/tracker-tokens", status_code=201)
async def create_tracker_token(
    caller: Manager, database: Database, body: NewTrackerToken, response: Response
) -> NewTrackerTokenAnswer:
    """Create a token. The answer has its key and signing secret, this once; only the key's hash is stored."""
    values = _sorted(body.model_dump(mode="json"))
    key, secret = new_key(), new_signing_secret()
    async with _changing(database) as (connection, changed):
        if await connection.fetchval(_SQL["valid"], caller.account.id) >= MAX_TOKENS:
            raise conflict(f"the account has {MAX_TOKENS} tracker tokens already: revoke one first")
        parameters = [values[name] for name in SETTINGS]
        token = await connection.fetchval(_SQL["create"], caller.account.id, changed, *parameters)
        await connection.execute(_SQL["add_key"], token, hash_of(key), ending_of(key), secret)
        await _audit(connection, caller, "created", token, after=values)
        made = await read_token(connection, caller, token)
    etags.set_etag(response, revision(made))
    return NewTrackerTokenAnswer.model_validate(token_members(made) | {"key": key, "signing_secret": secret})


@router.get("/tracker-tokens/{token}")
async def read_tracker_token(
    caller: Manager, database: Database, token: TokenId, response: Response
) -> TrackerTokenAnswer:
    """Return a token, and how it is used."""
    async with database.connection() as connection:
        return _tagged(await read_token(connection, caller, token), response)


@router.patch("/tracker-tokens/{token}")
async def change_tracker_token(
    caller: Manager,
    database: Database,
    *,
    token: TokenId,
    body: TrackerTokenChange,
    response: Response,
    if_match: IfMatch = None,
) -> TrackerTokenAnswer:
    """Change a token; omitted fields stay. The tracker goes by it within two seconds."""
    async with _locked(database, caller, token) as (connection, changed, before):
        etags.require_match(if_match, revision(before))
        old = settings(before)
        new = old | _sorted(body.provided())
        differing = [name for name in SETTINGS if new[name] != old[name]]
        if differing:
            await connection.execute(_SQL["change"], token, changed, *new.values())
            await _audit(
                *(connection, caller, "changed", token),
                before={name: old[name] for name in differing},
                after={name: new[name] for name in differing},
            )
        return _tagged(await read_token(connection, caller, token), response)


@router.delete("/tracker-tokens/{token}", status_code=204)
async def revoke_tracker_token(
    caller: Manager, database: Database, token: TokenId, if_match: IfMatch = None
) -> None:
    """Revoke a token for ever: within two seconds its keys are unknown, and links with them are worth nothing."""
    async with _locked(database, caller, token) as (connection, changed, before):
        etags.require_match(if_match, revision(before))
        await connection.execute(_SQL["revoke"], token, changed)
        await _audit(connection, caller, "revoked", token, before={"name": before["name"]})


@router.post("/tracker-tokens/{token}/rotate")
async def rotate_tracker_token(
    caller: Manager, database: Database, token: TokenId, body: Rotation = _IN_A_DAY
) -> TrackerKeyAnswer:
    """Give a token a new key and signing secret. Those before stay valid for a while, as do links made of them."""
    key, secret = new_key(), new_signing_secret()
    async with _locked(database, caller, token) as (connection, changed, before):
        if body.old_valid_for and len(before["endings"] or ()) >= MAX_KEYS:
            raise conflict(f"the token has {MAX_KEYS} valid keys: wait until one expires, or end them all")
        await connection.execute(_SQL["replace_keys"], token, body.old_valid_for, changed)
        await connection.execute(_SQL["add_key"], token, hash_of(key), ending_of(key), secret)
        after = {"old_valid_for": body.old_valid_for}
        await _audit(connection, caller, "rotated", token, after=after)
    return TrackerKeyAnswer(key=key, signing_secret=secret)


@asynccontextmanager
async def _changing(database: AccountConnections) -> AsyncIterator[tuple[Connection, int]]:
    """Give a transaction in which no other token changes, and the revision of what is changed in it."""
    async with database.changing() as connection, connection.transaction():
        yield connection, await connection.fetchval(_SQL["raise_revision"])


@asynccontextmanager
async def _locked(
    database: AccountConnections, caller: Caller, token: UUID
) -> AsyncIterator[tuple[Connection, int, asyncpg.Record]]:
    """Give such a transaction, and a token that is not revoked; raises ProblemError (404, 409)."""
    async with _changing(database) as (connection, changed):
        before = await read_token(connection, caller, token)
        if before["revoked_at"] is not None:
            raise conflict("the token was revoked")
        yield connection, changed, before


async def read_token(connection: Connection, caller: Caller, token: UUID) -> asyncpg.Record:
    """Return a token of the caller's account with its valid keys; raises ProblemError (404)."""
    row = await connection.fetchrow(_SQL["token"], caller.account.id, token)
    if row is None:
        raise not_found(f"tracker token {token}")
    return row


def _tagged(row: asyncpg.Record, response: Response) -> TrackerTokenAnswer:
    answer = TrackerTokenAnswer.model_validate(token_members(row))
    etags.set_etag(response, answer.revision, etags.revision(answer.model_dump(mode="json")))
    return answer


def _sorted(values: dict[str, Any]) -> dict[str, Any]:
    """Return settings with each member of a list once."""
    return {name: sorted(set(value)) if isinstance(value, list) else value for name, value in values.items()}


async def _audit(connection: Connection, caller: Caller, action: str, token: UUID, **values: Any) -> None:
    change = AuditedChange(action, "tracker_token", str(token), **values)
    await audit.record_changes(connection, caller.account.key, caller.actor, change)
