"""A catalog document as values: what it gives for an account, and on which lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class DocumentEntry:
    """A group, definition or profile of a document.

    values: what it gives, by field of the plain value in state.py (a profile's `published` besides). lines: of
    every field that is present, faulty ones too.
    """

    line: int
    key: str
    values: dict[str, Any]
    lines: dict[str, int]


@dataclass(frozen=True)
class CatalogDocument:
    """A document without faults of its own. settings: what it gives, by field of state.Settings."""

    account: str
    settings: dict[str, Any] = field(default_factory=dict)
    groups: tuple[DocumentEntry, ...] = ()
    definitions: tuple[DocumentEntry, ...] = ()
    profiles: tuple[DocumentEntry, ...] = ()
