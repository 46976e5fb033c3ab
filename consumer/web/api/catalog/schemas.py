"""Request and response models of groups and definitions, in the form of the catalog document.

They check types and bounds; the catalog's own checks do the rest.
"""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field, StrictBool, StrictInt, StrictStr
from typing_extensions import TypeAliasType

from consumer.catalog.diff import waiting_for_publish
from consumer.catalog.document.parse import MOST_POINTS, icon_names
from consumer.catalog.export import definition_mapping, group_mapping
from consumer.catalog.model.conditions import Attribute, Op
from consumer.web.http.etags import group_revision, revision
from consumer.web.http.request_types import Body, Key, Points, Text
from schemas.vocabulary import Per, Policy

if TYPE_CHECKING:
    from consumer.catalog.model.account import AccountCatalog, Definition, Group


Value = StrictStr | StrictBool | StrictInt | Annotated[float, Field(strict=True, allow_inf_nan=False)]


def _absent(value: object) -> bool:
    return value is None


# The catalog checks it, with the list of icons in the fault; the enum is for clients that build forms.
Icon = TypeAliasType(
    "Icon",
    Annotated[
        str, Field(description="The name of an icon.", json_schema_extra={"enum": sorted(icon_names())})
    ],
)


class WhenCondition(Body):
    """A condition on a path in `data` or on an attribute of the event: exactly one of the two."""

    path: StrictStr | None = Field(None, exclude_if=_absent)
    """A path into `data`, like `amount` or `customer.country`."""
    attribute: Attribute | None = Field(None, exclude_if=_absent)
    """An attribute of the event."""
    op: Op
    """The operator."""
    value: Value | list[Value] | None = Field(None, exclude_if=_absent)
    """A list for `in` and `not_in`; none for `exists` and `absent`."""


class Dedup(Body):
    """When an event counts again."""

    policy: Policy = Policy.ALWAYS
    """How often an event counts."""
    interval: StrictStr | None = Field(None, exclude_if=_absent)
    """The length of a cooldown, like `30m`, `24h` or `7d`; for no other policy."""
    per: Per = Per.CONTACT
    """What the policy applies to: all events of a contact, or those about one object."""


class NewGroup(Body):
    """A group to create."""

    key: Key
    """The key; it cannot be changed."""
    name: Text
    """The name for display."""
    icon: Icon
    """The icon, one of `icons`."""


class GroupChange(Body):
    """Changes to a group; omitted fields stay as they are."""

    name: Text = Field(default_factory=str)
    """The name for display."""
    icon: Icon = Field(default_factory=str)
    """The icon, one of `icons`."""


class NewDefinition(Body):
    """A definition to create."""

    key: Key
    """The key; it cannot be changed."""
    name: Text
    """The name for display."""
    group: Key
    """The key of the group that its points go to."""
    icon: Icon
    """The icon, one of `icons`."""
    default_points: Points
    """Points of a counted event, in profiles without a weight of their own for it."""
    events: list[Text] = Field(min_length=1)
    """The event types that it takes."""
    active: StrictBool = True
    """Whether it takes events."""
    when: list[WhenCondition] = Field(default_factory=list)
    """Conditions, all of which must hold; empty: it takes every event of its types."""
    dedup: Dedup = Field(default_factory=Dedup)
    """How often an event counts."""
    xp: Annotated[StrictInt, Field(ge=0, le=MOST_POINTS)] = 0
    """Experience points that the actor of a counted event earns."""


class DefinitionChange(Body):
    """Changes to a definition; omitted fields stay. `when`, `events` and `dedup` are replaced as a whole."""

    name: Text = Field(default_factory=str)
    """The name for display."""
    group: Key = Field(default_factory=str)
    """The key of the group that its points go to."""
    icon: Icon = Field(default_factory=str)
    """The icon, one of `icons`."""
    default_points: Points = Field(default_factory=int)
    """Points of a counted event, in profiles without a weight of their own for it."""
    events: list[Text] = Field(default_factory=list, min_length=1)
    """The event types that it takes."""
    active: StrictBool = Field(default_factory=bool)
    """Whether it takes events."""
    when: list[WhenCondition] = Field(default_factory=list)
    """Conditions, all of which must hold; empty: it takes every event of its types."""
    dedup: Dedup = Field(default_factory=Dedup)
    """How often an event counts."""
    xp: Annotated[StrictInt, Field(ge=0, le=MOST_POINTS)] = Field(default_factory=int)
    """Experience points that the actor of a counted event earns."""


class Order(Body):
    """All keys in display order."""

    keys: list[Key]
    """The keys, each of them once."""


class OrderAnswer(BaseModel, use_attribute_docstrings=True):
    """All keys in display order."""

    keys: list[str]
    """The keys, in display order."""


class GroupAnswer(BaseModel, use_attribute_docstrings=True):
    """A group."""

    key: str
    """The key."""
    name: str
    """The name for display."""
    icon: str
    """The name of its icon."""
    revision: str | None
    """The value of `ETag`, without quotes; null if deleted."""
    deleted: bool
    """Whether it was deleted, and is listed only because of `pending`."""
    pending: list[str]
    """Of a deleted group, the profiles whose published version still counts definitions in it; publishing them
    removes it."""


class Pending(BaseModel, use_attribute_docstrings=True):
    """A change to a definition that waits for a publish: the published value, and the value in the draft."""

    profile: str
    """The profile's key."""
    field: str
    """`default_points` or `group`."""
    published: int | str
    """The value in the published version."""
    draft: int | str
    """The value in the draft."""


class DefinitionAnswer(BaseModel, use_attribute_docstrings=True):
    """A definition."""

    key: str
    """The key."""
    name: str
    """The name for display."""
    group: str
    """The key of the group that its points go to."""
    icon: str
    """The name of its icon."""
    default_points: int
    """Points of a counted event, in profiles without a weight of their own for it."""
    active: bool
    """Whether it takes events."""
    events: list[str]
    """The event types that it takes."""
    when: list[WhenCondition]
    """Conditions, all of which must hold."""
    dedup: Dedup
    """How often an event counts."""
    xp: int
    """Experience points that the actor of a counted event earns."""
    edition: int
    """The number of the dedup policy; a changed policy has the next one."""
    counted: bool
    """Whether an event has counted under it, so that it can only be deactivated, not deleted."""
    revision: str
    """The value of `ETag`, without quotes."""
    pending: list[Pending]
    """Changes that wait for a publish."""


def group_answer(group: Group) -> GroupAnswer:
    """Return the response model of a group."""
    return GroupAnswer(**group_mapping(group), revision=group_revision(group), deleted=False, pending=[])


def definition_answers(state: AccountCatalog) -> dict[str, DefinitionAnswer]:
    """Return the response models of the definitions of a catalog by key, in display order.

    state: with all profiles, which may have a change pending. For thousands of definitions this takes seconds.
    """
    pending: dict[str, list[Pending]] = {}
    for profile, key, field, published, draft in waiting_for_publish(state):
        waits = Pending(profile=profile, field=field, published=published, draft=draft)
        pending.setdefault(key, []).append(waits)
    return {
        definition.key: _definition_answer(definition, pending.get(definition.key, []))
        for definition in state.definitions.values()
    }


def _definition_answer(definition: Definition, pending: list[Pending]) -> DefinitionAnswer:
    # Exact numbers, of which the answer has the nearest doubles.
    exact = definition_mapping(definition)
    state = {"edition": definition.edition, "counted": definition.counted}
    waiting = [each.model_dump() for each in pending]
    return DefinitionAnswer(
        **plain(exact), **state, pending=pending, revision=revision({**exact, **state, "pending": waiting})
    )


def plain(value: Any) -> Any:
    """Return a value for JSON: a Decimal of any size becomes the nearest finite double."""
    if isinstance(value, Decimal):
        return max(-sys.float_info.max, min(sys.float_info.max, float(value)))
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value
