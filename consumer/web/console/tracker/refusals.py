"""What refused requests mean, and what to do about them: the table of docs/tracker.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from consumer.web.console.navigation import N_
from schemas.vocabulary import RefusalReason

if TYPE_CHECKING:
    from consumer.web.console.visit import Visit

ADVICE: Final = {
    RefusalReason.UNKNOWN_KEY: N_(
        "The key has expired or was revoked: compare the key in the page with those below."
    ),
    RefusalReason.ORIGIN_NOT_ALLOWED: N_(
        "The page's origin is not among those of the token: add it, with scheme and port, without a path."
    ),
    RefusalReason.NAME_NOT_ALLOWED: N_("The token may not record this name: add the name to the token."),
    RefusalReason.CONTACT_NOT_ALLOWED: N_(
        "The token records anonymous contacts only, and the call names one: identify from the server."
    ),
    RefusalReason.MALFORMED: N_("The call does not have its form: change the call."),
    RefusalReason.TOO_LARGE: N_(
        "A call has more than 32 kB, or a batch more than 500 kB: send less at once."
    ),
    RefusalReason.RATE_LIMITED: N_(
        "More events per second than the token may record: raise its limit, or look for a loop."
    ),
    RefusalReason.QUOTA_EXCEEDED: N_(
        "More events per day than the token may record: raise its limit, or look for a loop."
    ),
    RefusalReason.SIGNATURE_INVALID: N_(
        "The link was signed with another secret, or changed afterwards: sign values, then percent-encode them."
    ),
    RefusalReason.OVERLOADED: N_(
        "The service could not take more at that moment: clients repeat by themselves."
    ),
    RefusalReason.UNAVAILABLE: N_(
        "The service could not store events at that moment: clients repeat by themselves."
    ),
}


def advice(visit: Visit, reason: str) -> str:
    """Return what to do about a reason; empty for one that is not known."""
    known = ADVICE.get(RefusalReason(reason)) if reason in set(RefusalReason) else None
    return visit.say(known) if known else ""
