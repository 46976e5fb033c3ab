"""`webhooks/{webhook}/deliveries`: what was sent to a webhook, what waits, and what has failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

from fastapi import APIRouter, Path, Query

from consumer.web.api.webhooks.schemas import DeliveryAnswer, State, WholeDelivery
from consumer.web.api.webhooks.webhooks import WebhookId, require_webhook
from consumer.web.http import cursors
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Manager
from consumer.web.http.cursors import Cursor, Limit, Page
from consumer.web.http.database import Database
from consumer.web.http.problems import not_found
from sql import queries

if TYPE_CHECKING:
    import asyncpg

router = APIRouter(prefix="/v1/accounts/{account}", tags=["webhooks"], route_class=ApiRoute)

_SQL = queries("webhooks")

Answer = TypeVar("Answer", bound=DeliveryAnswer)
DeliveryId = Annotated[str, Path(max_length=100, description="The message's `webhook-id`.")]


@router.get("/webhooks/{webhook}/deliveries")
async def list_deliveries(
    caller: Manager,
    database: Database,
    webhook: WebhookId,
    *,
    state: Annotated[State | None, Query(description="Only deliveries in this state.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[DeliveryAnswer]:
    """List the deliveries of a webhook, newest first."""
    context = ("deliveries", caller.account.id, webhook, state)
    (before,) = cursors.decode(context, cursor) or (None,)
    async with database.connection() as connection:
        await require_webhook(connection, caller, webhook)
        rows = await connection.fetch(_SQL["deliveries"], webhook, before, state, limit + 1)
    items = [_members(DeliveryAnswer, row) for row in rows]
    return cursors.page(items, limit, context, lambda item: [item.id], engagement=caller.account.engagement)


@router.get("/webhooks/{webhook}/deliveries/{delivery}")
async def read_delivery(
    caller: Manager, database: Database, webhook: WebhookId, delivery: DeliveryId
) -> WholeDelivery:
    """Return a delivery with the message's body."""
    async with database.connection() as connection:
        await require_webhook(connection, caller, webhook)
        row = await connection.fetchrow(_SQL["delivery"], webhook, delivery)
    if row is None:
        raise not_found(f"delivery {delivery}")
    return _members(WholeDelivery, row)


@router.post("/webhooks/{webhook}/deliveries/{delivery}/resend", status_code=202)
async def resend_delivery(
    caller: Manager, database: Database, webhook: WebhookId, delivery: DeliveryId
) -> DeliveryAnswer:
    """Send a message again, under the same id; one that waits is tried at once."""
    async with database.changing() as connection, connection.transaction():
        await require_webhook(connection, caller, webhook)
        await connection.execute(_SQL["resend"], webhook, delivery)
        row = await connection.fetchrow(_SQL["delivery"], webhook, delivery)
    if row is None:
        raise not_found(f"delivery {delivery}")
    return _members(DeliveryAnswer, row)


def _members(model: type[Answer], row: asyncpg.Record) -> Answer:
    """Return the answer about a delivery: outside it goes by its message."""
    return model.model_validate({**row, "id": row["message_id"]})
