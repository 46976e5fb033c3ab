"""The contact of a call, and the join that it asks for (semantics §10). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from consumer.web.tracker.calls.body import Kind
from consumer.web.tracker.calls.refused import RefusedError, malformed
from consumer.web.tracker.calls.texts import LONGEST_ANONYMOUS_ID, text_of
from schemas.vocabulary import ANONYMOUS_PREFIX, RefusalReason

if TYPE_CHECKING:
    from consumer.web.tracker.calls.body import Call
    from consumer.web.tracker.write_key import WriteKey


class Contact(msgspec.Struct, frozen=True):
    """The contact of a call.

    subject: the event's contact. into: the known contact that it joins, if it joins one.
    """

    subject: str
    user_id: str | None = None
    anonymous_id: str | None = None
    into: str | None = None


def contact_of(call: Call, write_key: WriteKey) -> Contact:
    """Return the contact of a call: the user, else the anonymous one; raises RefusedError.

    `identify` and `alias` with both are of the anonymous one, and join it to the user.
    """
    user = text_of("userId", call.user_id)
    if user is not None:
        if write_key.anonymous_only:
            detail = "the token records anonymous contacts only"
            raise RefusedError(RefusalReason.CONTACT_NOT_ALLOWED, "userId", detail)
        if user.startswith(ANONYMOUS_PREFIX):
            raise malformed("userId", f"begins with {ANONYMOUS_PREFIX}, as ids of anonymous contacts do")
    anonymous = text_of("anonymousId", call.anonymous_id, LONGEST_ANONYMOUS_ID)
    if call.type == Kind.ALIAS:
        if user is None:
            raise malformed("userId", "missing")
        anonymous = text_of("previousId", call.previous_id, LONGEST_ANONYMOUS_ID) or anonymous
        if anonymous is None:
            raise malformed("previousId", "missing")
    if user is None:
        if anonymous is None:
            raise malformed("userId", "neither userId nor anonymousId")
        return Contact(ANONYMOUS_PREFIX + anonymous, None, anonymous)
    if anonymous is not None and call.type in {Kind.ALIAS, Kind.IDENTIFY}:
        return Contact(ANONYMOUS_PREFIX + anonymous, user, anonymous, into=user)
    return Contact(user, user, anonymous)
