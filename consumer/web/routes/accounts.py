"""Accounts: what they are called and which modules are on."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from consumer.catalog import stored
from consumer.catalog.fields import duration_text
from consumer.web.auth import Reader  # noqa: TC001 - FastAPI reads annotations at run time
from consumer.web.database import Database  # noqa: TC001 - FastAPI reads annotations at run time
from consumer.web.problems import not_found

router = APIRouter(prefix="/v1/accounts/{account}", tags=["accounts"])


class AccountAnswer(BaseModel):
    """An account."""

    account: str
    name: str
    engagement: bool
    sales: bool
    retention: str | None
    time_zone: str
    count_robots: bool


@router.get("")
async def read_account(caller: Reader, database: Database) -> AccountAnswer:
    """Return an account."""
    async with database.snapshot() as connection:
        settings = (await stored.read(connection, caller.account.key)).settings
    if settings is None:
        raise not_found(f"account {caller.account.key}")
    retention = settings.retention_seconds
    return AccountAnswer(
        account=caller.account.key,
        name=settings.name,
        engagement=settings.engagement,
        sales=settings.sales,
        retention=None if retention is None else duration_text(retention),
        time_zone=settings.time_zone,
        count_robots=settings.count_robots,
    )
