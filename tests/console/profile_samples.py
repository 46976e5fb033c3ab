"""Accounts for the pages of score profiles. Never asserts anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.console.sample import happened, sales_account, upserted
from tests.web.account_events import record
from tests.web.api_client import bearer
from tests.web.sample_account import GROUPS, OPENED, WON, draft, publish

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'
BANDS: dict[str, Any] = {
    "floor": 0,
    "cap": 500,
    "bands": [
        {"key": "cold"},
        {"key": "warm", "min": 20},
        {"key": "hot", "min": 60},
        {"key": "burning", "min": 150},
    ],
}


async def hostile_account(worker: Service, new_account: Callable[..., Awaitable[str]], api: Api) -> str:
    """Name an account whose names and ids, and a contact's, would run a script, and whose draft waits."""
    account = await new_account(
        groups=[{**each, "name": HOSTILE} for each in GROUPS],
        definitions=[{**WON, "name": HOSTILE}, {**OPENED, "name": HOSTILE}],
    )
    await worker.batch(
        [
            record(account, "deal.won", subject=HOSTILE),
            record(account, "contact.upserted", subject=HOSTILE, data=f'{{"name": {_json(HOSTILE)}}}'),
        ]
    )
    segment = {"key": "hot", "name": HOSTILE, "match": {"all": [{"score": {"min": 45}}]}}
    async with api.as_(account, actor=HOSTILE) as client:
        await client.post("/segments", json=segment)
        await draft(client, name=HOSTILE, description=HOSTILE, weights={"deal_won": 51})
        await publish(api, client)
        await draft(client, weights={"deal_won": 10}, groups={"mail": {"cap": 5}})
        await client.post("/profiles", json={"key": "other", "name": HOSTILE, "description": HOSTILE})
    return account


def _json(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


async def busy_account(worker: Service, new_account: Callable[..., Awaitable[str]], api: Api) -> str:
    """Name an account with the starting catalog, some dozens of contacts of many scores, bands, and a draft."""
    account = await sales_account(worker, new_account)
    begin = datetime.now(UTC) - timedelta(days=12)
    kinds = (
        "message.received",
        "deal.created",
        "deal.won",
        "email.opened",
        "payment.succeeded",
        "booking.created",
    )
    records = []
    for number in range(48):
        contact = f"lead-{number}"
        records.append(upserted(account, contact, begin, name=_NAMES[number % len(_NAMES)] + f" {number}"))
        records += [
            happened(
                account,
                kinds[(number + place) % len(kinds)],
                begin + timedelta(hours=5 * place),
                subject=contact,
                objectid=f"{contact}-{place}",
                data={"amount": 100 * number},
            )
            for place in range(number % 9 + 1)
        ]
    await worker.batch(records)
    hot = {"key": "hot", "name": "Hot and mine", "match": {"all": [{"score": {"min": 60}}]}}
    async with api.as_(account) as client:
        await client.post("/segments", json=hot)
        await draft(client, overall=BANDS)
        await publish(api, client)
        weights = {"deal_won": 35, "message_received": -4, "email_opened": 6}
        await draft(client, weights=weights, groups={"marketing": {"cap": 60}})
        await client.post(
            "/profiles", json={"key": "renewals", "name": "Renewals", "description": "Who will stay"}
        )
    return account


_NAMES = ("Ines Moreira", "Jonas Weber", "Priya Nair", "Tom O\u2019Brien", "Li Wei", "Sara Lopes")
__all__ = ["BANDS", "HOSTILE", "bearer", "busy_account", "hostile_account"]
