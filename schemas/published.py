"""The models of the CloudEvents on the output topics (docs/contracts.md).

consumer/relay/message_json.py builds the messages; tests check them against these models.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.vocabulary import SCORE_CHANGED_TOPIC, XP_CREDITED_TOPIC, Verdict

Cause = Literal["events", "publish", "rejudge", "adjustment", "merge", "backfill", "republish", "settings"]
Text = Annotated[str, Field(min_length=1, max_length=256)]
Account = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
CatalogKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Ordinal = Annotated[int, Field(ge=1)]

MOST_EVENTS: Final = 20


class Published(BaseModel):
    """Base of all parts of a message: every member is present, and no others."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Change(Published):
    """A score before and after the commit."""

    previous: int
    current: int


class ScoredEvent(Published):
    """The verdict on one event under one definition; points: the change of the score by it."""

    id: Text
    source: Text
    type: Text
    occurred_at: AwareDatetime
    definition: CatalogKey
    verdict: Verdict
    points: int


class ScoreChange(Published):
    """`data` of a score-changed message.

    version: the number of this message among those of this contact and profile, 1, 2, 3 … without gaps. groups:
    every group of the catalog. events: 20 at most; event_count: of all. Of a message too large for its topic,
    groups and events may be left out.
    """

    profile: CatalogKey
    profile_version: Ordinal
    version: Ordinal
    causes: Annotated[list[Cause], Field(min_length=1)]
    overall: Change
    groups: dict[CatalogKey, Change]
    events: Annotated[list[ScoredEvent], Field(max_length=MOST_EVENTS)]
    event_count: Annotated[int, Field(ge=0)]


class CreditedEvent(Published):
    """The event for which XP was credited."""

    id: Text
    source: Text
    type: Text


class XpCredit(Published):
    """`data` of an xp-credited message; reverses: the id of the credit that a negative amount reverses."""

    amount: int
    definition: CatalogKey
    contact: Text
    occurred_at: AwareDatetime
    event: CreditedEvent
    reverses: Annotated[str, Field(min_length=1)] | None


class PublishedCloudEvent(Published):
    """The envelope of both; id: deterministic, so that a consumer recognizes a message it has read before."""

    specversion: Literal["1.0"]
    id: Annotated[str, Field(min_length=1)]
    source: Literal["/engagement"]
    time: AwareDatetime
    subject: Text
    accountid: Account
    datacontenttype: Literal["application/json"]


class ScoreChanged(PublishedCloudEvent):
    """A contact's scores in one profile changed; subject: the contact. Topic engagement.score-changed."""

    type: Literal["engagement.score.changed"]
    data: ScoreChange


class XpCredited(PublishedCloudEvent):
    """A rep's XP changed; subject: the actor. Topic engagement.xp-credited."""

    type: Literal["engagement.xp.credited"]
    data: XpCredit


MESSAGES: Final[dict[str, type[PublishedCloudEvent]]] = {
    SCORE_CHANGED_TOPIC: ScoreChanged,
    XP_CREDITED_TOPIC: XpCredited,
}
