"""Sends the current score of every contact of an account again, to fill a new consumer.

Works through the contacts in chunks, one transaction each. Lock order: batches, account, contacts, outbox heads.
Changes no score. If it is interrupted, the messages already committed are sent; started again, it begins with the
first contact and sends those once more, each under the next message version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.infra.clock import SystemClock
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.postgres.retry import retry_transient
from consumer.infra.postgres.revision_lock import begin_shared
from consumer.scoring import announce, contact_keyset
from consumer.scoring.find_account import find_account
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection

_SQL = queries("republish")
# Contacts in one transaction, so that the outbox heads are locked for a few milliseconds only.
_CHUNK_CONTACTS = 200


class NotPublishedError(Exception):
    """There is no such profile, or it is a draft and has no published scores."""


@dataclass(frozen=True, slots=True)
class RepublishProgress:
    """Contacts processed, of how many when it began, and messages enqueued for them."""

    contacts: int
    total: int
    messages: int


class Republish:
    """Sends an account's scores again over one connection at a time."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], *, clock: Clock | None = None) -> None:
        self._database = ConnectionKeeper(connect)
        self._clock = clock or SystemClock()

    def close(self) -> None:
        """Drop the connection; an uncommitted chunk is not sent."""
        self._database.drop()

    async def run(
        self,
        account: str,
        profile: str | None = None,
        *,
        progress: Callable[[RepublishProgress], None] = lambda _progress: None,
    ) -> RepublishProgress:
        """Send every contact's current score in one published profile or all; call `progress` after each chunk.

        Contacts created meanwhile may be left out: their first message is still to come, or just sent. Raises
        UnknownAccountError, NotPublishedError, RelayNotRunningError, and database errors that last half a minute.
        """
        number, profiles, total = await retry_transient(
            self._database, lambda connection: _find_ids(connection, account, profile)
        )
        so_far = RepublishProgress(0, total, 0)
        last = ""
        while contacts := await self._next(number, last):
            last = contacts[-1][1]
            await announce.wait_for_relay(self._database, self._clock)
            sent = await self._send(account, [contact for contact, _ in contacts], profiles)
            so_far = RepublishProgress(so_far.contacts + len(contacts), total, so_far.messages + sent)
            progress(so_far)
        return so_far

    async def _next(self, account: int, last: str) -> list[tuple[int, str]]:
        """Return number and external id of the next contacts after the external id `last`."""
        rows = await retry_transient(
            self._database,
            lambda connection: connection.fetch(_SQL["contacts"], account, last, _CHUNK_CONTACTS),
        )
        return [(row["id"], row["external_id"]) for row in rows]

    async def _send(self, account: str, contacts: Sequence[int], profiles: Sequence[int]) -> int:
        return await retry_transient(
            self._database, lambda connection: _send(connection, account, contacts, profiles)
        )


async def _find_ids(connection: Connection, account: str, profile: str | None) -> tuple[int, list[int], int]:
    """Return the numbers of the account and of the selected profiles, and how many contacts it has."""
    number = await find_account(connection, account)
    profiles = [row["id"] for row in await connection.fetch(_SQL["profiles"], number, profile)]
    if not profiles:
        which = f"profile {profile!r}" if profile else "profile"
        raise NotPublishedError(f"account {account!r} has no published {which}")
    return number, profiles, await contact_keyset.count_all(connection, number)


async def _send(
    connection: Connection, account: str, contacts: Sequence[int], profiles: Sequence[int]
) -> int:
    """Enqueue the scores of some contacts in one transaction and return the number of messages."""
    await begin_shared(connection, accounts=[account])
    await announce.lock_contacts(connection, contacts)
    messages = await announce.enqueue_score_messages(
        connection, contacts, profiles, cause="republish", resend=True
    )
    await connection.execute("commit")
    return messages
