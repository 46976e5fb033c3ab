"""Makes the event of attributes that are known to be valid: its key, its digest, what counts as absent. Pure."""

from __future__ import annotations

import hashlib
import struct
from typing import Final, Protocol

from consumer.domain.limits import SETTLED_BEFORE_RECORD
from consumer.domain.model import Event

_ACTOR_TYPES: Final = frozenset({"rep", "contact", "system"})
# Copied for each event: a new hash takes one and a half times as long.
_KEY_HASH: Final = hashlib.blake2b(digest_size=16)
_DIGEST_HASH: Final = hashlib.blake2b(digest_size=8)
_DIGEST_NUMBER: Final = struct.Struct(">q")


class ValidAttributes(Protocol):
    """The attributes of a CloudEvent that keep the rules of semantics §2."""

    id: str
    source: str
    type: str
    subject: str
    accountid: str
    actorid: str | None
    actortype: str | None
    objectid: str | None
    robot: bool | str | None


def make_event(attributes: ValidAttributes, time: int | None, timestamp: int, data: str) -> Event:
    """Return the event.

    time: microseconds since 1970, None where the record gives none. timestamp: of the record, in milliseconds.
    """
    recorded = timestamp * 1000
    occurred = recorded if time is None else time
    actor_type, robot = attributes.actortype, attributes.robot
    return Event(
        attributes.accountid,
        event_key(attributes.source, attributes.id),
        attributes.id,
        attributes.source,
        attributes.type,
        attributes.subject,
        occurred,
        recorded - occurred > SETTLED_BEFORE_RECORD,
        attributes.actorid,
        actor_type if actor_type in _ACTOR_TYPES else None,
        attributes.objectid,
        robot is True or (isinstance(robot, str) and robot.lower() == "true"),
        data,
        _digest(attributes.type, attributes.subject, time, data),
    )


def event_key(source: str, identifier: str) -> bytes:
    """Return the event key (semantics §1): 16 bytes, unique to the event within its account."""
    key = _KEY_HASH.copy()
    key.update(f"{source}\0{identifier}".encode())
    return key.digest()


def _digest(kind: str, subject: str, time: int | None, data: str) -> int:
    """Return a signed 64-bit digest of what must not differ under one event key; NUL separates the parts."""
    digest = _DIGEST_HASH.copy()
    digest.update(f"{kind}\0{subject}\0{'' if time is None else time}\0{data}".encode())
    number: int = _DIGEST_NUMBER.unpack(digest.digest())[0]
    return number
