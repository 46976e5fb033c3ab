"""The installation's seal for the request that is being answered: cursors and ids are made and read with it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from consumer.domain.sealed_ids import Seal
from consumer.infra.postgres.connection import fetch_one
from sql import queries

if TYPE_CHECKING:
    from datetime import datetime

    from consumer.infra.postgres.connection import Connection

__all__ = ["InstallationSeal", "Seal", "bind", "current", "plain_until"]

_current: ContextVar[Seal] = ContextVar("seal")
_plain_until: ContextVar[datetime | None] = ContextVar("plain_until")


class InstallationSeal:
    """The seal of the installation in the database, read once."""

    def __init__(self) -> None:
        self._read: tuple[Seal, datetime | None] | None = None

    async def bind(self, connection: Connection) -> None:
        """Make it the seal of the current task."""
        if self._read is None:
            row = await fetch_one(connection, queries("outward_ids")["seal"])
            self._read = Seal(row["salt"]), row["plain_until"]
        bind(*self._read)

    def bind_known(self) -> bool:
        """Make it the seal of the current task and return True, if it was read."""
        if self._read is None:
            return False
        bind(*self._read)
        return True


def bind(seal: Seal, plain: datetime | None = None) -> None:
    """Make a seal the one of the current task. plain: see `plain_until`."""
    _current.set(seal)
    _plain_until.set(plain)


def current() -> Seal:
    """Return the seal of the current task, of a request for an authorized caller."""
    return _current.get()


def plain_until() -> datetime | None:
    """Return until when jobs had plain numbers as their ids, or may have had; None: never."""
    return _plain_until.get()
