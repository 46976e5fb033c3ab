"""Faults of a catalog document, each with its line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, order=True, slots=True)
class Fault:
    """One fault. line: counted from 1, as in editors. missing: fields that an entry on that line lacks."""

    line: int
    message: str
    missing: tuple[str, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


class DocumentFaultsError(Exception):
    """The document has faults, listed by line; nothing was applied."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = sorted(faults, key=lambda fault: fault.line)
        super().__init__("\n".join(map(str, self.faults)))
