"""A stored account and a document become the account as it will be.

Owns what is kept and what takes its default, the order of display, and when an edition opens. Pure: `apply`
writes what comes out, `diff` compares it with what went in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from consumer.catalog.model import profile_versions
from consumer.catalog.model.account import AccountCatalog, AccountSettings, Definition, Group, Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from consumer.catalog.document.model import CatalogDocument, DocumentEntry

Kept = TypeVar("Kept", Group, Definition, Profile)


def merge(stored: AccountCatalog, document: CatalogDocument) -> AccountCatalog:
    """Return the account after the document, which must have passed references.check against it."""
    settings = stored.settings or AccountSettings(name=document.account)
    definitions = _merged(stored.definitions, document.definitions, Definition, _change_definition)
    profiles = _merged(stored.profiles, _without_published(document.profiles), Profile, _change)
    if not profiles:
        profiles = {"lead_score": Profile("lead_score", "Lead score", primary=True)}
    wishes = {entry.key: entry.values.get("published") for entry in document.profiles}
    return replace(
        stored,
        settings=replace(settings, **document.settings),
        groups=_merged(stored.groups, document.groups, Group, _change),
        definitions=definitions,
        profiles={
            key: profile_versions.publish_if_wanted(
                profile,
                definitions,
                wanted=_wants_publishing(profile, wishes),
                has_history=stored.has_history,
            )
            for key, profile in profiles.items()
        },
    )


def _wants_publishing(profile: Profile, wishes: Mapping[str, bool | None]) -> bool:
    """Tell whether a document publishes a profile: it lists it, as published or as one that stays so."""
    if profile.key not in wishes:
        return False
    wish = wishes[profile.key]
    return profile.coming is not None if wish is None else wish


def _without_published(entries: tuple[DocumentEntry, ...]) -> tuple[DocumentEntry, ...]:
    return tuple(
        replace(entry, values={name: value for name, value in entry.values.items() if name != "published"})
        for entry in entries
    )


def _merged(
    stored: dict[str, Kept],
    entries: tuple[DocumentEntry, ...],
    create: Callable[..., Kept],
    change: Callable[[Kept, Mapping[str, Any]], Kept],
) -> dict[str, Kept]:
    merged = dict(stored)
    for entry in entries:
        before = stored.get(entry.key)
        merged[entry.key] = change(before, entry.values) if before else create(entry.key, **entry.values)
    return {key: merged[key] for key in ordered(list(stored), [entry.key for entry in entries])}


def ordered(stored: list[str], listed: list[str]) -> list[str]:
    """Return the order of display: what a document lists is in its order, what it leaves out keeps its place.

    So a document that lists everything decides the order, and one that lists a newcomer puts it at the end.
    """
    remaining = iter(listed)
    places = [key if key not in listed else next(remaining) for key in stored]
    return [*places, *remaining]


def _change(before: Kept, values: Mapping[str, Any]) -> Kept:
    return replace(before, **values)


def _change_definition(before: Definition, values: Mapping[str, Any]) -> Definition:
    after = replace(before, **values)
    return after if after.dedup == before.dedup else replace(after, edition=before.edition + 1)
