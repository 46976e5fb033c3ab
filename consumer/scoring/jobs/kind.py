"""What a kind of background job has to say, and what the status of every job has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import asyncpg

    from consumer.infra.postgres.connection import Connection


class WaitsFor(Enum):
    """What a job waits for, in words: it is not its turn, and other jobs go on."""

    ANOTHER_PROCESS = "another process at work on it, or on another job of its account"
    BATCHES = "batches in flight when its state began"
    CONFIGURATION = "another change of the account's configuration"
    PUBLISH = "a publish of the account that is being announced"
    RELAY = "the relay: too many messages are unpublished"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """The progress of a job.

    state: a word of its kind. done, total: contacts in this state; total is None until they are counted.
    """

    id: int
    account: str
    state: str
    requested_by: str
    requested_at: datetime
    ended_at: datetime | None
    done: int
    total: int | None


Status = TypeVar("Status", bound=JobStatus)


class JobKind(ABC, Generic[Status]):
    """A kind of job: what it does with some contacts, and what follows when all are done.

    The jobs are rows of a table with the columns of the walk (sql/schema/02_configuration.sql, publishes).
    """

    # For the log.
    name: ClassVar[str]
    table: ClassVar[str]
    # Selects id, account_id and retry_at of the jobs that have not ended.
    unfinished: ClassVar[str]
    # Selects of a job ($1) account_id, account (its key), state, and whatever else the kind needs.
    facts: ClassVar[str]
    # Batches with events of these contacts wait for the step.
    contacts_per_step: ClassVar[int]
    # Fewer than that, in some states.
    fewer_in_state: ClassVar[Mapping[str, int]] = MappingProxyType({})
    # A worker rests after a step so many times as long as the step has taken: for jobs that are in no hurry.
    rest_factor: ClassVar[float] = 0.0
    # `set local` statements of the step.
    local_settings: ClassVar[str]
    # States whose end changes the configuration.
    ended_by_change: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    async def status(self, connection: Connection, number: int) -> Status:
        """Return the progress of a job; raises an error of the kind if there is none with this number."""

    async def waits_for(self, _connection: Connection, _facts: asyncpg.Record) -> WaitsFor | None:
        """Return what contacts cannot be processed before, None if they can be."""
        return None

    def ends_early(self, _facts: asyncpg.Record) -> bool:
        """Return whether the state ends although contacts are left."""
        return False

    @abstractmethod
    async def process(
        self, connection: Connection, number: int, facts: asyncpg.Record, contacts: Sequence[int]
    ) -> int | None:
        """Process these contacts, which are locked, in the caller's transaction.

        Returns how many of them are done, where that is not all: the next step begins with the one after these.
        """

    @abstractmethod
    async def end_state(self, connection: Connection, number: int, facts: asyncpg.Record) -> str | None:
        """Go on to the next state in the caller's transaction and return it, None if it has been left already."""


async def read_status(
    connection: Connection,
    statement: str,
    number: int,
    *,
    status_type: type[Status],
    unknown: Exception,
) -> Status:
    """Return the status of a job: the statement selects members by name. Raises `unknown` if it has no row."""
    row = await connection.fetchrow(statement, number)
    if row is None:
        raise unknown
    return status_type(**row)
