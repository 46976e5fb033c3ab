"""What a join, or its undoing, would make of scores: it is done in a transaction that is rolled back.

The contacts are locked meanwhile. Lock order: batches, account, contacts.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from consumer.contact_state.identity_facts import JoinFact, record_joins
from consumer.infra.postgres.revision_lock import LOOK_UP_BY_KEY, begin_shared
from consumer.scoring import announce
from consumer.scoring.find_account import find_account
from consumer.scoring.identity.carry_out import change_in_transaction
from consumer.scoring.identity.requests import find, lock_both, take_back
from sql import queries

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_SQL = queries("identity")


# By profile, of overall (group '') and groups: the points of one contact, of the other, and of both as one.
Scores: TypeAlias = "dict[str, dict[str, tuple[int, int, int]]]"
_Points: TypeAlias = "dict[str, dict[str, int]]"


class JoinPreview(msgspec.Struct, frozen=True):
    """What a join would do. survivor: the id that both would mean.

    ceasing, beginning: entries that would cease to count, or begin to.
    """

    survivor: str
    scores: Scores
    ceasing: int
    beginning: int


class SplitPreview(msgspec.Struct, frozen=True):
    """What undoing a join would do. contact: the id that its id would mean; into: the one that it means now."""

    contact: str
    into: str
    scores: Scores
    ceasing: int
    beginning: int


async def preview_join(connection: Connection, account: str, contact: str, into: str) -> JoinPreview:
    """Return what a join would do; its contacts are locked meanwhile.

    Raises UnknownContactError, UnknownSurvivorError, AlreadyOneError.
    """
    await begin_shared(connection, LOOK_UP_BY_KEY, accounts=[account])
    try:
        account_id, number, other = await lock_both(connection, account, contact, into)
        mine = await _points(
            connection, account_id, (await find(connection, account_id, contact))["survivor_id"]
        )
        theirs = await _points(
            connection, account_id, (await find(connection, account_id, into))["survivor_id"]
        )
        await record_joins(
            connection, [JoinFact(number, other, "api", datetime.now(UTC), secrets.token_bytes(16))]
        )
        done = await change_in_transaction(connection, number)
        survivor = (await find(connection, account_id, contact))["survivor_id"]
        union = await _points(connection, account_id, survivor)
        name = await connection.fetchval(_SQL["name"], survivor)
    finally:
        if not connection.is_closed():
            await connection.execute("rollback")
    return JoinPreview(name, _scores(mine, theirs, union), done.ceasing, done.beginning)


async def preview_split(connection: Connection, account: str, contact: str, join_id: str) -> SplitPreview:
    """Return what undoing a join of the API would do; its contacts are locked meanwhile.

    Raises UnknownContactError, UnknownJoinError.
    """
    await begin_shared(connection, LOOK_UP_BY_KEY, accounts=[account])
    try:
        account_id = await find_account(connection, account)
        number = (await find(connection, account_id, contact))["id"]
        await announce.lock_contacts(connection, [number])
        before = await find(connection, account_id, contact)
        survivor = await connection.fetchval(_SQL["name"], before["survivor_id"])
        joined = await _points(connection, account_id, before["survivor_id"])
        await take_back(connection, number, contact, join_id)
        done = await change_in_transaction(connection, number)
        apart = (await find(connection, account_id, contact))["survivor_id"]
        mine = await _points(connection, account_id, apart)
        theirs = await _points(connection, account_id, before["survivor_id"])
        name = await connection.fetchval(_SQL["name"], apart)
    finally:
        if not connection.is_closed():
            await connection.execute("rollback")
    return SplitPreview(name, survivor, _scores(mine, theirs, joined), done.ceasing, done.beginning)


def _scores(mine: _Points, theirs: _Points, joined: _Points) -> Scores:
    groups: dict[str, dict[str, int]] = {}
    for points in (joined, mine, theirs):
        for profile, of_profile in points.items():
            groups.setdefault(profile, {}).update(of_profile)
    return {
        profile: {
            group: (
                mine.get(profile, {}).get(group, 0),
                theirs.get(profile, {}).get(group, 0),
                joined.get(profile, {}).get(group, 0),
            )
            for group in of_profile
        }
        for profile, of_profile in groups.items()
    }


async def _points(connection: Connection, account_id: int, contact: int) -> _Points:
    points: _Points = {}
    for profile, group, of_group in await connection.fetch(_SQL["points"], account_id, contact):
        points.setdefault(profile, {})[group] = of_group
    return points
