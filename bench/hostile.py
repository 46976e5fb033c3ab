"""A thousand accounts, and one more that does what hurts: its catalog, its history, its records, its acts.

Owns what the hostile account is in each case. Never measures.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec

from bench.traffic import DEFINITIONS, PARTITIONS, Sent, document
from consumer.infra import postgres
from consumer.infra.postgres.errors import retry_reason
from consumer.infra.telemetry.progress_bar import show_progress
from consumer.scoring import profile_publish
from schemas.vocabulary import RetryReason
from tests.builders.events import event
from tests.pipeline import service

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from bench.servers import Servers
    from tests.oracle import OracleRecord

HOSTILE = "hostile"
OTHERS = 1_000
_DEFINITIONS = 20
# Entries of the hot contact; contacts that the hostile account publishes for; definitions that take one type.
_HOT, _CONTACTS, _MANY = 36_000, 20_000, 100
_BATCH = 2_000
# A run counts the offsets of all lanes, and waits for all messages: those of the history are not its own.
_ALL_PUBLISHED = """
    delete from lanes;
    delete from outbox;
    update relay_floors f set floor = h.head from outbox_heads h where h.shard = f.shard"""
_LONG_AGO = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Case:
    """What the hostile account does. event: its nth, as members of the envelope; act: what it does each second."""

    name: str
    event: Callable[[int, datetime], dict[str, Any]] | None = None
    act: Callable[[str, int], Awaitable[object]] | None = None

    @property
    def slug(self) -> str:
        """Its name as a part of topic names."""
        return self.name.replace(" ", "-")

    def record(self, number: int, topic: str = "deals") -> Sent | None:
        """Return the nth record of the hostile account, dated now; None where it sends nothing."""
        if self.event is None:
            return None
        now = datetime.now(UTC)
        event = {
            "specversion": "1.0",
            "id": f"{self.name}-{number}",
            "source": "/hostile",
            "accountid": HOSTILE,
            "time": now.isoformat(),
            "data": {},
            **self.event(number, now),
        }
        value = msgspec.json.encode(event).replace(b"SURROGATE", rb"\ud83d")
        key = str(event["subject"]).encode()
        return Sent(topic, number % PARTITIONS, key, value, int(now.timestamp() * 1000), False, event)


async def others_and_one(servers: Servers) -> str:
    """Make a database with a thousand accounts and the hostile one with its history, and return its name."""
    name = await servers.database()
    dsn = servers.dsn(name)
    others = documents_of_others()
    with show_progress("accounts", len(others)) as progress:
        for number, other in enumerate(others):
            progress(number)
            await service.apply_document(dsn, other)
    await service.apply_document(dsn, _hostile({"policy": "cooldown", "interval": "1h", "per": "object"}))
    async with service.running(dsn, feed=service.Feed("history")) as worker:
        for first in range(0, _HOT, _BATCH):
            await worker.batch([_hot(number) for number in range(first, first + _BATCH)])
        for first in range(0, _CONTACTS, _BATCH):
            await worker.batch([_own(number) for number in range(first, first + _BATCH)])
    await service.apply_document(dsn, _hostile({"policy": "once", "per": "object"}))
    connection = await postgres.connect(dsn)
    try:
        await connection.execute(_ALL_PUBLISHED)
    finally:
        await connection.close()
    return name


def documents_of_others() -> list[dict[str, Any]]:
    """Return the catalogs of the thousand accounts."""
    return [_document(f"other-{number}") for number in range(OTHERS)]


def of_many(traffic: Iterator[Sent]) -> Iterator[Sent]:
    """Spread a traffic over the thousand accounts, each with contacts of its own."""
    for sent in traffic:
        number = int(sent.key.rpartition(b"-")[2]) % OTHERS
        event = {**sent.event, "accountid": f"other-{number}"}
        yield replace(sent, value=msgspec.json.encode(event), event=event)


async def _change(dsn: str, number: int) -> None:
    changed = _hostile({"policy": "once", "per": "object"})
    changed["name"] = f"Hostile {number}"
    changed["definitions"][0]["name"] = f"Hot {number}"
    await service.apply_document(dsn, changed)


async def _publish(dsn: str, number: int) -> None:
    """Let the worker publish other weights, unless it still does so."""
    connection = await postgres.connect(dsn)
    try:
        if not await profile_publish.unfinished_publishes(connection, HOSTILE):
            await service.begin_publish(connection, HOSTILE, own=number + 1)
    finally:
        await connection.close()


CASES = (
    Case("hot contact", lambda n, _: {"type": "deal.won", "subject": "hot", "objectid": f"new-{n}"}),
    Case(
        "old backfill",
        lambda n, now: {
            "type": "deal.lost",
            "subject": "backfill",
            "objectid": f"old-{n}",
            "time": (now - _LONG_AGO).isoformat(),
        },
    ),
    Case("many definitions", lambda n, _: {"type": "deal.created", "subject": f"many-{n % 500}"}),
    Case("a change every second", act=_change),
    Case("a publish of its own", act=_publish),
    Case(
        "broken records", lambda n, _: {"type": "deal.won", "subject": "hot", "data": {"n": f"{n}SURROGATE"}}
    ),
)


def _document(account: str) -> dict[str, Any]:
    more = [
        {
            **DEFINITIONS[number % len(DEFINITIONS)],
            "key": f"more_{number}",
            "events": [f"track.more_{number}"],
        }
        for number in range(_DEFINITIONS - len(DEFINITIONS))
    ]
    return {**document(), "account": account, "name": account, "definitions": [*DEFINITIONS, *more]}


def _hostile(hot: dict[str, Any]) -> dict[str, Any]:
    def one(key: str, event: str, dedup: dict[str, Any]) -> dict[str, Any]:
        return {**DEFINITIONS[0], "key": key, "events": [event], "dedup": dedup}

    monthly = {"policy": "cooldown", "interval": "30d", "per": "object"}
    always = {"policy": "always"}
    many = [one(f"many_{number}", "deal.created", always) for number in range(_MANY)]
    named = [
        one("hot", "deal.won", hot),
        one("old", "deal.lost", monthly),
        one("own", "deal.stage_changed", always),
    ]
    return {**document(), "account": HOSTILE, "name": HOSTILE, "definitions": [*named, *many]}


def _hot(number: int) -> OracleRecord:
    return _past(number, "deal.won", "hot", f"o-{number}")


def _own(number: int) -> OracleRecord:
    return _past(number, "deal.stage_changed", f"own-{number}", None)


def _past(number: int, type_: str, subject: str, object_id: str | None) -> OracleRecord:
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1) + timedelta(seconds=number)
    return event(
        f"{type_}-{number}",
        source="/hostile",
        type=type_,
        subject=subject,
        accountid=HOSTILE,
        objectid=object_id,
        timestamp=at,
    )


async def keep_acting(case: Case, dsn: str) -> None:
    """Let the hostile account act each second, until it is cancelled or the run has dropped its database."""
    number = 0
    while case.act is not None:
        try:
            await case.act(dsn, number)
        except asyncpg.InvalidCatalogNameError:
            return
        except Exception as error:
            if retry_reason(error) is RetryReason.CONNECTION:
                return
            raise
        number += 1
        await asyncio.sleep(1)
