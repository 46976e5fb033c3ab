"""Makes the events of a call: the rules of semantics §10, in their order. Pure."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from consumer.web.tracker.calls.body import Kind, given
from consumer.web.tracker.calls.contact import Contact, contact_of
from consumer.web.tracker.calls.context import Context, context_of
from consumer.web.tracker.calls.occurred_at import occurred_at
from consumer.web.tracker.calls.outcome import Refusal, TrackedRecord
from consumer.web.tracker.calls.page_urls import cut_search, cut_url
from consumer.web.tracker.calls.refused import RefusedError, malformed
from consumer.web.tracker.calls.texts import LONGEST_MESSAGE_ID, LONGEST_NAME, TRAITS_SUFFIX, fits, text_of
from consumer.web.tracker.calls.traits import contact_fields
from schemas.timestamps import rfc3339_of, to_microseconds
from schemas.vocabulary import CONTACT_UPSERTED, TRACK_PREFIX, RefusalReason

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from consumer.web.tracker.calls.body import Call
    from consumer.web.tracker.calls.sender import Sender
    from consumer.web.tracker.write_key import WriteKey


class RobotRules(Protocol):
    """Recognises robots (consumer/web/tracker/robots)."""

    def rule_of(self, user_agent: str | None, address: str | None) -> str | None:
        """Return the name of the rule that a robot's request matches, None for a person's."""
        ...


class Data(msgspec.Struct, omit_defaults=True):
    """`data` of a tracked event. The server makes it: a caller's own names are in properties and traits only."""

    properties: msgspec.Raw
    context: dict[str, Any]
    event: str | None = None
    name: str | None = None
    category: str | None = None
    traits: msgspec.Raw | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    group_id: str | None = None
    into: str | None = None


class Event(msgspec.Struct, omit_defaults=True):
    """A CloudEvent. It has no actor: nobody earns XP by a public key."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    accountid: str
    time: str
    datacontenttype: str
    data: Data | dict[str, Any]
    objectid: str | None = None
    robot: bool = False


class _Object(msgspec.Struct):
    """Any JSON object, of which one member says what the event is about."""

    object_id: Any = None


_OBJECT: Final = msgspec.json.Decoder(_Object)
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXT: Final = msgspec.json.Decoder(str)
_ENCODER: Final = msgspec.json.Encoder()
_NONE: Final = msgspec.Raw(b"{}")
_OTHER_CALLS: Final = frozenset(Kind) - {Kind.TRACK}


def records_of(
    call: Call, write_key: WriteKey, sender: Sender, robots: RobotRules
) -> tuple[TrackedRecord, ...] | Refusal:
    """Return the events of a call: one, and after an `identify` that sets fields of its user, a second.

    Kafka's timestamp of the records must not be earlier than sender.received_at.
    """
    try:
        return _records_of(call, write_key, sender, robots)
    except RefusedError as error:
        return error.refusal


def _records_of(
    call: Call, write_key: WriteKey, sender: Sender, robots: RobotRules
) -> tuple[TrackedRecord, ...]:
    name = _name_of(call, write_key)
    contact = contact_of(call, write_key)
    happened = occurred_at(call.timestamp, call.sent_at, to_microseconds(sender.received_at))
    identifier = text_of("messageId", call.message_id, LONGEST_MESSAGE_ID) or str(uuid.uuid4())
    context = context_of(call.context, sender, write_key)
    data = _data_of(call, contact, context, write_key.query_parameters)
    event = Event(
        "1.0",
        identifier,
        write_key.source,
        TRACK_PREFIX + name,
        contact.subject,
        write_key.account,
        rfc3339_of(happened),
        "application/json",
        data,
        _object_of(data.properties),
        robots.rule_of(context.user_agent, context.address) is not None,
    )
    if call.type == Kind.IDENTIFY and write_key.may_set_traits and contact.user_id is not None:
        fields = contact_fields(call.traits)
        if fields:
            return record_of(event), record_of(_upsert(event, contact.user_id, fields))
    return (record_of(event),)


def _name_of(call: Call, write_key: WriteKey) -> str:
    """Return what follows `track.` in the type of a call's event; it is one that the token may record."""
    if call.type == Kind.TRACK:
        name = text_of("event", call.event, LONGEST_NAME)
        if name is None:
            raise malformed("event", "missing")
        if name in _OTHER_CALLS:
            raise malformed("event", "the name of another call")
        field = "event"
    else:
        name, field = str(call.type), "type"
    require_allowed(name, write_key, field)
    return name


def require_allowed(name: str, write_key: WriteKey, field: str) -> None:
    """Raise RefusedError if the token must not record a name."""
    if write_key.event_names and name not in write_key.event_names:
        raise RefusedError(RefusalReason.NAME_NOT_ALLOWED, field, "not among the event names of the token")


def _data_of(call: Call, contact: Contact, context: Context, allowed: AbstractSet[str]) -> Data:
    properties = _object(call.properties, "properties")
    traits = _object(call.traits, "traits")
    group = text_of("groupId", call.group_id)
    if group is None and call.type == Kind.GROUP:
        raise malformed("groupId", "missing")
    return Data(
        _cut_page(properties, allowed) if call.type == Kind.PAGE else properties,
        context.kept,
        call.event if call.type == Kind.TRACK else None,
        call.name,
        call.category,
        traits if given(call.traits) else None,
        contact.user_id,
        contact.anonymous_id,
        group,
        contact.into,
    )


def _object(member: msgspec.Raw, field: str) -> msgspec.Raw:
    """Return a member that is an object, `{}` where it is absent."""
    if not given(member):
        return _NONE
    if not bytes(member).startswith(b"{"):
        raise malformed(field, "expected an object")
    return member


def _cut_page(properties: msgspec.Raw, allowed: AbstractSet[str]) -> msgspec.Raw:
    """Return the properties of a page with its addresses cut: libraries repeat here what the context has."""
    members = _MEMBERS.decode(properties)
    for name, cut in (("url", cut_url), ("path", cut_url), ("referrer", cut_url), ("search", cut_search)):
        member = bytes(members.get(name, b""))
        if member.startswith(b'"'):
            members[name] = msgspec.Raw(_ENCODER.encode(cut(_TEXT.decode(member), allowed)))
    return msgspec.Raw(_ENCODER.encode(members))


def _object_of(properties: msgspec.Raw) -> str | None:
    """Return what the event is about: `object_id` of its properties, where it may be an `objectid` (2.23)."""
    if b"object_id" not in bytes(properties):
        return None
    try:
        found = _OBJECT.decode(properties).object_id
    except msgspec.ValidationError:  # a number beyond any
        return None
    return found if isinstance(found, str) and fits(found) else None


def _upsert(event: Event, user_id: str, fields: dict[str, Any]) -> Event:
    """Return the event that sets fields of a contact, beside its `identify`."""
    return Event(
        "1.0",
        event.id + TRAITS_SUFFIX,
        event.source,
        CONTACT_UPSERTED,
        user_id,
        event.accountid,
        event.time,
        event.datacontenttype,
        fields,
        robot=event.robot,
    )


def record_of(event: Event) -> TrackedRecord:
    """Return the record of an event, under the key of its contact as other producers write it."""
    into = event.data.into if isinstance(event.data, Data) else None
    contacts = (event.subject,) if into is None else (event.subject, into)
    return TrackedRecord(f"{event.accountid}:{event.subject}".encode(), _ENCODER.encode(event), contacts)
