"""What a mutant is: a defect on purpose, and the one test that must fail for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """In `file`, a path from the root of the repository, `old` becomes `new`."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """A defect on purpose; `test` is a pytest node id and must fail by an assertion."""

    name: str
    breaks: str
    test: str
    edits: tuple[Edit, ...]
