"""Handles the calls of the API, single ones and batches: answered once Kafka has their events."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from consumer.web.tracker import http_answers
from consumer.web.tracker.calls.body import MAX_BATCH_BYTES, MAX_CALL_BYTES, Call, Kind, read_batch, read_call
from consumer.web.tracker.calls.outcome import Refusal
from consumer.web.tracker.calls.records import records_of
from consumer.web.tracker.http_request import key_in
from consumer.web.tracker.kafka_writer import UnavailableError
from consumer.web.tracker.limits import cost_of, largest_batch
from consumer.web.tracker.recent_requests import RecentEvent
from consumer.web.tracker.tracker import RequestRefusedError, refused_event
from schemas.vocabulary import RefusalReason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.web.tracker.calls.outcome import TrackedRecord
    from consumer.web.tracker.calls.sender import Sender
    from consumer.web.tracker.http_answers import Answer
    from consumer.web.tracker.tracker import Tracker, Visit
    from consumer.web.tracker.write_key import WriteKey

# Calls of a batch after which other requests get their turn: some milliseconds.
_TURN: Final = 50


async def handle_call(tracker: Tracker, visit: Visit, kind: Kind) -> Answer:
    """Record a single call. Raises RequestRefusedError, DisconnectedError."""
    write_key, body = await _admitted(tracker, visit, MAX_CALL_BYTES)
    await _write(tracker, records_of_body(tracker, visit, kind, body, write_key))
    visit.accepted = 1
    return http_answers.SUCCESS


async def handle_batch(tracker: Tracker, visit: Visit) -> Answer:
    """Record the calls of a batch, each by itself. Raises RequestRefusedError, DisconnectedError."""
    write_key, body = await _admitted(tracker, visit, MAX_BATCH_BYTES)
    batch = read_batch(body)
    if isinstance(batch, Refusal):
        raise RequestRefusedError(batch)
    most = largest_batch(write_key)
    if len(batch.calls) > most:
        raise RequestRefusedError(
            Refusal(RefusalReason.TOO_LARGE, "batch", f"more than {most} calls, the limit of the token")
        )
    more = len(batch.calls) - cost_of(write_key, 1, len(body))
    if more > 0:
        tracker.take(visit, write_key, more)
    records, events, refusals = await _records(tracker, batch.calls, write_key, tracker.sender(visit))
    visit.events = events
    await _write(tracker, records)
    visit.accepted = len(batch.calls) - len(refusals)
    return http_answers.of_batch(visit.accepted, refusals)


def records_of_body(
    tracker: Tracker, visit: Visit, kind: Kind, body: bytes, write_key: WriteKey, *, by_pixel: bool = False
) -> tuple[TrackedRecord, ...]:
    """Return the records of a single call, noted in its visit; raises RequestRefusedError."""
    call = read_call(kind, body)
    if isinstance(call, Refusal):
        visit.events = (refused_event(kind, call),)
        raise RequestRefusedError(call)
    name = call.tracked_name or kind
    made = records_of(call, write_key, tracker.sender(visit, by_pixel=by_pixel), tracker.robots)
    if isinstance(made, Refusal):
        visit.events = (refused_event(name, made),)
        raise RequestRefusedError(made)
    visit.events = (RecentEvent(name),)
    tracker.take_contacts(write_key, made[0])
    return made


async def _admitted(tracker: Tracker, visit: Visit, most: int) -> tuple[WriteKey, bytes]:
    """Return the token and the body of a request; raises RequestRefusedError."""
    if tracker.writer.full:
        raise RequestRefusedError(
            Refusal(RefusalReason.OVERLOADED, None, "too many calls wait: try again later")
        )
    body = await visit.request.body(most, tracker.bodies)
    key = visit.request.key
    if isinstance(body, Refusal):
        if key:
            tracker.take(visit, tracker.admit(visit, key))
        else:
            tracker.take_unknown(visit)
        raise RequestRefusedError(body)
    write_key = tracker.admit(visit, key or key_in(body))
    tracker.take(visit, write_key, cost_of(write_key, 1, len(body)))
    return write_key, body


async def _records(
    tracker: Tracker, calls: Sequence[Call | Refusal], write_key: WriteKey, sender: Sender
) -> tuple[list[TrackedRecord], list[RecentEvent], list[tuple[int, Refusal]]]:
    """Return the records of calls, what is kept of each call, and those that are refused, by their index."""
    records: list[TrackedRecord] = []
    events: list[RecentEvent] = []
    refusals: list[tuple[int, Refusal]] = []
    for index, call in enumerate(calls):
        if index % _TURN == _TURN - 1:
            await asyncio.sleep(0)
        name = "" if isinstance(call, Refusal) else call.tracked_name or call.type or ""
        made = call if isinstance(call, Refusal) else _made(tracker, call, write_key, sender)
        if isinstance(made, Refusal):
            refusals.append((index, made))
            events.append(refused_event(name, made))
        else:
            records += made
            events.append(RecentEvent(name))
    return records, events, refusals


def _made(
    tracker: Tracker, call: Call, write_key: WriteKey, sender: Sender
) -> tuple[TrackedRecord, ...] | Refusal:
    made = records_of(call, write_key, sender, tracker.robots)
    if not isinstance(made, Refusal):
        try:
            tracker.take_contacts(write_key, made[0])
        except RequestRefusedError as error:
            return error.refusal
    return made


async def _write(tracker: Tracker, records: Sequence[TrackedRecord]) -> None:
    try:
        await tracker.writer.write(records)
    except UnavailableError as error:
        raise RequestRefusedError(Refusal(RefusalReason.UNAVAILABLE, None, str(error))) from None
