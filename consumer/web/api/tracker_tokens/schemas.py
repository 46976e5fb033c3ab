"""Request and response models of tracker tokens, their keys and links."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, StrictBool, StrictInt

from consumer.catalog.document.fields import MAX_TEXT
from consumer.domain.cloudevents import CONTROL
from consumer.web.http import etags
from consumer.web.http.request_types import Body, Text, is_storable
from schemas.vocabulary import ANONYMOUS_PREFIX, TRACK_PREFIX

if TYPE_CHECKING:
    import asyncpg

MOST_LINKS = 1000
_MOST_ORIGINS, _MOST_NAMES, _MOST_PARAMETERS = 50, 200, 50
_MOST_URL = 2000
_A_DAY, _A_YEAR = 86_400, 366 * 86_400
# As browsers send them: in lower case, without the scheme's own port.
_ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?", re.ASCII)
_OWN_PORTS = {"http": ":80", "https": ":443"}
# What follows `track.` in the type of an event.
_LONGEST_NAME = MAX_TEXT - len(TRACK_PREFIX)


def _origin(text: str) -> str:
    origin = text.lower().removesuffix("/")
    if not _ORIGIN.fullmatch(origin):
        raise ValueError("must be an origin like https://shop.example.com, without a path")
    return origin.removesuffix(_OWN_PORTS[origin.partition(":")[0]])


def _plain(text: str) -> str:
    if not is_storable(text) or CONTROL.search(text):
        raise ValueError("must not contain control characters or lone surrogates")
    return text


def _known_contact(text: str) -> str:
    if text.startswith(ANONYMOUS_PREFIX):
        raise ValueError(f"must not begin with {ANONYMOUS_PREFIX}: links are for known contacts")
    return _plain(text)


def _web_address(text: str) -> str:
    try:
        parts = urlsplit(_plain(text))
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ValueError("must be an address that begins with https:// or http://")
    return text


def _base_url(text: str) -> str:
    if "?" in text or "#" in text:
        raise ValueError("must have no ? and no #")
    return _web_address(text).rstrip("/")


Origins = Annotated[
    list[Annotated[str, Field(max_length=300), AfterValidator(_origin)]], Field(max_length=_MOST_ORIGINS)
]
EventNames = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=_LONGEST_NAME), AfterValidator(_plain)]],
    Field(max_length=_MOST_NAMES),
]
QueryParameters = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_plain)]],
    Field(max_length=_MOST_PARAMETERS),
]
PerSecond = Annotated[StrictInt, Field(ge=1, le=100_000)]
PerDay = Annotated[StrictInt, Field(ge=1, le=1_000_000_000)]
WebAddress = Annotated[str, Field(min_length=1, max_length=_MOST_URL), AfterValidator(_web_address)]
BaseUrl = Annotated[str, Field(min_length=1, max_length=_MOST_URL), AfterValidator(_base_url)]
KnownContact = Annotated[Text, AfterValidator(_known_contact)]
ObjectId = Annotated[Text, AfterValidator(_plain)]


class NewTrackerToken(Body):
    """What the calls of a token may do."""

    name: Text
    """What the token is for."""
    origins: Origins = Field([])
    """Pages that may call with it, as `https://shop.example.com`. Empty: any, and servers."""
    event_names: EventNames = Field([])
    """Names of `track` calls; `page`, `screen`, `identify`, `group` and `alias` for these calls. Empty: any."""
    anonymous_only: StrictBool = False
    """On: calls that name a contact are refused, but signed links."""
    may_set_traits: StrictBool = False
    """On: traits of `identify` become fields of the contact. For keys that only servers have."""
    keeps_addresses: StrictBool = False
    """On: events keep the IP address of their caller."""
    query_parameters: QueryParameters = Field([])
    """Parameters of pages' addresses that are kept besides `utm_…`."""
    per_second: PerSecond = 500
    """Maximum number of events per second."""
    per_second_by_address: PerSecond = 100
    """Maximum number of events per second from one IP address."""
    per_day: PerDay = 5_000_000
    """Maximum number of events per day of UTC."""


class TrackerTokenChange(Body):
    """Changes to a token; omitted fields stay."""

    name: Text = Field(default_factory=str)
    """What the token is for."""
    origins: Origins = Field(default_factory=list)
    """Pages that may call with it, as `https://shop.example.com`. Empty: any, and servers."""
    event_names: EventNames = Field(default_factory=list)
    """Names of `track` calls; `page`, `screen`, `identify`, `group` and `alias` for these calls. Empty: any."""
    anonymous_only: StrictBool = Field(default_factory=bool)
    """On: calls that name a contact are refused, but signed links."""
    may_set_traits: StrictBool = Field(default_factory=bool)
    """On: traits of `identify` become fields of the contact. For keys that only servers have."""
    keeps_addresses: StrictBool = Field(default_factory=bool)
    """On: events keep the IP address of their caller."""
    query_parameters: QueryParameters = Field(default_factory=list)
    """Parameters of pages' addresses that are kept besides `utm_…`."""
    per_second: PerSecond = Field(default_factory=int)
    """Maximum number of events per second."""
    per_second_by_address: PerSecond = Field(default_factory=int)
    """Maximum number of events per second from one IP address."""
    per_day: PerDay = Field(default_factory=int)
    """Maximum number of events per day of UTC."""


class TrackerKey(BaseModel, use_attribute_docstrings=True):
    """A key of a token that is valid."""

    ending: str
    """Its last characters."""
    created_at: datetime
    """When it was made."""
    expires_at: datetime | None
    """When it expires; null: it is the current one."""


class TrackerTokenAnswer(BaseModel, use_attribute_docstrings=True):
    """A token, its valid keys, and how it is used."""

    id: UUID
    """The id of the token; the `source` of its events is `/tracker/` and this id."""
    name: str
    """What the token is for."""
    origins: list[str]
    """Pages that may call with it. Empty: any, and servers."""
    event_names: list[str]
    """Events that it may record. Empty: any."""
    anonymous_only: bool
    """On: calls that name a contact are refused, but signed links."""
    may_set_traits: bool
    """On: traits of `identify` become fields of the contact."""
    keeps_addresses: bool
    """On: events keep the IP address of their caller."""
    query_parameters: list[str]
    """Parameters of pages' addresses that are kept besides `utm_…`."""
    per_second: int
    """Maximum number of events per second."""
    per_second_by_address: int
    """Maximum number of events per second from one IP address."""
    per_day: int
    """Maximum number of events per day of UTC."""
    keys: list[TrackerKey]
    """The valid keys, oldest first."""
    created_at: datetime
    """When it was created."""
    revoked_at: datetime | None
    """When it was revoked; null: it is not."""
    accepted: int
    """Events recorded with it, up to some seconds ago."""
    refused: int
    """Events refused, up to some seconds ago."""
    last_used_at: datetime | None
    """When the last call came; null: none yet."""
    revision: str
    """The value of `ETag`, without quotes."""


class NewTrackerTokenAnswer(TrackerTokenAnswer):
    """A token that was created."""

    key: str
    """The write key. It is shown this once."""
    signing_secret: str
    """Signs links of e-mails that have this key. It is shown this once."""


class Rotation(Body):
    """How a key is replaced."""

    old_valid_for: Annotated[StrictInt, Field(ge=0, le=_A_YEAR)] = _A_DAY
    """Seconds for which the key before, with its signing secret, stays valid; 0: it ends at once."""


class TrackerKeyAnswer(BaseModel, use_attribute_docstrings=True):
    """A new key."""

    key: str
    """The write key. It is shown this once."""
    signing_secret: str
    """Signs links of e-mails that have this key. It is shown this once."""


class Recipient(Body):
    """Who gets a link in which e-mail."""

    contact: KnownContact
    """The contact that the e-mail is sent to."""
    object: ObjectId
    """The id of the e-mail: opens and clicks count for it."""
    url: WebAddress | None = None
    """Where a click leads; none: no link for clicks."""


class NewLinks(Body):
    """For whom links are made."""

    key: Annotated[str, Field(min_length=1, max_length=100)]
    """A valid key of the token: it is part of each link, and the service knows its hash only."""
    base_url: BaseUrl
    """Where the tracker is reached from outside, as `https://track.example.com`."""
    recipients: Annotated[list[Recipient], Field(min_length=1, max_length=MOST_LINKS)]
    """Contacts and e-mails."""


class LinksOfRecipient(BaseModel, use_attribute_docstrings=True):
    """The links for a contact and an e-mail."""

    contact: str
    """The contact that the e-mail is sent to."""
    object: str
    """The id of the e-mail."""
    pixel: str
    """The address of an image: loading it records `track.email.opened`."""
    click: str | None
    """Records `track.email.clicked` and leads on to `url`; null if there is none."""


class Links(BaseModel, use_attribute_docstrings=True):
    """Signed links."""

    links: list[LinksOfRecipient]
    """In the order of the recipients."""


# What can be changed in a token, in the order of the statements' parameters.
SETTINGS = tuple(NewTrackerToken.model_fields)


def settings(row: asyncpg.Record) -> dict[str, Any]:
    """Return what can be changed in a token."""
    return {name: row[name] for name in SETTINGS}


def revision(row: asyncpg.Record) -> str:
    """Return the revision of what can be changed in a token; revoking it is a change."""
    return etags.revision([settings(row), row["revoked_at"] is not None])


def token_members(row: asyncpg.Record) -> dict[str, object]:
    """Return the members of the answer about a token."""
    shown = {name: row[name] for name in TrackerTokenAnswer.model_fields if name in row}
    keys = zip(row["endings"] or (), row["created"] or (), row["expiries"] or (), strict=True)
    return shown | {
        "keys": [
            TrackerKey(ending=ending, created_at=created_at, expires_at=expires_at)
            for ending, created_at, expires_at in keys
        ],
        "revision": revision(row),
    }
