"""Request and response models of groups and definitions, in the form of the catalog document.

They check types and bounds; the catalog's own checks do the rest.
"""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field, StrictBool, StrictInt, StrictStr

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
Icon = Annotated[str, Field(json_schema_extra={"enum": sorted(icon_names())})]


class WhenCondition(Body):
    """A condition on a path in `data` or on an attribute of the event: exactly one of the two."""

    path: StrictStr | None = Field(None, exclude_if=_absent)
    attribute: Attribute | None = Field(None, exclude_if=_absent)
    op: Op
    value: Value | list[Value] | None = Field(None, exclude_if=_absent)
    """A list for `in` and `not_in`; none for `exists` and `absent`."""


class Dedup(Body):
    """When an event counts again. interval: for a cooldown, like 30m, 24h or 7d."""

    policy: Policy = Policy.ALWAYS
    interval: StrictStr | None = Field(None, exclude_if=_absent)
    per: Per = Per.CONTACT


class NewGroup(Body):
    """A group to create."""

    key: Key
    name: Text
    icon: Icon


class GroupChange(Body):
    """Changes to a group; omitted fields stay as they are."""

    name: Text = Field(default_factory=str)
    icon: Icon = Field(default_factory=str)


class NewDefinition(Body):
    """A definition to create."""

    key: Key
    name: Text
    group: Key
    icon: Icon
    default_points: Points
    events: list[Text] = Field(min_length=1)
    active: StrictBool = True
    when: list[WhenCondition] = Field(default_factory=list)
    dedup: Dedup = Field(default_factory=Dedup)
    xp: Annotated[StrictInt, Field(ge=0, le=MOST_POINTS)] = 0


class DefinitionChange(Body):
    """Changes to a definition; omitted fields stay. `when`, `events` and `dedup` are replaced as a whole."""

    name: Text = Field(default_factory=str)
    group: Key = Field(default_factory=str)
    icon: Icon = Field(default_factory=str)
    default_points: Points = Field(default_factory=int)
    events: list[Text] = Field(default_factory=list, min_length=1)
    active: StrictBool = Field(default_factory=bool)
    when: list[WhenCondition] = Field(default_factory=list)
    dedup: Dedup = Field(default_factory=Dedup)
    xp: Annotated[StrictInt, Field(ge=0, le=MOST_POINTS)] = Field(default_factory=int)


class Order(Body):
    """All keys in display order."""

    keys: list[Key]


class OrderAnswer(BaseModel):
    """All keys in display order."""

    keys: list[str]


class GroupAnswer(BaseModel):
    """A group.

    revision: null if deleted. pending: of a deleted group, the profiles whose published version still counts
    definitions in it; publishing them removes it.
    """

    key: str
    name: str
    icon: str
    revision: str | None
    deleted: bool
    pending: list[str]


class Pending(BaseModel, use_attribute_docstrings=True):
    """A change to a definition that waits for a publish: the published value, and the value in the draft."""

    profile: str
    field: str
    """`default_points` or `group`."""
    published: int | str
    draft: int | str


class DefinitionAnswer(BaseModel):
    """A definition.

    edition: the number of the dedup policy. counted: an event has counted under it, so that it can only be
    deactivated, not deleted. pending: changes that wait for a publish.
    """

    key: str
    name: str
    group: str
    icon: str
    default_points: int
    active: bool
    events: list[str]
    when: list[WhenCondition]
    dedup: Dedup
    xp: int
    edition: int
    counted: bool
    revision: str
    pending: list[Pending]


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
