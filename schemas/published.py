"""The models of the CloudEvents on the output topics (docs/contracts.md).

consumer/relay/message_json.py builds the messages; tests check them against these models.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.vocabulary import BAND_CHANGED_TOPIC, SCORE_CHANGED_TOPIC, XP_CREDITED_TOPIC, Verdict

Cause = Literal["events", "publish", "rejudge", "adjustment", "merge", "backfill", "republish", "settings"]
Text = Annotated[str, Field(min_length=1, max_length=256)]
Account = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
CatalogKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
BandKey = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
Ordinal = Annotated[int, Field(ge=1)]

MOST_EVENTS: Final = 20


class Published(BaseModel):
    """Base of all parts of a message: every member is present, and no others."""

    model_config = ConfigDict(extra="forbid", strict=True)


class BandChange(Published):
    """A band before and after the commit; previous: null where the version before had no bands."""

    previous: BandKey | None
    current: BandKey


class PointsChange(Published):
    """Shown points before and after the commit."""

    previous: int
    current: int


class Change(Published):
    """A score before and after the commit, as it is shown; `band` where the profile has bands of it."""

    previous: int
    current: int
    # Absent where there are no bands, and never null: a default by factory is not in the schema.
    band: BandChange = Field(default_factory=lambda: BandChange(previous=None, current="none"))


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


class NamedContact(Published):
    """What is known of a contact, as of the commit."""

    name: str | None
    owner: str | None


class Crossing(Published):
    """`data` of a band-changed message.

    version, causes: of the score-changed message that has the same change. group: null for overall. event: the one
    that did it, null where no event did.
    """

    profile: CatalogKey
    profile_version: Ordinal
    version: Ordinal
    causes: Annotated[list[Cause], Field(min_length=1)]
    group: CatalogKey | None
    band: BandChange
    points: PointsChange
    contact: NamedContact
    event: ScoredEvent | None


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
    """The envelope of all; id: deterministic, so that a consumer recognizes a message it has read before."""

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


class BandChanged(PublishedCloudEvent):
    """A contact entered another band of a profile; subject: the contact. Topic engagement.band-changed."""

    type: Literal["engagement.band.changed"]
    data: Crossing


class XpCredited(PublishedCloudEvent):
    """A rep's XP changed; subject: the actor. Topic engagement.xp-credited."""

    type: Literal["engagement.xp.credited"]
    data: XpCredit


MESSAGES: Final[dict[str, type[PublishedCloudEvent]]] = {
    SCORE_CHANGED_TOPIC: ScoreChanged,
    BAND_CHANGED_TOPIC: BandChanged,
    XP_CREDITED_TOPIC: XpCredited,
}
