"""Handles images and links of pages and e-mails: answered at once, their events go to Kafka afterwards."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from consumer.web.tracker import http_answers
from consumer.web.tracker.calls.body import MAX_CALL_BYTES, Kind
from consumer.web.tracker.calls.links import LinkRequest, read_link, record_of_link, signature_refusal
from consumer.web.tracker.calls.outcome import Refusal, TrackedRecord
from consumer.web.tracker.handle_calls import records_of_body
from consumer.web.tracker.http_request import key_in
from consumer.web.tracker.limits import cost_of
from consumer.web.tracker.recent_requests import RecentEvent
from consumer.web.tracker.tracker import RequestRefusedError, refused_event
from schemas.vocabulary import RefusalReason

if TYPE_CHECKING:
    from consumer.web.tracker.http_answers import Answer
    from consumer.web.tracker.tracker import Tracker, Visit
    from consumer.web.tracker.write_key import WriteKey

# Of a URL that a browser is sent to; what else is in it is encoded, so that no header can be made of it.
_SAFE: Final = "%/:=&?~#+!$,;'@()*[]"


async def handle_pixel(tracker: Tracker, visit: Visit) -> Answer:
    """Record that an image was shown: of a page, or of an e-mail by a signed link. Raises RequestRefusedError."""
    visit.instead = http_answers.PIXEL
    link = _read(visit, is_click=False)
    write_key = tracker.admit(visit, link.write_key, any_origin=bool(link.contact))
    is_signed = bool(link.contact) and signature_refusal(link, write_key) is None
    _record(tracker, visit, link, write_key, is_signed=is_signed)
    return http_answers.PIXEL


async def handle_click(tracker: Tracker, visit: Visit) -> Answer:
    """Record that a link was followed, and redirect. Raises RequestRefusedError for one that is not signed.

    A signed one leads on whatever becomes of its event: a person waits.
    """
    link = _read(visit, is_click=True)
    write_key = tracker.admit(visit, link.write_key, any_origin=True)
    refusal = signature_refusal(link, write_key)
    if refusal is not None:
        raise RequestRefusedError(refusal)
    location = quote(link.url or "", safe=_SAFE).encode()
    visit.instead = answer = http_answers.redirect(location)
    _record(tracker, visit, link, write_key, is_signed=bool(link.contact))
    return answer


async def handle_pixel_call(tracker: Tracker, visit: Visit, kind: Kind) -> Answer:
    """Record a call whose body is in the parameter `data`, as base64. Raises RequestRefusedError."""
    visit.instead = http_answers.PIXEL
    body = _data(visit.request.query.get("data", ""))
    write_key = tracker.admit(visit, visit.request.key or key_in(body))
    if visit.request.scope["method"] == "HEAD":
        # Nobody has seen anything.
        return http_answers.PIXEL
    tracker.take(visit, write_key, cost_of(write_key, 1, len(body)))
    _put(tracker, visit, records_of_body(tracker, visit, kind, body, write_key, by_pixel=True))
    return http_answers.PIXEL


def _read(visit: Visit, *, is_click: bool) -> LinkRequest:
    link = read_link(visit.request.scope["query_string"], is_click=is_click)
    if isinstance(link, Refusal):
        raise RequestRefusedError(link)
    return link


def _record(
    tracker: Tracker, visit: Visit, link: LinkRequest, write_key: WriteKey, *, is_signed: bool
) -> None:
    """Record a pixel or a click; of an e-mail's, once it is known whether a scanner asks for all of its links.

    is_signed: it names a contact, and its signature is valid.
    """
    if visit.request.scope["method"] == "HEAD":
        # Nobody has seen anything.
        return
    # Opened mails of thousands of people come from the few addresses of their provider's proxy.
    tracker.take(visit, write_key, by_address=not is_signed)
    sender = tracker.sender(visit, by_pixel=True)
    record = record_of_link(link, write_key, sender, tracker.robots)
    if isinstance(record, Refusal):
        visit.events = (refused_event(link.event, record),)
        raise RequestRefusedError(record)
    visit.events = (RecentEvent(link.event),)
    if not is_signed:
        tracker.take_contacts(write_key, record)
    if not link.contact:
        _put(tracker, visit, (record,))
        return

    def as_robot() -> TrackedRecord | None:
        made = record_of_link(link, write_key, sender, tracker.robots, is_scan=True)
        return None if isinstance(made, Refusal) else made

    if not tracker.scanned.put(link, write_key, record, as_robot):
        raise RequestRefusedError(_no_room())
    visit.accepted = 1


def _put(tracker: Tracker, visit: Visit, records: tuple[TrackedRecord, ...]) -> None:
    if not tracker.pixels.put(records):
        raise RequestRefusedError(_no_room())
    visit.accepted = 1


def _no_room() -> Refusal:
    return Refusal(RefusalReason.UNAVAILABLE, None, "Kafka takes no events, and too many wait for it")


def _data(text: str) -> bytes:
    """Return what is encoded in base64, of either alphabet, padded or not; raises RequestRefusedError."""
    if len(text) <= 2 * MAX_CALL_BYTES:
        try:
            padded = text + "=" * (-len(text) % 4)
            # A plus sign of an encoder that did not escape it has become a space.
            return base64.b64decode(
                padded.replace(" ", "+").replace("-", "+").replace("_", "/"), validate=True
            )
        except (binascii.Error, ValueError):
            pass
    raise RequestRefusedError(Refusal(RefusalReason.MALFORMED, "data", "expected JSON in base64"))
