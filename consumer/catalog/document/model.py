"""A catalog document as values: the fields that it sets, and their lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class DocumentEntry:
    """A group, definition or profile of a document.

    values: by field of its class in model/account.py, and `published` of a profile. lines: of every field that is
    present, faulty ones included; of a profile's groups with a frame, as `groups.KEY`.
    """

    line: int
    key: str
    values: dict[str, Any]
    lines: dict[str, int]


@dataclass(frozen=True)
class CatalogDocument:
    """A document without faults of its own. settings: those it sets, by field of AccountSettings."""

    account: str
    settings: dict[str, Any] = field(default_factory=dict)
    groups: tuple[DocumentEntry, ...] = ()
    definitions: tuple[DocumentEntry, ...] = ()
    profiles: tuple[DocumentEntry, ...] = ()
