"""What is sent to webhooks: the types of messages, their ids, and their signature (Standard Webhooks)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Any, Final

import msgspec

from schemas.timestamps import rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

SCORE_CHANGED: Final = "engagement.score.changed"
BAND_CHANGED: Final = "engagement.band.changed"
# Comes with score changes.
CONTACT_REMOVED: Final = "engagement.contact.removed"
XP_CREDITED: Final = "engagement.xp.credited"
JOB_ENDED: Final = "engagement.job.ended"
TEST: Final = "engagement.webhook.test"
# Those that a webhook may ask for.
TYPES: Final = (SCORE_CHANGED, BAND_CHANGED, XP_CREDITED, JOB_ENDED)

_PREFIX: Final = "whsec_"


def new_secret() -> str:
    """Return a new secret: `whsec_` and 32 random bytes in base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def message_id(event_id: str) -> str:
    """Return the header `webhook-id` of an event: the same whenever and wherever it is sent, and plain ASCII."""
    return f"msg_{hashlib.blake2b(event_id.encode(), digest_size=16).hexdigest()}"


def signed_headers(message: str, at: int, body: bytes, signing: Sequence[str]) -> dict[str, str]:
    """Return the headers of a message sent at a time (seconds since 1970), signed with each of the secrets."""
    signed = b"%b.%d.%b" % (message.encode(), at, body)
    signatures = [
        hmac.digest(base64.b64decode(secret.removeprefix(_PREFIX)), signed, "sha256") for secret in signing
    ]
    return {
        "webhook-id": message,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(one).decode()}" for one in signatures),
    }


def event(event_id: str, event_type: str, account: str, at: datetime, data: dict[str, Any]) -> str:
    """Return an event of this service that is about no contact, as JSON."""
    body = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/engagement",
        "type": event_type,
        "time": rfc3339(at),
        "accountid": account,
        "datacontenttype": "application/json",
        "data": data,
    }
    return msgspec.json.encode(body).decode()
