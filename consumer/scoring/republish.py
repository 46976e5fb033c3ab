"""Sends the current score of every contact of an account again, to fill a new reader.

Owns the walk over the contacts, some in each transaction under their row locks, taken in a batch's order: revision,
contacts, outbox heads last. Never changes a score, and never makes a message: announcing.py does.

Interrupted, it has sent what it says; begun again it starts from the first contact and sends those again, each
under its next version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.domain.errors import UnknownAccountError
from consumer.infra.clock import SystemClock
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.postgres.retry import retry_transient
from consumer.infra.postgres.revision import begin_shared
from consumer.scoring import announce
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection

_SQL = queries("republish")
# Contacts in one transaction: an outbox head is held for a few milliseconds.
_CONTACTS = 200


class NotPublishedError(Exception):
    """There is no such profile, or it is a draft: it has no scores that anybody was told."""


@dataclass(frozen=True, slots=True)
class RepublishProgress:
    """How far it is: contacts gone through, of how many when it began, and the messages they made."""

    contacts: int
    of: int
    messages: int


class Republish:
    """Sends an account's scores again over one connection at a time."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], *, clock: Clock | None = None) -> None:
        self._database = ConnectionKeeper(connect)
        self._clock = clock or SystemClock()

    def close(self) -> None:
        """Give up the connection; what was not committed is not sent."""
        self._database.drop()

    async def run(
        self,
        account: str,
        profile: str | None = None,
        *,
        progress: Callable[[RepublishProgress], None] = lambda _progress: None,
    ) -> RepublishProgress:
        """Send every contact's current score in one published profile or all; `progress` is told now and then.

        Contacts who come while it runs may be left out: nobody has missed a message of theirs. Raises
        UnknownAccountError, NotPublishedError, RelayNotRunningError, and what does not pass within half a minute.
        """
        number, profiles, total = await retry_transient(
            self._database, lambda connection: _about(connection, account, profile)
        )
        so_far = RepublishProgress(0, total, 0)
        last = ""
        while contacts := await self._next(number, last):
            last = contacts[-1][1]
            await announce.wait_for_relay(self._database, self._clock)
            sent = await self._send([contact for contact, _ in contacts], profiles)
            so_far = RepublishProgress(so_far.contacts + len(contacts), total, so_far.messages + sent)
            progress(so_far)
        return so_far

    async def _next(self, account: int, last: str) -> list[tuple[int, str]]:
        """Return the next contacts behind the one known as `last`: (number, the id they are known by)."""
        rows = await retry_transient(
            self._database, lambda connection: connection.fetch(_SQL["contacts"], account, last, _CONTACTS)
        )
        return [(row["id"], row["external_id"]) for row in rows]

    async def _send(self, contacts: Sequence[int], profiles: Sequence[int]) -> int:
        return await retry_transient(self._database, lambda connection: _send(connection, contacts, profiles))


async def _about(connection: Connection, account: str, profile: str | None) -> tuple[int, list[int], int]:
    """Return the account's number, those of its profiles that are meant, and how many contacts it has."""
    number = await connection.fetchval(_SQL["account"], account)
    if number is None:
        raise UnknownAccountError(f"there is no account {account!r}")
    profiles = [row["id"] for row in await connection.fetch(_SQL["profiles"], number, profile)]
    if not profiles:
        which = f"profile {profile!r}" if profile else "profile"
        raise NotPublishedError(f"account {account!r} has no published {which}")
    return number, profiles, await connection.fetchval(_SQL["contacts_count"], number)


async def _send(connection: Connection, contacts: Sequence[int], profiles: Sequence[int]) -> int:
    """Send some contacts in one transaction and return how many messages that made."""
    await begin_shared(connection)
    await announce.lock_contacts(connection, contacts)
    messages = await announce.enqueue_score_messages(
        connection, contacts, profiles, cause="republish", resend=True
    )
    await connection.execute("commit")
    return messages
