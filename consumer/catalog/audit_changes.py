"""Compares an account before and after a change, for the audit trail: one entry for each object that changed. Pure.

The entries have the values of the document, the number of a profile's published version, and the start of a publish
that has to build scores. audit.py writes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.catalog.audit import AuditedChange
from consumer.catalog.export import definition_mapping, group_mapping, settings_mapping
from consumer.catalog.model.frames import frame_mapping, frames_mapping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.catalog.model.account import AccountCatalog, Profile

DocumentedObjects = dict[str, dict[str, Any]]


def account_changes(before: AccountCatalog, after: AccountCatalog) -> Iterator[AuditedChange]:
    """Yield an entry for each object that differs; of a changed object, only the fields that differ."""
    old, new = (
        None if each.settings is None else settings_mapping(each.settings) for each in (before, after)
    )
    yield from field_changes("account", None, old, new)
    for section, documented in (
        ("groups", _groups),
        ("definitions", _definitions),
        ("profiles", _profiles),
    ):
        yield from _section(section, documented(before), documented(after))
    for key, profile in after.profiles.items():
        earlier = before.profiles.get(key)
        if profile.building and not (earlier and earlier.building):
            yield AuditedChange("publish_begun", "profile", key, None, {"version": profile.building.number})


def _groups(catalog: AccountCatalog) -> DocumentedObjects:
    return {key: group_mapping(group) for key, group in catalog.groups.items()}


def _definitions(catalog: AccountCatalog) -> DocumentedObjects:
    return {key: definition_mapping(definition) for key, definition in catalog.definitions.items()}


def _profiles(catalog: AccountCatalog) -> DocumentedObjects:
    return {key: _profile(profile) for key, profile in catalog.profiles.items()}


def _profile(profile: Profile) -> dict[str, Any]:
    return {
        "key": profile.key,
        "name": profile.name,
        "description": profile.description,
        "primary": profile.primary,
        "inherits": profile.inherits,
        "weights": profile.weights,
        "overall": frame_mapping(profile.overall),
        "groups": frames_mapping(profile.groups),
        "version": profile.version.number if profile.version else None,
        "archived": profile.archived,
    }


def _section(section: str, before: DocumentedObjects, after: DocumentedObjects) -> Iterator[AuditedChange]:
    for key in {**before, **after}:
        yield from field_changes(section.removesuffix("s"), key, before.get(key), after.get(key))
    old, new = [key for key in before if key in after], [key for key in after if key in before]
    if old != new:
        yield AuditedChange("reordered", section, None, old, new)


def field_changes(
    subject: str, key: str | None, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> Iterator[AuditedChange]:
    """Yield the entry of one object, from its fields before and after; None where it does not exist."""
    if before is None or after is None:
        if before != after:
            yield AuditedChange("created" if before is None else "deleted", subject, key, before, after)
        return
    differing = [name for name in after if before[name] != after[name]]
    if differing:
        yield AuditedChange(
            "changed",
            subject,
            key,
            {name: before[name] for name in differing},
            {name: after[name] for name in differing},
        )
