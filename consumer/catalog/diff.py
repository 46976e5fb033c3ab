"""Compares an account before and after a document: one line, or one JSON object, per difference. Changes nothing.

Differences that wait for a publish are pending:

- a definition's points and group, where a published version has others after the document;
- a profile's draft, where the profile is published, or is to be, and the draft differs from what readers see;
- a running publish, until readers see its version. What it brings counts as published.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from consumer.catalog import repository
from consumer.catalog.document.check_references import band_faults
from consumer.catalog.document.faults import DocumentFaultsError
from consumer.catalog.document.fields import duration_text
from consumer.catalog.document.parse import stored_faults
from consumer.catalog.export import dedup_mapping, yaml_value
from consumer.catalog.merge import merge
from consumer.catalog.model import profile_versions
from consumer.catalog.model.account import DedupPolicy
from consumer.catalog.model.conditions import Condition, condition_mapping
from consumer.catalog.model.frames import frame_mapping, frames_by_name
from consumer.catalog.model.limits import DEFAULT_LIMITS
from schemas.exact_json import exact_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from consumer.catalog.document.model import CatalogDocument
    from consumer.catalog.model.account import AccountCatalog, Definition, Group, Profile, ProfileVersion
    from consumer.catalog.model.limits import CatalogLimits
    from consumer.infra.postgres.connection import Connection

# Fields that no document has, or that have lines of their own.
_NOT_COMPARED = {
    "key",
    "edition",
    "counted",
    "inherits",
    "weights",
    "overall",
    "groups",
    "version",
    "building",
    "last_number",
    "publish_runs",
    "archived",
    "was_published",
}


@dataclass(frozen=True)
class Difference:
    """One change by a document, or one value that waits for a publish (pending).

    subject: `account`, `group`, `definition`, `profile`, or a section whose order changes. key: None for a section.
    field: None where the subject is new; of a profile, `weights.KEY` are its own weights, `groups.KEY` its frames
    of groups, `points.KEY` and `group.KEY` those of its published version. before, after: JSON values as in a
    document.
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
        values: dict[str, Any] = json.loads(exact_json(self))
        return values


async def diff_document(
    connection: Connection, document: CatalogDocument, *, limits: CatalogLimits = DEFAULT_LIMITS
) -> list[Difference]:
    """Return what applying the document would change, and what waits for a publish.

    Changes of a profile with `published: false` in the document do not count as waiting. Raises DocumentFaultsError
    where the document does not fit the account.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        before = await repository.read(connection, document.account)
    return differences(before, document, limits)[0]


def differences(
    before: AccountCatalog, document: CatalogDocument, limits: CatalogLimits | None
) -> tuple[list[Difference], AccountCatalog]:
    """Return what a document changes in an account, and the changed account.

    limits: None where they do not matter. Raises DocumentFaultsError.
    """
    if faults := stored_faults(document, before, limits):
        raise DocumentFaultsError(faults)
    after = merge(before, document)
    if faults := band_faults(document, before, after):
        raise DocumentFaultsError(faults)
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
        (key, name)
        for profile in after.profiles.values()
        for key, name, *_ in _unpublished_values(profile, after)
    }
    listed = set()
    for difference in _section("definition", before.definitions, after.definitions):
        listed.add((difference.key, difference.field))
        yield replace(difference, pending=(difference.key, difference.field) in waiting)
    yield from _section("profile", before.profiles, after.profiles)
    requested = {entry.key: entry.values.get("published") for entry in document.profiles}
    for key, profile in after.profiles.items():
        yield from _publish(before.profiles.get(key), profile, requested=requested.get(key))
        yield from _draft(before.profiles.get(key), profile, after, requested=requested.get(key))
        if requested.get(key) is not False:
            for definition, name, published, drafted in _unpublished_values(profile, after):
                if (definition, name) not in listed:
                    field = f"{_PUBLISHED_AS[name]}.{definition}"
                    yield Difference("profile", key, field, published, drafted, pending=True)


def waiting_for_publish(catalog: AccountCatalog) -> Iterator[tuple[str, str, str, int | str, int | str]]:
    """Yield the points and groups that wait for a publish: (profile, definition, field, published, draft)."""
    for key, profile in catalog.profiles.items():
        for value in _unpublished_values(profile, catalog):
            yield (key, *value)


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
        if old != new and field.name not in _NOT_COMPARED:
            name = field.name.removesuffix("_seconds")
            yield Difference(subject, key, name, _documented(name, old), _documented(name, new))


def _publish(before: Profile | None, after: Profile, *, requested: bool | None) -> Iterator[Difference]:
    """Yield the difference of the profile's published version: done by the document, running, or requested."""
    old, new = before.version if before else None, after.target_version
    running = before is not None and before.building is not None
    if running and requested is False:
        return
    if old and new and old.number != new.number:
        yield Difference("profile", after.key, "published_version", old.number, new.number, pending=running)
    elif before and new and not old:
        yield Difference("profile", after.key, "published", before=False, after=True, pending=running)
    elif requested and not new:
        yield Difference("profile", after.key, "published", before=False, after=True, pending=True)


def _draft(
    before: Profile | None, after: Profile, catalog: AccountCatalog, *, requested: bool | None
) -> Iterator[Difference]:
    """Yield the differences of the draft (inheritance, own weights, frames): by the document, or pending before."""
    version = after.target_version
    published = version is not None and profile_versions.same_content(
        version, profile_versions.draft_version(after, catalog.definitions)
    )
    pending = not published and (version is not None or requested is True)
    changed = [] if before is None else [*_draft_fields(before, before.weights, after)]
    for field, old, new in changed:
        yield Difference("profile", after.key, field, old, new, pending=pending)
    if version is not None and pending and requested is not False:
        names = {field for field, *_ in changed}
        for field, old, new in _draft_fields(version, version.own_weights, after):
            if field not in names:
                yield Difference("profile", after.key, field, old, new, pending=True)


def _draft_fields(
    before: Profile | ProfileVersion, weights: Mapping[str, int], after: Profile
) -> Iterator[tuple[str, Any, Any]]:
    if before.inherits != after.inherits:
        yield "inherits", before.inherits, after.inherits
    for key in sorted(weights.keys() | after.weights.keys()):
        if weights.get(key) != after.weights.get(key):
            yield f"weights.{key}", weights.get(key), after.weights.get(key)
    yield from frame_changes(before, after)


def frame_changes(
    before: Profile | ProfileVersion, after: Profile | ProfileVersion
) -> Iterator[tuple[str, dict[str, Any] | None, dict[str, Any] | None]]:
    """Yield the frames that differ, as field, before and after in the form of documents; None: plain."""
    old, new = (frames_by_name(each.overall, each.groups) for each in (before, after))
    for name in [*old, *(name for name in new if name not in old)]:
        if old.get(name) != new.get(name):
            was, now = (frame_mapping(each[name]) if name in each else None for each in (old, new))
            yield name, was, now


_PUBLISHED_AS = {"default_points": "points", "group": "group"}


def _unpublished_values(
    profile: Profile, catalog: AccountCatalog
) -> Iterator[tuple[str, str, int | str, int | str]]:
    """Yield the catalog's points and groups that the version lacks: (definition, field, published, drafted)."""
    version = profile.target_version
    if version is None:
        return
    draft = profile_versions.draft_version(profile, catalog.definitions)
    for key, drafted in draft.weights.items():
        published = profile_versions.published_weight(version, key, drafted)
        own = key in version.own_weights or key in profile.weights
        if published.points != drafted.points and not own and version.inherits == profile.inherits:
            yield key, "default_points", published.points, drafted.points
        if published.group != drafted.group:
            yield key, "group", published.group, drafted.group


def _documented(name: str, value: Any) -> Any:
    """Return a value in the form that documents have."""
    if name == "retention" and value is not None:
        return duration_text(value)
    if isinstance(value, DedupPolicy):
        return dedup_mapping(value)
    if isinstance(value, Condition):
        return condition_mapping(value)
    return [_documented("", each) for each in value] if isinstance(value, tuple) else value


def _shown(value: Any) -> str:
    return "none" if value is None else yaml_value(value)
