"""Merges a document into a stored account: stored and default values, display order, new editions. Pure.

`apply_document` writes the result, `diff_document` compares it with the stored account.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from consumer.catalog.model import profile_versions
from consumer.catalog.model.account import AccountCatalog, AccountSettings, Definition, Group, Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from consumer.catalog.document.model import CatalogDocument, DocumentEntry

Section = TypeVar("Section", Group, Definition, Profile)


def merge(stored: AccountCatalog, document: CatalogDocument) -> AccountCatalog:
    """Return the account after the document, which must have passed `reference_faults` against it."""
    settings = stored.settings or AccountSettings(name=document.account)
    definitions = _merged(stored.definitions, document.definitions, Definition, _change_definition)
    profiles = _merged(stored.profiles, _without_published(document.profiles), Profile, _change)
    if not profiles and not stored.rest.profiles:
        profiles = {"lead_score": Profile("lead_score", "Lead score", primary=True)}
    requested = {entry.key: entry.values.get("published") for entry in document.profiles}
    return replace(
        stored,
        settings=replace(settings, **document.settings),
        groups=_merged(stored.groups, document.groups, Group, _change),
        definitions=definitions,
        profiles={
            key: profile_versions.publish_if_wanted(
                profile,
                definitions,
                wanted=_wants_publishing(profile, requested),
                has_history=stored.has_history,
            )
            for key, profile in profiles.items()
        },
    )


def _wants_publishing(profile: Profile, requested: Mapping[str, bool | None]) -> bool:
    """Return True if a document publishes a profile: as `published: true`, or by listing a published one."""
    if profile.key not in requested:
        return False
    published = requested[profile.key]
    return profile.target_version is not None if published is None else published


def _without_published(entries: tuple[DocumentEntry, ...]) -> tuple[DocumentEntry, ...]:
    return tuple(
        replace(entry, values={name: value for name, value in entry.values.items() if name != "published"})
        for entry in entries
    )


def _merged(
    stored: dict[str, Section],
    entries: tuple[DocumentEntry, ...],
    create: Callable[..., Section],
    change: Callable[[Section, Mapping[str, Any]], Section],
) -> dict[str, Section]:
    merged = dict(stored)
    for entry in entries:
        before = stored.get(entry.key)
        merged[entry.key] = change(before, entry.values) if before else create(entry.key, **entry.values)
    return {key: merged[key] for key in display_order(list(stored), [entry.key for entry in entries])}


def display_order(stored: list[str], listed: list[str]) -> list[str]:
    """Return the display order: listed keys in the order of the document, other keys in their places.

    So a document that lists every key decides the order, and a new key of a partial document comes last.
    """
    remaining, named = iter(listed), frozenset(listed)
    places = [key if key not in named else next(remaining) for key in stored]
    return [*places, *remaining]


def _change(before: Section, values: Mapping[str, Any]) -> Section:
    return replace(before, **values)


def _change_definition(before: Definition, values: Mapping[str, Any]) -> Definition:
    after = replace(before, **values)
    return after if after.dedup == before.dedup else replace(after, edition=before.edition + 1)
