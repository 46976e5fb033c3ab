"""Lays a batch out as columns and hands it to the statements that claim, judge and fold.

Owns the order of these statements' parameters. Never decides a verdict: that is sql/queries/apply.sql.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from consumer.db import fetch_one
from consumer.model import CONTACT_UPSERTED, Outcome
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from consumer.catalog import Account, Definition
    from consumer.contacts import Locked
    from consumer.db import Connection
    from consumer.model import Event
    from consumer.sorting import Batch, Matched

# An event is applied at most an hour before it is dated; a day more costs nothing and forgives clocks.
_CLAIMS_MARGIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Claim:
    """Whether a matched event is applied, a duplicate or expired; conflicting: its key came with other contents."""

    outcome: Outcome
    conflicting: bool


_CLAIM = queries("batch")["claim"]
_APPLY = queries("apply")[""]


async def claim(connection: Connection, batch: Batch, *, shards: int, claim_window: timedelta) -> list[Claim]:
    """Claim the event keys of the matched events and create the contacts of the new ones; in their order."""
    matched = batch.matched
    upserts = [
        (one.account_id, one.event.subject, partition % shards)
        for one, partition in zip(batch.contact_events, batch.contact_partitions, strict=True)
        if one.event.type == CONTACT_UPSERTED
    ]
    rows = await connection.fetch(
        _CLAIM,
        [one.account.id for one in matched],
        [one.event.key for one in matched],
        [one.event.digest for one in matched],
        [one.event.subject for one in matched],
        [one.event.occurred_at for one in matched],
        [one.partition % shards for one in matched],
        datetime.now(UTC) - claim_window + _CLAIMS_MARGIN,
        [account for account, _, _ in upserts],
        [subject for _, subject, _ in upserts],
        [shard for _, _, shard in upserts],
    )
    return [Claim(Outcome(row["outcome"]), row["conflicting"]) for row in rows]


async def apply(
    connection: Connection,
    claimed: Sequence[Matched],
    contacts: Locked,
    dead_letters: Sequence[tuple[int, int]],
) -> asyncpg.Record:
    """Judge and fold the claimed events, and begin the scores of new contacts.

    contacts: of all these events, and what else was created. dead_letters: (id, shard) of those to be told of.

    Returns counts: entries, their verdicts, flipped, reversed, messages.
    """
    numbers = contacts.numbers
    events: list[tuple[Any, ...]] = []
    entries: list[tuple[int, int, int]] = []
    for ordinal, one in enumerate(claimed, start=1):
        events.append(_event(one.account, one.event, numbers[one.account.id, one.event.subject]))
        entries += [
            (ordinal, definition.id, _xp_worth(one.account, one.event, definition))
            for definition in one.definitions
        ]
    return await fetch_one(
        connection,
        _APPLY,
        *_columns(events, 13),
        *_columns(entries, 3),
        [dead_letter for dead_letter, _ in dead_letters],
        [shard for _, shard in dead_letters],
        [account for account, _ in contacts.created],
        [numbers[key] for key in contacts.created],
    )


def _event(account: Account, event: Event, contact: int) -> tuple[Any, ...]:
    return (
        account.id,
        contact,
        event.occurred_at,
        event.key,
        event.settled,
        event.robot and not account.count_robots,
        event.type,
        event.source,
        event.id,
        event.object_id,
        event.actor_id,
        event.actor_type,
        event.data,
    )


def _xp_worth(account: Account, event: Event, definition: Definition) -> int:
    """Return what is fixed now, whatever the verdict: XP is for reps of accounts with the Sales module."""
    to_a_rep = account.sales and event.actor_type == "rep" and event.actor_id is not None
    return definition.xp if to_a_rep else 0


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
