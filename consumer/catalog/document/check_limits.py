"""Checks a document against the limits of an account and its stored counts (semantics 3.18 to 3.20)."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from consumer.catalog.document.faults import Fault
from consumer.catalog.document.fields import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from consumer.catalog.document.model import CatalogDocument, DocumentEntry
    from consumer.catalog.model.account import AccountCatalog
    from consumer.catalog.model.limits import CatalogLimits


def limit_faults(document: CatalogDocument, stored: AccountCatalog, limits: CatalogLimits) -> list[Fault]:
    """Return a fault for each count that the document raises above its limit."""
    return [
        *_entries("max_groups", document.groups, stored.groups, limits),
        *_entries(
            "max_definitions", document.definitions, stored.definitions, limits, stored.rest.definitions
        ),
        *_entries("max_profiles", document.profiles, stored.profiles, limits, stored.rest.profiles),
        *_lists("max_definition_events", "definition", document.definitions, stored.definitions, limits),
        *_lists("max_definition_conditions", "definition", document.definitions, stored.definitions, limits),
        *_lists("max_profile_weights", "profile", document.profiles, stored.profiles, limits),
        *_types(document.definitions, stored, limits),
    ]


# The field that holds what a limit of one definition or profile counts.
_FIELDS = {
    "max_definition_events": "events",
    "max_definition_conditions": "when",
    "max_profile_weights": "weights",
}


def entry_refusals(values: Mapping[str, Any], stored: object, limits: CatalogLimits) -> dict[str, str]:
    """Return why fields of one definition or profile have too many members, by field; looks at their number alone.

    values: as they were sent, before anything else of them is checked. stored: the object, None if it is new.
    """
    refusals = {
        field: limits.refusal(name, len(getattr(stored, field, ())), len(values[field]))
        for name, field in _FIELDS.items()
        if field in values
    }
    return {field: problem for field, problem in refusals.items() if problem}


def _entries(
    name: str,
    entries: tuple[DocumentEntry, ...],
    stored: Mapping[str, object],
    limits: CatalogLimits,
    others: int = 0,
) -> Iterator[Fault]:
    """Yield the fault of a section, at its first entry beyond the limit. others: how many more are stored."""
    new = [entry for entry in entries if entry.key not in stored]
    before = len(stored) + others
    if problem := limits.refusal(name, before, before + len(new)):
        yield Fault(new[limits.allowed(name, before) - before].line, f"the account {problem}")


def _lists(
    name: str,
    what: str,
    entries: tuple[DocumentEntry, ...],
    stored: Mapping[str, object],
    limits: CatalogLimits,
) -> Iterator[Fault]:
    field = _FIELDS[name]
    for entry in entries:
        if field in entry.values:
            before = len(getattr(stored.get(entry.key), field, ()))
            if problem := limits.refusal(name, before, len(entry.values[field])):
                yield Fault(entry.lines[field], f"{what} {entry.key}: {problem}")


def _types(
    entries: tuple[DocumentEntry, ...], stored: AccountCatalog, limits: CatalogLimits
) -> Iterator[Fault]:
    """Yield a fault for each type, at the first definition beyond the limit that takes it and did not before."""
    before = Counter(kind for each in stored.definitions.values() if each.active for kind in each.events)
    before.update(stored.rest.types)
    after = before.copy()
    added: dict[str, list[DocumentEntry]] = defaultdict(list)
    for entry in entries:
        old = stored.definitions.get(entry.key)
        taken = frozenset(old.events) if old and old.active else frozenset[str]()
        takes = frozenset(entry.values.get("events", old.events if old else ()))
        if not entry.values.get("active", old.active if old else True):
            takes = frozenset()
        after.subtract(taken - takes)
        after.update(takes - taken)
        for kind in takes - taken:
            added[kind].append(entry)
    for kind, takers in added.items():
        if problem := limits.refusal("max_type_definitions", before[kind], after[kind]):
            kept = after[kind] - len(takers)
            entry = takers[limits.allowed("max_type_definitions", before[kind]) - kept]
            line = entry.lines.get("events", entry.lines.get("active", entry.line))
            yield Fault(line, f"definition {entry.key}: event type {quoted(kind)} {problem}")
