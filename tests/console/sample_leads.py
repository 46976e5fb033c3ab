"""An account with many leads: the starting catalog, names, owners and some weeks of events.

Never asserts anything.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.console.sample import happened, starting_catalog, upserted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.oracle import OracleRecord
    from tests.pipeline.service import Service

OWNERS = ("ann", "rosa", "sam")
_FIRST = (
    "Amara",
    "Bruno",
    "Chloé",
    "Dmitri",
    "Elif",
    "Farid",
    "Greta",
    "Hugo",
    "Inês",
    "Jonas",
    "Kenji",
    "Lúcia",
)
_LAST = (
    "Almeida",
    "Baptiste",
    "Castellanos",
    "Duarte",
    "Eriksen",
    "Fontaine",
    "Grünwald",
    "Hofmann",
    "Ito",
    "Jansen",
)
_EVENTS = (
    "deal.created", "deal.won", "order.placed", "payment.succeeded", "message.received", "message.received",
    "email.opened", "email.opened", "email.opened", "email.clicked", "booking.created", "booking.no_show",
)  # fmt: skip


async def leads_account(
    worker: Service, new_account: Callable[..., Awaitable[str]], leads: int = 120, **sections: object
) -> str:
    """Name an account with so many contacts, `lead-000` on, a third of them of each of OWNERS."""
    account = await new_account(**{**starting_catalog(), **sections})
    chance, now = random.Random(7), datetime.now(UTC).replace(microsecond=0)
    records: list[OracleRecord] = []
    for number in range(leads):
        lead = f"lead-{number:03}"
        name = f"{_FIRST[number % len(_FIRST)]} {_LAST[number // len(_FIRST) % len(_LAST)]}"
        fields = {"name": name, "owner": OWNERS[number % len(OWNERS)], "email": f"{lead}@example.com"}
        records.append(upserted(account, lead, now - timedelta(days=40), **fields))
        for _ in range(int(chance.expovariate(0.35))):
            at = now - timedelta(minutes=chance.randrange(10, 60 * 24 * 21))
            records.append(
                happened(account, chance.choice(_EVENTS), at, subject=lead, objectid=f"o{chance.random()}")
            )
    await worker.batch(records)
    return account
