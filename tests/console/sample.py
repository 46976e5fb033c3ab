"""An account as a sales team has it: the starting catalog, and a contact with months of events of all verdicts.

Never asserts anything.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

import catalogs
from tests.builders.events import dated_event

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.oracle import OracleRecord
    from tests.pipeline.service import Service

_numbers = count(1)
# Of the contacts that have little more than a name.
OTHERS = {"bruno": "Bruno Castro", "crm/77": "Zoë Lindqvist", "dora": "Dora Okafor"}
# Days ago, and the events of that day by type, each with an object and what it came with.
_STORY: tuple[tuple[int, tuple[tuple[str, str | None, dict[str, Any]], ...]], ...] = (
    (118, (("message.received", "chat-1", {}), ("message.sent", "chat-1", {}))),
    (96, (("deal.created", "deal-1", {"amount": 1200}),)),
    (90, (("booking.created", "call-1", {}), ("message.received", "chat-1", {"has_attachment": True}))),
    (75, (("booking.no_show", "call-1", {}),)),
    (60, (("email.opened", "spring", {}), ("email.opened", "spring", {}), ("email.clicked", "spring", {}))),
    (41, (("deal.won", "deal-1", {"amount": 1200}), ("payment.succeeded", None, {"amount": 600}))),
    (22, (("message.received", "chat-2", {}), ("message.received", "chat-2", {}))),
    (9, (("order.placed", "order-1", {"amount": 80, "lines": [{"sku": "A-1", "count": 2}]}),)),
    (3, (("deal.created", "deal-2", {"amount": 15000}), ("nobody.names_this", None, {}))),
    (1, (("deal.won", "deal-2", {"amount": 15000}), ("payment.failed", None, {"amount": 15000}))),
)


@cache
def starting_catalog() -> dict[str, Any]:
    """Return the catalog to start from, as sections of a document."""
    document = YAML(typ="safe").load(catalogs.starting())
    return {name: document[name] for name in ("sales", "groups", "definitions", "profiles")}


async def sales_account(worker: Service, new_account: Callable[..., Awaitable[str]], **sections: Any) -> str:
    """Name an account with the starting catalog in which ann has months of events, and three others few."""
    account = await new_account(**{**starting_catalog(), **sections})
    begin = datetime.now(UTC).replace(hour=9, minute=30, second=0, microsecond=0)
    records = [upserted(account, "ann", begin - timedelta(days=119), **_ANN)]
    for days, events in _STORY:
        for place, (kind, about, data) in enumerate(events):
            at = begin - timedelta(days=days) + timedelta(minutes=7 * place)
            records.append(
                happened(account, kind, at, objectid=about, data=data, actorid="rosa", actortype="rep")
            )
    for number, (contact, name) in enumerate(OTHERS.items()):
        at = begin - timedelta(days=20 + number)
        records.append(upserted(account, contact, at, name=name, owner="rosa" if number else "sam"))
        records.append(happened(account, "deal.created", at, subject=contact, objectid=f"{contact}-1"))
    await worker.batch(records)
    return account


_ANN = {
    "name": "Ann Émilie Carvalho",
    "owner": "rosa",
    "email": "ann@carvalho.example",
    "phone": "+351 21 555 01 99",
    "url": "https://crm.example/people/ann",
    "tags": ["vip", "renewal"],
}


def happened(
    account: str, kind: str, at: datetime, *, subject: str = "ann", data: Any = None, **attributes: Any
) -> OracleRecord:
    """Return an event of an account. data: JSON values."""
    return dated_event(
        f"evt-{next(_numbers)}",
        at,
        **{
            "type": kind,
            "accountid": account,
            "subject": subject,
            "data": json.dumps(data or {}),
            **attributes,
        },
    )


def upserted(account: str, contact: str, at: datetime, **fields: Any) -> OracleRecord:
    """Return what says who a contact is."""
    return happened(account, "contact.upserted", at, subject=contact, data=fields)
