"""`webhooks`: where an account has messages sent by HTTP."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request  # noqa: TC002 - FastAPI reads annotations at run time
from starlette.responses import Response

from consumer.catalog import audit
from consumer.catalog.audit import AuditedChange
from consumer.infra.clock import SystemClock
from consumer.infra.postgres.connection import fetch_one
from consumer.relay.webhooks import addresses, message
from consumer.relay.webhooks.enqueue import begin_shards, enqueue
from consumer.web.api.webhooks.schemas import (
    NewWebhook,
    NewWebhookAnswer,
    SecretAnswer,
    WebhookAnswer,
    WebhookChange,
    revision,
    webhook_members,
)
from consumer.web.http import etags
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Manager
from consumer.web.http.cursors import Page
from consumer.web.http.database import Database
from consumer.web.http.etags import IfMatch
from consumer.web.http.problems import body_fault, conflict, invalid, not_found
from sql import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from consumer.infra.postgres.connection import Connection
    from consumer.web.http.auth import Caller
    from consumer.web.http.database import AccountConnections

router = APIRouter(prefix="/v1/accounts/{account}", tags=["webhooks"], route_class=ApiRoute)

_SQL = queries("webhooks")
MAX_WEBHOOKS = 10

WebhookId = Annotated[UUID, Path(description="The webhook's id.")]


def _private_webhooks(request: Request) -> bool:
    allowed: bool = request.app.state.private_webhooks
    return allowed


PrivateAllowed = Annotated[bool, Depends(_private_webhooks)]


@router.get("/webhooks")
async def list_webhooks(caller: Manager, database: Database) -> Page[WebhookAnswer]:
    """List the account's webhooks, oldest first."""
    async with database.connection() as connection:
        rows = await connection.fetch(_SQL["list"], caller.account.id, None)
    items = [WebhookAnswer.model_validate(webhook_members(row)) for row in rows]
    return Page(items=items, next=None, engagement=caller.account.engagement)


@router.post("/webhooks", status_code=201)
async def create_webhook(
    caller: Manager, database: Database, private: PrivateAllowed, body: NewWebhook, response: Response
) -> NewWebhookAnswer:
    """Create a webhook: it gets what happens from now on. The answer has its secret, this once."""
    _check_url(body.url, private=private)
    secret = message.new_secret()
    types = sorted(set(body.types))
    async with database.changing() as connection, connection.transaction():
        await connection.execute(_SQL["lock_account"], caller.account.id)
        there = await connection.fetch(_SQL["list"], caller.account.id, None)
        if len(there) >= MAX_WEBHOOKS:
            raise conflict(f"the account has {MAX_WEBHOOKS} webhooks already: delete one first")
        await begin_shards(connection)
        row = await fetch_one(
            connection,
            _SQL["create"],
            *(caller.account.id, body.url, body.description, types, body.active, secret),
        )
        await _audit(connection, caller, "created", row["id"], after=body.provided() | {"types": types})
        made = await _read(connection, caller, row["id"])
    etags.set_etag(response, revision(made))
    return NewWebhookAnswer.model_validate(webhook_members(made) | {"secret": secret})


@router.get("/webhooks/{webhook}")
async def read_webhook(
    caller: Manager, database: Database, webhook: WebhookId, response: Response
) -> WebhookAnswer:
    """Return a webhook, and how sending to it goes."""
    async with database.connection() as connection:
        return _tagged(await _read(connection, caller, webhook), response)


@router.patch("/webhooks/{webhook}")
async def change_webhook(
    caller: Manager,
    database: Database,
    private: PrivateAllowed,
    *,
    webhook: WebhookId,
    body: WebhookChange,
    response: Response,
    if_match: IfMatch = None,
) -> WebhookAnswer:
    """Change a webhook; omitted fields stay. One that was paused goes on."""
    changes = body.provided()
    if "url" in changes:
        _check_url(body.url, private=private)
    if "types" in changes:
        changes["types"] = sorted(set(body.types))
    async with _locked(database, caller, webhook) as (connection, before):
        etags.require_match(if_match, revision(before))
        after = {name: before[name] for name in ("url", "description", "types", "active")} | changes
        await connection.execute(_SQL["change"], webhook, *after.values())
        differing = [name for name in changes if after[name] != before[name]]
        if differing:
            await _audit(
                *(connection, caller, "changed", webhook),
                before={name: before[name] for name in differing},
                after={name: after[name] for name in differing},
            )
        return _tagged(await _read(connection, caller, webhook), response)


@router.delete("/webhooks/{webhook}", status_code=204)
async def delete_webhook(
    caller: Manager, database: Database, webhook: WebhookId, if_match: IfMatch = None
) -> None:
    """Delete a webhook with its deliveries; what waits is not sent."""
    async with _locked(database, caller, webhook) as (connection, before):
        etags.require_match(if_match, revision(before))
        await connection.execute(_SQL["delete"], webhook)
        await _audit(connection, caller, "deleted", webhook, before={"url": before["url"]})


@router.post("/webhooks/{webhook}/rotate-secret")
async def rotate_webhook_secret(caller: Manager, database: Database, webhook: WebhookId) -> SecretAnswer:
    """Give a webhook a new secret. For a day what is sent is signed with both."""
    secret = message.new_secret()
    async with _locked(database, caller, webhook) as (connection, _):
        await connection.execute(_SQL["rotate"], webhook, secret)
        await _audit(connection, caller, "rotated", webhook)
    return SecretAnswer(secret=secret)


@router.post("/webhooks/{webhook}/resume")
async def resume_webhook(
    caller: Manager, database: Database, webhook: WebhookId, response: Response
) -> WebhookAnswer:
    """Let a paused webhook go on: what waits is sent from now on, and tried for a day."""
    async with _locked(database, caller, webhook) as (connection, before):
        await connection.execute(_SQL["resume"], webhook)
        if before["paused_at"] is not None:
            await _audit(connection, caller, "resumed", webhook)
        return _tagged(await _read(connection, caller, webhook), response)


@router.post("/webhooks/{webhook}/test", status_code=202)
async def test_webhook(
    caller: Manager, database: Database, webhook: WebhookId, response: Response
) -> WebhookAnswer:
    """Send a message of the type `engagement.webhook.test`. `Location` is the address of its delivery."""
    now = SystemClock().now()
    event_id = f"{caller.account.key}:webhook:{webhook}:{now.isoformat()}"
    body = message.event(event_id, message.TEST, caller.account.key, now, {"requested_by": caller.actor})
    async with _locked(database, caller, webhook) as (connection, _):
        await enqueue(connection, [(webhook, message.message_id(event_id), message.TEST, None, body)])
        shown = await _read(connection, caller, webhook)
    path = f"/v1/accounts/{caller.account.key}/webhooks/{webhook}/deliveries/{message.message_id(event_id)}"
    response.headers["Location"] = path
    return _tagged(shown, response)


async def require_webhook(connection: Connection, caller: Caller, webhook: UUID) -> None:
    """Raise ProblemError (404) unless the account has this webhook; locks it in a transaction."""
    if await connection.fetchval(_SQL["lock"], caller.account.id, webhook) is None:
        raise not_found(f"webhook {webhook}")


@asynccontextmanager
async def _locked(
    database: AccountConnections, caller: Caller, webhook: UUID
) -> AsyncIterator[tuple[Connection, asyncpg.Record]]:
    """Give a transaction in which a webhook is locked, and the webhook; raises ProblemError (404)."""
    async with database.changing() as connection, connection.transaction():
        await require_webhook(connection, caller, webhook)
        yield connection, await _read(connection, caller, webhook)


async def _read(connection: Connection, caller: Caller, webhook: UUID) -> asyncpg.Record:
    row = await connection.fetchrow(_SQL["list"], caller.account.id, webhook)
    if row is None:
        raise not_found(f"webhook {webhook}")
    return row


def _tagged(row: asyncpg.Record, response: Response) -> WebhookAnswer:
    answer = WebhookAnswer.model_validate(webhook_members(row))
    etags.set_etag(response, answer.revision, etags.revision(answer.model_dump(mode="json")))
    return answer


def _check_url(url: str, *, private: bool) -> None:
    try:
        addresses.parse(url, private=private)
    except ValueError as error:
        raise invalid(body_fault("url", str(error))) from None


async def _audit(connection: Connection, caller: Caller, action: str, webhook: UUID, **values: Any) -> None:
    change = AuditedChange(action, "webhook", str(webhook), **values)
    await audit.record_changes(connection, caller.account.key, caller.actor, change)
