"""Checks a document against the stored account: groups exist, new entries are complete, one profile is primary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.catalog.document.faults import Fault
from consumer.catalog.model.named_bands import bands_taken_away, why_refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from consumer.catalog.document.model import CatalogDocument, DocumentEntry
    from consumer.catalog.model.account import AccountCatalog, NamedBand

_REQUIRED = {
    "group": ("name", "icon"),
    "definition": ("name", "group", "icon", "default_points", "events"),
    "profile": ("name",),
}


def reference_faults(document: CatalogDocument, stored: AccountCatalog) -> list[Fault]:
    """Return the faults of applying a document to the stored account."""
    return [
        *_missing("group", document.groups, stored.groups),
        *_missing("definition", document.definitions, stored.definitions),
        *_missing("profile", document.profiles, stored.profiles),
        *_groups(document, stored),
        *_frames(document, stored),
        *_archived(document, stored),
        *_primary(document, stored),
    ]


def band_faults(document: CatalogDocument, before: AccountCatalog, after: AccountCatalog) -> list[Fault]:
    """Return a fault for each profile that a document would leave without bands that segments name."""
    taken = bands_taken_away(before, after)
    return [
        Fault(_line_of(entry, taken[entry.key]), why_refused(entry.key, taken[entry.key]))
        for entry in document.profiles
        if entry.key in taken
    ]


def _line_of(entry: DocumentEntry, taken: Iterable[NamedBand]) -> int:
    fields = ["overall" if named.group is None else "groups" for named in taken]
    return next((entry.lines[field] for field in fields if field in entry.lines), entry.line)


def _missing(what: str, entries: tuple[DocumentEntry, ...], stored: Mapping[str, object]) -> Iterator[Fault]:
    for entry in entries:
        absent = tuple(name for name in _REQUIRED[what] if name not in entry.lines)
        if absent and entry.key not in stored:
            verb = "is" if len(absent) == 1 else "are"
            message = f"{what} {entry.key} is new: {', '.join(absent)} {verb} missing"
            yield Fault(entry.line, message, absent)


def _groups(document: CatalogDocument, stored: AccountCatalog) -> Iterator[Fault]:
    known = _known_groups(document, stored)
    for entry in document.definitions:
        group = entry.values.get("group")
        if group is not None and group not in known:
            yield Fault(entry.lines["group"], f"definition {entry.key}: there is no group {group}")


def _known_groups(document: CatalogDocument, stored: AccountCatalog) -> set[str]:
    return {entry.key for entry in document.groups} | stored.groups.keys()


def _frames(document: CatalogDocument, stored: AccountCatalog) -> Iterator[Fault]:
    known = _known_groups(document, stored)
    for entry in document.profiles:
        for group in entry.values.get("groups", {}):
            if group not in known:
                yield Fault(
                    entry.lines[f"groups.{group}"], f"profile {entry.key}: groups: there is no group {group}"
                )


def _archived(document: CatalogDocument, stored: AccountCatalog) -> Iterator[Fault]:
    for entry in document.profiles:
        if entry.key in stored.profiles and stored.profiles[entry.key].archived:
            yield Fault(
                entry.line, f"profile {entry.key}: is archived, and is not changed until it no longer is"
            )


def _primary(document: CatalogDocument, stored: AccountCatalog) -> Iterator[Fault]:
    if not document.profiles:
        return
    primary = {stored.rest.primary: True} if stored.rest.primary else {}
    primary |= {key: profile.primary for key, profile in stored.profiles.items()}
    primary |= {
        entry.key: entry.values.get("primary", primary.get(entry.key, False)) for entry in document.profiles
    }
    chosen = [key for key, is_primary in primary.items() if is_primary]
    named = [entry for entry in document.profiles if entry.key in chosen and "primary" in entry.lines]
    if len(chosen) != 1:
        line = named[-1].lines["primary"] if named else document.profiles[0].line
        keys = " and ".join(chosen) or "none"
        yield Fault(line, f"profiles: exactly one must be primary, not {keys}")
        return
    before = stored.profiles.get(chosen[0])
    is_published = chosen[0] == stored.rest.primary or (before is not None and before.version is not None)
    if stored.has_history and not is_published:
        yield Fault(
            named[0].lines["primary"], f"profile {chosen[0]}: only a published profile can become primary"
        )
