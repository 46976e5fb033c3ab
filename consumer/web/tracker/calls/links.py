"""Events of e-mails: a pixel that was shown, a link that was followed (semantics §10; form: contracts.md). Pure."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

import msgspec

from consumer.domain.tracker_links import LONGEST_QUERY, Link, is_signed
from consumer.web.tracker.calls.body import Kind
from consumer.web.tracker.calls.contact import Contact
from consumer.web.tracker.calls.context import context_of_link
from consumer.web.tracker.calls.outcome import Refusal, TrackedRecord
from consumer.web.tracker.calls.page_urls import cut_url
from consumer.web.tracker.calls.records import Data, Event, record_of, require_allowed
from consumer.web.tracker.calls.refused import RefusedError, malformed
from consumer.web.tracker.calls.texts import LONGEST_ANONYMOUS_ID, LONGEST_NAME, text_of
from schemas.timestamps import rfc3339_of, to_microseconds
from schemas.vocabulary import ANONYMOUS_PREFIX, TRACK_PREFIX, RefusalReason

if TYPE_CHECKING:
    from consumer.web.tracker.calls.records import RobotRules
    from consumer.web.tracker.calls.sender import Sender
    from consumer.web.tracker.write_key import WriteKey

_MOST_PARAMETERS: Final = 20
# A pixel may record a page view; it joins nobody.
_OTHER_CALLS: Final = frozenset(Kind) - {Kind.TRACK, Kind.PAGE, Kind.SCREEN}


class LinkRequest(msgspec.Struct, frozen=True):
    """The parameters of a pixel or a link, '' where they are absent. url: where a link leads, None of a pixel."""

    write_key: str
    event: str
    contact: str
    anonymous: str
    object_id: str
    signature: str
    url: str | None = None

    @property
    def link(self) -> Link:
        """What the signature is of."""
        return Link(self.event, self.contact, self.object_id, self.url)


def read_link(query: bytes, *, is_click: bool) -> LinkRequest | Refusal:
    """Return the parameters of a query string; of one that comes twice, the last. Others are ignored."""
    if len(query) > LONGEST_QUERY:
        return Refusal(RefusalReason.TOO_LARGE, None, f"more than {LONGEST_QUERY} bytes")
    try:
        given = parse_qs(query.decode("latin-1"), max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return Refusal(RefusalReason.MALFORMED, None, f"more than {_MOST_PARAMETERS} parameters")
    texts = [given[name][-1] if name in given else "" for name in ("t", "e", "c", "a", "o", "s", "u")]
    write_key, event, contact, anonymous, object_id, signature, url = texts
    return LinkRequest(write_key, event, contact, anonymous, object_id, signature, url if is_click else None)


def signature_refusal(request: LinkRequest, write_key: WriteKey) -> Refusal | None:
    """Return why a link must not be followed, nor a contact be named: it is not signed by the token's secret."""
    if request.url is not None and not request.url[:8].lower().startswith(("https://", "http://")):
        return Refusal(
            RefusalReason.MALFORMED, "u", "expected an address that begins with https:// or http://"
        )
    if is_signed(write_key.signing_secret, request.link, request.signature):
        return None
    return Refusal(
        RefusalReason.SIGNATURE_INVALID, "s", "not the signature of these parameters by the token's secret"
    )


def record_of_link(
    request: LinkRequest, write_key: WriteKey, sender: Sender, robots: RobotRules, *, is_scan: bool = False
) -> TrackedRecord | Refusal:
    """Return the event of a pixel or a link, happening now.

    A signature is needed where it names a contact or leads somewhere. is_scan: all links of its mail are asked for.
    """
    try:
        return _record_of_link(request, write_key, sender, robots, is_scan=is_scan)
    except RefusedError as error:
        return error.refusal


def _record_of_link(
    request: LinkRequest, write_key: WriteKey, sender: Sender, robots: RobotRules, *, is_scan: bool
) -> TrackedRecord:
    name = text_of("e", request.event, LONGEST_NAME)
    if name is None:
        raise malformed("e", "missing")
    if name in _OTHER_CALLS:
        raise malformed("e", "the name of another call")
    if request.contact or request.url is not None:
        refusal = signature_refusal(request, write_key)
        if refusal is not None:
            raise RefusedError(refusal.reason, refusal.field, refusal.detail or "")
    require_allowed(name, write_key, "e")
    contact = _contact_of(request)
    object_id = text_of("o", request.object_id)
    context = context_of_link(sender, write_key)
    link = {} if request.url is None else {"link": cut_url(request.url, write_key.query_parameters)}
    is_robot = is_scan or robots.rule_of(context.user_agent, context.address) is not None
    return record_of(
        Event(
            "1.0",
            str(uuid.uuid4()),
            write_key.source,
            TRACK_PREFIX + name,
            contact.subject,
            write_key.account,
            rfc3339_of(to_microseconds(sender.received_at)),
            "application/json",
            Data(
                msgspec.Raw(msgspec.json.encode(link)),
                context.kept,
                event=name if name not in {Kind.PAGE, Kind.SCREEN} else None,
                user_id=contact.user_id,
                anonymous_id=contact.anonymous_id,
            ),
            object_id,
            is_robot,
        )
    )


def _contact_of(request: LinkRequest) -> Contact:
    contact = text_of("c", request.contact)
    if contact is not None:
        if contact.startswith(ANONYMOUS_PREFIX):
            raise malformed("c", f"begins with {ANONYMOUS_PREFIX}: give the anonymous id as a")
        return Contact(contact, contact)
    anonymous = text_of("a", request.anonymous, LONGEST_ANONYMOUS_ID)
    if anonymous is None:
        raise malformed("c", "neither c nor a")
    return Contact(ANONYMOUS_PREFIX + anonymous, None, anonymous)
