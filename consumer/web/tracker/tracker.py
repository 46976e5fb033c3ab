"""What the handlers of requests share: known keys, limits, the way to Kafka, and what is noted of each request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from consumer.web.tracker import http_answers, recent_requests
from consumer.web.tracker.body_budget import BodyBudget
from consumer.web.tracker.calls.outcome import Refusal
from consumer.web.tracker.calls.sender import Sender
from consumer.web.tracker.recent_requests import RecentEvent, RecentRequest
from schemas.vocabulary import RefusalReason

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from prometheus_client import Counter

    from consumer.infra.clock import Clock
    from consumer.infra.telemetry.metrics import Metrics
    from consumer.web.tracker.calls.outcome import TrackedRecord
    from consumer.web.tracker.calls.records import RobotRules
    from consumer.web.tracker.client_address import ClientAddresses
    from consumer.web.tracker.contacts_of_day import ContactsOfDay
    from consumer.web.tracker.http_answers import Answer
    from consumer.web.tracker.http_request import HttpRequest
    from consumer.web.tracker.kafka_writer import KafkaWriter
    from consumer.web.tracker.known_keys import KnownKeys
    from consumer.web.tracker.limits import Exceeded, Limits
    from consumer.web.tracker.pixel_queue import PixelQueue
    from consumer.web.tracker.recent_requests import RecentRequests
    from consumer.web.tracker.scanned_links import ScannedLinks
    from consumer.web.tracker.write_key import WriteKey

_ACCEPTED = "accepted"
# What a browser takes for every origin: keys are no cookies, so nothing is lost by it.
_ANY_ORIGIN = "*"


class RequestRefusedError(Exception):
    """A request is refused as a whole. exceeded: the limit, where that is the reason."""

    def __init__(self, refusal: Refusal, exceeded: Exceeded | None = None) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal
        self.exceeded = exceeded


@dataclass(slots=True)
class Visit:
    """A request on its way: whose it turned out to be, and what became of its events."""

    call: str
    request: HttpRequest
    at: datetime
    write_key: WriteKey | None = None
    # The token that what is noted belongs to: also one whose key has ended.
    token: str = recent_requests.UNKNOWN
    accepted: int = 0
    events: Sequence[RecentEvent] = ()
    # The origin of a page that may read the answer, or all of them.
    readable_by: str | None = None
    # What is answered whatever becomes of the events.
    instead: Answer | None = None


@dataclass(slots=True)
class Tracker:
    """The parts of a tracker in one process."""

    keys: KnownKeys
    limits: Limits
    contacts: ContactsOfDay
    writer: KafkaWriter
    pixels: PixelQueue
    scanned: ScannedLinks
    recent: RecentRequests
    robots: RobotRules
    addresses: ClientAddresses
    metrics: Metrics
    clock: Clock
    bodies: BodyBudget = field(default_factory=BodyBudget)
    # Series that are used, by their labels: to look one up takes longer than to count.
    _requests: dict[tuple[str, str], Counter] = field(default_factory=dict)
    _events: dict[str, Counter] = field(default_factory=dict)

    def admit(self, visit: Visit, key: str | None, *, any_origin: bool = False) -> WriteKey:
        """Return the token of a request; raises RequestRefusedError for one that it may not make.

        any_origin: it shows by a signature that it may be made, and comes from mail programs.
        """
        request = visit.request
        found = self.keys.find(key) if key else None
        if found is None:
            visit.readable_by = _ANY_ORIGIN if request.header(b"origin") else None
            self._refuse_unknown(visit, key)
        assert found is not None  # noqa: S101 - refused above
        visit.write_key, visit.token = found, found.id
        if found.origins and not any_origin and request.origin not in found.origins:
            raise RequestRefusedError(
                Refusal(RefusalReason.ORIGIN_NOT_ALLOWED, "Origin", "not among the origins of the token")
            )
        origin = request.header(b"origin")
        visit.readable_by = origin if found.origins or origin is None else _ANY_ORIGIN
        return found

    def take(self, visit: Visit, write_key: WriteKey, cost: int = 1, *, by_address: bool = True) -> None:
        """Count events by the limits of a token; raises RequestRefusedError where they are exceeded."""
        # Not when the request began: a slow one would bring an earlier window back.
        address = visit.request.address if by_address else None
        exceeded = self.limits.take(write_key, address, cost, self.clock.now().timestamp())
        if exceeded is not None:
            raise RequestRefusedError(_limited(exceeded), exceeded)

    def take_contacts(self, write_key: WriteKey, record: TrackedRecord) -> None:
        """Count the contacts that an event names; raises RequestRefusedError where the day has too many of them."""
        exceeded = self.contacts.take(write_key, record.contacts, self.clock.now().timestamp())
        if exceeded is not None:
            raise RequestRefusedError(_limited(exceeded), exceeded)

    def take_unknown(self, visit: Visit) -> None:
        """Count a request without a known key; raises RequestRefusedError where its address makes too many."""
        exceeded = self.limits.take_unknown(visit.request.address, self.clock.now().timestamp())
        if exceeded is not None:
            raise RequestRefusedError(_limited(exceeded), exceeded)

    def sender(self, visit: Visit, *, by_pixel: bool = False) -> Sender:
        """Return where a request came from, as its events have it. by_pixel: it asked for an image or a link."""
        request = visit.request
        return Sender(
            received_at=visit.at,
            address=request.address,
            user_agent=request.header(b"user-agent"),
            origin=request.origin,
            referrer=request.header(b"referer"),
            by_pixel=by_pixel,
        )

    def note(self, visit: Visit, answer: Answer, refusal: Refusal | None) -> None:
        """Count a request that is answered, and keep it: the account's people ask why nothing was recorded."""
        refused = len([event for event in visit.events if event.reason is not None])
        if refusal is not None:
            refused = max(1, len(visit.events))
        self.count(visit.call, _ACCEPTED if visit.accepted and refusal is None else _reason(visit, refusal))
        if visit.accepted:
            self._count_events(_ACCEPTED, visit.accepted)
        if refusal is not None:
            self._count_events(refusal.reason, refused)
        elif refused:
            for event in visit.events:
                if event.reason is not None:
                    self._count_events(event.reason, 1)
        if visit.write_key is not None:
            self.keys.note(visit.write_key, visit.accepted, refused, visit.at)
        request = visit.request
        self.recent.note(
            visit.token,
            RecentRequest(
                at=visit.at,
                call=visit.call,
                status=answer.status,
                accepted=visit.accepted,
                refused=refused,
                reason=None if refusal is None else refusal.reason,
                field=None if refusal is None else refusal.field,
                detail=None if refusal is None else refusal.detail,
                events=tuple(visit.events),
                origin=request.origin,
                address=request.address,
                user_agent=request.header(b"user-agent"),
            ),
        )

    def count(self, call: str, result: str) -> None:
        """Count a request."""
        series = self._requests.get((call, result))
        if series is None:
            series = self._requests[call, result] = self.metrics.tracker_requests.labels(call, result)
        series.inc()

    def _count_events(self, result: str, count: int) -> None:
        series = self._events.get(result)
        if series is None:
            series = self._events[result] = self.metrics.tracker_events.labels(result)
        series.inc(count)

    def _refuse_unknown(self, visit: Visit, key: str | None) -> None:
        """Raise RequestRefusedError. An unknown key has a limit by address, as known ones have."""
        if not self.keys.is_loaded:
            raise RequestRefusedError(Refusal(RefusalReason.UNAVAILABLE, None, "the keys are not loaded yet"))
        self.take_unknown(visit)
        if not key:
            raise RequestRefusedError(Refusal(RefusalReason.UNKNOWN_KEY, "writeKey", "missing"))
        ended = self.keys.find_ended(key)
        if ended is None:
            raise RequestRefusedError(Refusal(RefusalReason.UNKNOWN_KEY, "writeKey", "not a key of a token"))
        visit.token = ended.id
        raise RequestRefusedError(
            Refusal(RefusalReason.UNKNOWN_KEY, "writeKey", "the key has expired or was revoked")
        )


def refused_event(name: str, refusal: Refusal) -> RecentEvent:
    """Return what is kept of an event that was refused."""
    return RecentEvent(name, refusal.reason, refusal.field, refusal.detail)


def answer_to(error: RequestRefusedError) -> Answer:
    """Return the answer to a request that is refused as a whole."""
    return http_answers.refused(error.refusal, error.exceeded)


def _reason(visit: Visit, refusal: Refusal | None) -> str:
    if refusal is not None:
        return refusal.reason
    return next((event.reason for event in visit.events if event.reason is not None), _ACCEPTED)


def _limited(exceeded: Exceeded) -> Refusal:
    if exceeded.daily:
        detail = f"more than {exceeded.limit} {exceeded.of} today, by UTC"
        return Refusal(RefusalReason.QUOTA_EXCEEDED, None, detail)
    return Refusal(
        RefusalReason.RATE_LIMITED, None, f"more than {exceeded.limit} events in {exceeded.window} seconds"
    )
