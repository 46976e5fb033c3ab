"""Dead letters over HTTP: their pages, what one holds, and resolving some of them; of one account, or of none."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from consumer.catalog import audit
from consumer.catalog.audit import AuditedChange
from consumer.domain.record_headers import readable_name
from consumer.ingest.dead_letters import browse, pages
from consumer.ingest.dead_letters.browse import DeadLetterSelection
from consumer.ingest.dead_letters.pages import DeadLetterFilters
from consumer.ingest.dead_letters.replay import Replay
from consumer.web.http.outward_ids import DEAD_LETTER, OutwardIdInBody
from consumer.web.http.parameter_classes import made_of
from consumer.web.http.problems import Code, ProblemError, not_found
from consumer.web.http.request_types import Body, Text
from consumer.web.http.timestamps import Instant, InstantParam
from schemas.vocabulary import DeadLetterReason, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from consumer.infra.postgres.connection import Connection
    from consumer.ingest.dead_letters.browse import DeadLetterSummary
    from consumer.ingest.dead_letters.pages import DeadLetterPage
    from consumer.ingest.dead_letters.replay import Replayed
    from consumer.web.http.database import AccountConnections

# Dead letters of one request: each may have some hundred KB.
MOST_IDS = 100

DeadLetterId = Annotated[int, DEAD_LETTER]


@dataclass(frozen=True, slots=True)
class DeadLetterParams:
    """Query parameters of a list."""

    reason: Annotated[DeadLetterReason | None, Query(description="Only those with this reason.")] = None
    topic: Annotated[Text | None, Query(description="Only those of this topic, without the prefix.")] = None
    since: Annotated[InstantParam | None, Query(description="Only those recorded since this instant.")] = None

    def filters(self) -> DeadLetterFilters:
        """Return them as the list takes them."""
        return DeadLetterFilters(self.reason and self.reason.value, self.topic, self.since)


# Type of the parameter by which a route gets them.
DeadLetterParam = Annotated[DeadLetterParams, Depends(made_of(DeadLetterParams))]


class DeadLetterItem(BaseModel, use_attribute_docstrings=True):
    """A record that could not be an event."""

    id: DeadLetterId
    """Its id, by which it is shown, replayed and discarded."""
    recorded_at: Instant
    """When it was read and set aside."""
    topic: str
    """Without the installation's prefix."""
    partition: int
    """Of the topic."""
    offset: int
    """In the partition: with the two above, the place of the record in Kafka."""
    reason: DeadLetterReason
    """The first of its faults."""
    detail: str
    """What was found and what was expected, for people."""
    account: str | None
    """The account that it names; null: that cannot be read."""


class DeadLetterContent(BaseModel, use_attribute_docstrings=True):
    """Bytes: one of the two is null."""

    text: str | None
    """Where they are UTF-8."""
    base64: str | None
    """Where they are not."""


class DeadLetterHeader(BaseModel, use_attribute_docstrings=True):
    """A header of the record."""

    name: str
    """Its name; bytes of it that are not UTF-8 are escaped."""
    value: DeadLetterContent | None
    """Null: it has none."""


class DeadLetterAnswer(DeadLetterItem, use_attribute_docstrings=True):
    """A record that could not be an event, byte for byte."""

    timestamp: int | None
    """The record's own timestamp, in milliseconds since 1970; null: it has none."""
    key: DeadLetterContent | None
    """Null: it has none."""
    value: DeadLetterContent | None
    """Null: it has none."""
    headers: list[DeadLetterHeader]
    """In their order, with repeats."""


class DeadLetterIds(Body):
    """Dead letters, by id."""

    ids: Annotated[
        list[Annotated[int, OutwardIdInBody(DEAD_LETTER)]], Field(min_length=1, max_length=MOST_IDS)
    ]
    """Their ids in the list."""


class ReplayedItem(BaseModel, use_attribute_docstrings=True):
    """What became of a dead letter."""

    id: DeadLetterId
    """Of the dead letter."""
    outcome: Outcome | None
    """Of its record, now; null: there is no such dead letter."""
    resolved: bool
    """Whether it is gone. It stays while it is dead, or while the catalog lets it have no effect."""
    reason: DeadLetterReason | None
    """Why it is still dead; null: it is not."""
    detail: str | None
    """The same for people."""


class ReplayAnswer(BaseModel, use_attribute_docstrings=True):
    """What became of each dead letter."""

    items: list[ReplayedItem]
    """By number, each once."""
    resolved: int
    """How many of them are gone now."""


class DiscardAnswer(BaseModel, use_attribute_docstrings=True):
    """What was discarded."""

    discarded: list[DeadLetterId]
    """The dead letters that are deleted now; the others were not there."""


async def read_page(
    database: AccountConnections, account: str | None, params: DeadLetterParams, before: int, limit: int
) -> DeadLetterPage:
    """Return the next dead letters of an account; None: of those whose account cannot be read."""
    async with database.connection() as connection:
        return await pages.read_page(connection, account, params.filters(), before, limit)


def item(summary: DeadLetterSummary) -> DeadLetterItem:
    """Return a dead letter as an item of a list."""
    return DeadLetterItem(
        id=summary.id,
        recorded_at=summary.recorded_at,
        topic=summary.topic,
        partition=summary.partition,
        offset=summary.offset,
        reason=DeadLetterReason(summary.reason),
        detail=summary.detail,
        account=summary.account,
    )


async def read_whole(database: AccountConnections, number: int, account: str | None) -> DeadLetterAnswer:
    """Return a dead letter; raises ProblemError (404) unless it is there and names the account, if one is given."""
    async with database.connection() as connection:
        found = await browse.get(connection, number)
    if found is None or account not in {None, found.summary.account}:
        raise not_found(f"dead letter {DEAD_LETTER.write(number)}")
    return DeadLetterAnswer(
        **item(found.summary).model_dump(),
        timestamp=found.timestamp,
        key=_content(found.key),
        value=_content(found.value),
        headers=[
            DeadLetterHeader(name=readable_name(name), value=_content(value)) for name, value in found.headers
        ],
    )


def _content(value: bytes | None) -> DeadLetterContent | None:
    if value is None:
        return None
    try:
        return DeadLetterContent(text=value.decode(), base64=None)
    except UnicodeDecodeError:
        return DeadLetterContent(text=None, base64=base64.b64encode(value).decode())


async def replay(
    database: AccountConnections,
    ids: Sequence[int],
    account: str | None,
    *,
    actor: str,
    claim_window: timedelta,
) -> ReplayAnswer:
    """Process dead letters again, those that name the account if one is given; others are answered as missing."""
    replayed: list[Replayed] = []
    async with database.changing() as connection:
        own = await pages.of_account(connection, ids, account)
        if own:  # an empty selection would be all
            again = Replay(_Once(connection), claim_window=claim_window)
            selection = DeadLetterSelection(tuple(own))
            replayed = [one async for some in again.run(selection) for one in some]
        if account is not None and (resolved := [one.id for one in replayed if _is_resolved(one)]):
            change = AuditedChange("replayed", "dead_letters", None, None, {"ids": resolved})
            await audit.record_changes(connection, account, actor, change)
    answered = {one.id: _replayed_item(one) for one in replayed}
    items = [answered.get(number) or _missing(number) for number in sorted(set(ids))]
    return ReplayAnswer(items=items, resolved=sum(one.resolved for one in items))


class _Once:
    """Gives one connection once: after it is lost there is no other for this request."""

    def __init__(self, connection: Connection) -> None:
        self._connection: Connection | None = connection

    async def __call__(self) -> Connection:
        connection, self._connection = self._connection, None
        if connection is None:
            raise ProblemError(
                Code.UNAVAILABLE,
                "the database is unavailable or busy: try again",
                headers={"Retry-After": "2"},
            )
        return connection


def _is_resolved(one: Replayed) -> bool:
    return one.outcome is not None and not one.stays


def _replayed_item(one: Replayed) -> ReplayedItem:
    fault = one.fault
    return ReplayedItem(
        id=one.id,
        outcome=one.outcome,
        resolved=_is_resolved(one),
        reason=fault and fault.reason,
        detail=fault and fault.detail,
    )


def _missing(number: int) -> ReplayedItem:
    return ReplayedItem(id=number, outcome=None, resolved=False, reason=None, detail=None)


async def discard(
    database: AccountConnections, ids: Sequence[int], account: str | None, *, actor: str
) -> DiscardAnswer:
    """Delete dead letters for good, those that name the account if one is given."""
    async with database.changing() as connection, connection.transaction():
        own = await pages.of_account(connection, ids, account)
        await browse.discard(connection, own)
        if account is not None and own:
            change = AuditedChange("discarded", "dead_letters", None, {"ids": own}, None)
            await audit.record_changes(connection, account, actor, change)
    return DiscardAnswer(discarded=own)
