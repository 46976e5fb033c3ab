"""What a document would change: one line, or one JSON object, per difference.

Owns which differences there are and which of them wait for a publish. Never changes anything; what is compared
are the values of state.py. A definition's points and group wait where a published version holds others after the
document; a profile's draft waits where it is published, or to be, and differs from what readers see. What a
publish that is under way brings counts as published; the publish itself waits until readers see it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import msgspec

from consumer.catalog import repository
from consumer.catalog.document import check_references
from consumer.catalog.document.faults import DocumentFaultsError
from consumer.catalog.document.fields import duration_text
from consumer.catalog.export import dedup_mapping, yaml_value
from consumer.catalog.merge import merge
from consumer.catalog.model import profile_versions
from consumer.catalog.model.account import DedupPolicy
from consumer.catalog.model.conditions import Condition, as_mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from consumer.catalog.document.model import CatalogDocument
    from consumer.catalog.model.account import AccountCatalog, Definition, Group, Profile
    from consumer.infra.postgres.connection import Connection

_ENCODER = msgspec.json.Encoder(decimal_format="number")
# What a document does not give as it stands, or what is told by lines of its own.
_UNTOLD = {
    "key",
    "edition",
    "counted",
    "inherits",
    "weights",
    "version",
    "building",
    "last_number",
    "publish_runs",
}


@dataclass(frozen=True)
class Difference:
    """One thing that a document changes, or that waits for a publish.

    subject: `account`, `group`, `definition`, `profile`, or a section whose order changes. key: None for a
    section. field: None where the subject is new; of a profile, `weights.KEY` are its own weights and `points.KEY`
    and `group.KEY` what its published version holds. before, after: JSON values as in a document.
    """

    subject: str
    key: str | None
    field: str | None
    before: Any = None
    after: Any = None
    pending: bool = False

    def __str__(self) -> str:
        subject = f"{self.subject} {self.key}" if self.key else self.subject
        change = f"{self.field} {_shown(self.before)} -> {_shown(self.after)}" if self.field else "new"
        return f"{subject}: {change}" + (" (pending)" if self.pending else "")

    def as_json(self) -> dict[str, Any]:
        """Return the difference as an object of JSON values; a number with a fraction is the nearest double."""
        values: dict[str, Any] = json.loads(_ENCODER.encode(self))
        return values


async def diff_document(connection: Connection, document: CatalogDocument) -> list[Difference]:
    """Return what applying the document would change, and what of the account waits for a publish.

    A profile that the document does not want published (`published: false`) is taken not to wait. Raises
    DocumentFaultsError where the document does not fit the account.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        before = await repository.read(connection, document.account)
    return differences(before, document)[0]


def differences(before: AccountCatalog, document: CatalogDocument) -> tuple[list[Difference], AccountCatalog]:
    """Return what a document changes in an account, and the account after it; raises DocumentFaultsError."""
    if faults := check_references.reference_faults(document, before):
        raise DocumentFaultsError(faults)
    after = merge(before, document)
    return [*_compare(before, after, document)], after


def _compare(
    before: AccountCatalog, after: AccountCatalog, document: CatalogDocument
) -> Iterator[Difference]:
    if before.settings is None:
        yield Difference("account", after.account, None)
    else:
        yield from _changes("account", after.account, before.settings, after.settings)
    yield from _section("group", before.groups, after.groups)
    waiting = {
        (key, name) for profile in after.profiles.values() for key, name, *_ in _catalog_lag(profile, after)
    }
    told = set()
    for change in _section("definition", before.definitions, after.definitions):
        told.add((change.key, change.field))
        yield replace(change, pending=(change.key, change.field) in waiting)
    yield from _section("profile", before.profiles, after.profiles)
    wishes = {entry.key: entry.values.get("published") for entry in document.profiles}
    for key, profile in after.profiles.items():
        yield from _publish(before.profiles.get(key), profile, wish=wishes.get(key))
        yield from _draft(before.profiles.get(key), profile, after, wish=wishes.get(key))
        if wishes.get(key) is not False:
            for definition, name, published, drafted in _catalog_lag(profile, after):
                if (definition, name) not in told:
                    field = f"{_PUBLISHED_AS[name]}.{definition}"
                    yield Difference("profile", key, field, published, drafted, pending=True)


def waiting_for_publish(state: AccountCatalog) -> Iterator[tuple[str, str, str, int | str, int | str]]:
    """Tell the points and groups that wait for a publish: (profile, definition, field, published, draft)."""
    for key, profile in state.profiles.items():
        for lag in _catalog_lag(profile, state):
            yield (key, *lag)


def _section(
    subject: str,
    before: Mapping[str, Group | Definition | Profile],
    after: Mapping[str, Group | Definition | Profile],
) -> Iterator[Difference]:
    for key, value in after.items():
        if key not in before:
            yield Difference(subject, key, None)
        else:
            yield from _changes(subject, key, before[key], value)
    old, new = list(before), [key for key in after if key in before]
    if old != new:
        yield Difference(subject + "s", None, "order", old, new)


def _changes(subject: str, key: str, before: Any, after: Any) -> Iterator[Difference]:
    for field in fields(after):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old != new and field.name not in _UNTOLD:
            name = field.name.removesuffix("_seconds")
            yield Difference(subject, key, name, _documented(name, old), _documented(name, new))


def _publish(before: Profile | None, after: Profile, *, wish: bool | None) -> Iterator[Difference]:
    """Tell of a profile's way to its next version: gone now, under way, or waited for."""
    old, new = before.version if before else None, after.coming
    waits = before is not None and before.building is not None
    if waits and wish is False:
        return
    if old and new and old.number != new.number:
        yield Difference("profile", after.key, "published_version", old.number, new.number, pending=waits)
    elif before and new and not old:
        yield Difference("profile", after.key, "published", before=False, after=True, pending=waits)
    elif wish and not new:
        yield Difference("profile", after.key, "published", before=False, after=True, pending=True)


def _draft(
    before: Profile | None, after: Profile, state: AccountCatalog, *, wish: bool | None
) -> Iterator[Difference]:
    """Tell of what a profile inherits and its own weights: changed now, or stored before and waiting."""
    version = after.coming
    published = version is not None and profile_versions.same_content(
        version, profile_versions.draft_version(after, state.definitions)
    )
    waits = not published and (version is not None or wish is True)
    told = [] if before is None else [*_draft_fields(before.inherits, before.weights, after)]
    for field, old, new in told:
        yield Difference("profile", after.key, field, old, new, pending=waits)
    if version is not None and waits and wish is not False:
        names = {field for field, *_ in told}
        for field, old, new in _draft_fields(version.inherits, version.own_weights, after):
            if field not in names:
                yield Difference("profile", after.key, field, old, new, pending=True)


def _draft_fields(
    inherits: bool, weights: Mapping[str, int], after: Profile
) -> Iterator[tuple[str, bool | int | None, bool | int | None]]:
    if inherits != after.inherits:
        yield "inherits", inherits, after.inherits
    for key in sorted(weights.keys() | after.weights.keys()):
        if weights.get(key) != after.weights.get(key):
            yield f"weights.{key}", weights.get(key), after.weights.get(key)


_PUBLISHED_AS = {"default_points": "points", "group": "group"}


def _catalog_lag(profile: Profile, state: AccountCatalog) -> Iterator[tuple[str, str, int | str, int | str]]:
    """Tell the points and groups of the catalog that a version lacks: (definition, field, has, would)."""
    version = profile.coming
    if version is None:
        return
    draft = profile_versions.draft_version(profile, state.definitions)
    for key, would in draft.weights.items():
        has = profile_versions.published_weight(version, key, would)
        own = key in version.own_weights or key in profile.weights
        if has.points != would.points and not own and version.inherits == profile.inherits:
            yield key, "default_points", has.points, would.points
        if has.group != would.group:
            yield key, "group", has.group, would.group


def _documented(name: str, value: Any) -> Any:
    """Return a value as it stands in a document."""
    if name == "retention" and value is not None:
        return duration_text(value)
    if isinstance(value, DedupPolicy):
        return dedup_mapping(value)
    if isinstance(value, Condition):
        return as_mapping(value)
    return [_documented("", each) for each in value] if isinstance(value, tuple) else value


def _shown(value: Any) -> str:
    return "none" if value is None else yaml_value(value)
