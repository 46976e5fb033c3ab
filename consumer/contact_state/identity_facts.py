"""Stores joins and deletions as they come, and asks for them to be carried out (scoring/identity does that)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from consumer.infra.postgres.connection import Connection

_SQL = queries("identity")
# The oldest program that knows ids which lead to other contacts, and contacts without ids. While older ones may
# run, nothing is carried out, and no contact is created without its id.
KNOWS_ERASED = 6


class JoinFact(msgspec.Struct, frozen=True, gc=False):
    """A contact is to lead to another; both by number. origin: 'merged', 'identify' or 'api'."""

    contact_id: int
    into_id: int
    origin: str
    occurred_at: datetime
    event_key: bytes
    requested_by: str | None = None


class DeletionFact(msgspec.Struct, frozen=True, gc=False):
    """What came by a contact's id and is dated before `occurred_at` is to go."""

    contact_id: int
    occurred_at: datetime
    event_key: bytes
    requested_by: str | None = None


async def record_joins(connection: Connection, facts: Sequence[JoinFact]) -> None:
    """Store joins; one that is stored already has no effect. The caller holds the locks of both contacts."""
    if facts:
        await connection.execute(_SQL["record_joins"], *_columns(facts))


async def record_deletions(connection: Connection, facts: Sequence[DeletionFact]) -> None:
    """Store deletions; one that is stored already has no effect. The caller holds the contacts' locks."""
    if facts:
        await connection.execute(_SQL["record_deletions"], *_columns(facts))


def _columns(facts: Sequence[JoinFact] | Sequence[DeletionFact]) -> list[list[object]]:
    return [list(column) for column in zip(*map(msgspec.structs.astuple, facts), strict=True)]
