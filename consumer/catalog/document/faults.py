"""What is wrong with a catalog document: faults, each with its line.

Owns how faults are collected and told. Never decides what is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, order=True, slots=True)
class Fault:
    """One thing that is wrong. line: counted from 1, as editors do."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


class DocumentFaultsError(Exception):
    """The document has faults, all of them listed by line; nothing of it was applied."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = sorted(faults, key=lambda fault: fault.line)
        super().__init__("\n".join(map(str, self.faults)))
