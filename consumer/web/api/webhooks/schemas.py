"""Request and response models of webhooks and their deliveries."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, Field, StrictBool

from consumer.relay.webhooks.addresses import MAX_URL
from consumer.web.http import etags
from consumer.web.http.request_types import Body

if TYPE_CHECKING:
    import asyncpg

Url = Annotated[str, Field(min_length=1, max_length=MAX_URL)]
Type = Literal[
    "engagement.score.changed",
    "engagement.band.changed",
    "engagement.xp.credited",
    "engagement.job.ended",
]
Types = Annotated[list[Type], Field(min_length=1, max_length=len(get_args(Type)))]
Description = Annotated[str, Field(max_length=2000)]
State = Literal["waiting", "delivered", "failed"]


class NewWebhook(Body):
    """Where to send messages, and which."""

    url: Url
    """Begins with `https://` and leads to a public address."""
    types: Types
    """With `engagement.score.changed` come `engagement.contact.removed` too."""
    description: Description = ""
    """What the webhook is for."""
    active: StrictBool = True
    """Off: nothing is enqueued for it."""


class WebhookChange(Body):
    """Changes to a webhook; omitted fields stay. A paused one goes on with what waits."""

    url: Url = Field(default_factory=str)
    """Begins with `https://` and leads to a public address."""
    types: Types = Field(default_factory=list)
    """With `engagement.score.changed` come `engagement.contact.removed` too."""
    description: Description = Field(default_factory=str)
    """What the webhook is for."""
    active: StrictBool = Field(default_factory=bool)
    """Off: nothing is enqueued for it."""


class WebhookAnswer(BaseModel, use_attribute_docstrings=True):
    """A webhook, and how sending to it goes."""

    id: UUID
    """The id of the webhook."""
    url: str
    """Where messages are sent."""
    description: str
    """What the webhook is for."""
    types: list[str]
    """Which messages are sent."""
    active: bool
    """Off: nothing is enqueued for it."""
    state: Literal["working", "failing", "paused", "off"]
    """`failing`: the last attempt has failed. `paused`: nothing is sent before it is resumed or changed."""
    created_at: datetime
    """When it was created."""
    secret_rotated_at: datetime | None
    """When the secret was replaced; null: it is the first."""
    failures: int
    """Attempts that have failed since the last message that arrived."""
    failing_since: datetime | None
    """When the first of these attempts has failed; null: none."""
    retry_at: datetime | None
    """When sending goes on, if it waits because of many failures in a row."""
    paused_at: datetime | None
    """When it was paused; null: it is not."""
    error: str | None
    """Of the last attempt, if it has failed."""
    waiting: int
    """Messages that are to be sent; 1001: more than a thousand."""
    left_out: int
    """Messages that were not enqueued, since 100,000 were waiting already."""
    revision: str
    """The value of `ETag`, without quotes."""


class NewWebhookAnswer(WebhookAnswer):
    """A webhook that was created."""

    secret: str
    """Verifies signatures. It is shown this once."""


class SecretAnswer(BaseModel, use_attribute_docstrings=True):
    """A new secret."""

    secret: str
    """It is shown this once. The one before signs too for a day."""


class DeliveryAnswer(BaseModel, use_attribute_docstrings=True):
    """A message to a webhook. It is kept for some days after it has ended, of each webhook the newest 10,000."""

    id: str
    """The header `webhook-id`."""
    type: str
    """The type of the message."""
    contact: str | None
    """The contact that it is about; null: it is about none."""
    state: State
    """`failed`: it was tried for a day."""
    created_at: datetime
    """When it was enqueued."""
    attempts: int
    """How often it was tried."""
    next_at: datetime | None
    """When it is tried next; null if it has ended."""
    status: int | None
    """The HTTP status of the last attempt; null if there was no answer."""
    error: str | None
    """Why the last attempt has failed; null: it has not."""
    ended_at: datetime | None
    """When it arrived or was given up; null: not yet."""


class WholeDelivery(DeliveryAnswer):
    """A message to a webhook with its body."""

    body: str
    """What is sent: a CloudEvent as JSON."""


def revision(row: asyncpg.Record) -> str:
    """Return the revision of what can be changed in a webhook."""
    return etags.revision({name: row[name] for name in ("url", "types", "description", "active")})


def webhook_members(row: asyncpg.Record) -> dict[str, object]:
    """Return the members of the answer about a webhook."""
    state = "working" if not row["failures"] else "failing"
    if row["paused_at"] is not None:
        state = "paused"
    shown = {name: row[name] for name in WebhookAnswer.model_fields if name in row}
    return shown | {
        "state": state if row["active"] else "off",
        "secret_rotated_at": row["rotated_at"],
        "revision": revision(row),
    }
