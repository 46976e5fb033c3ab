"""A migration as its file describes it: which programs may run beside it, and its steps.

    -- From version 6: what changes.
    -- oldest program: 5

    -- step: brief
    alter table …

Of each step the kind is named (docs/upgrading.md says which to take):

- `brief`: one transaction that locks for a moment; tried again where a lock is not to be had at once.
- `validate`: one transaction that may take long but locks neither readers nor writers out (a constraint that is
  validated, `analyze`).
- `index`: one `create index concurrently`, outside transactions.
- `batches`: one statement, repeated. $1 is the position that it ended at before (0 at first), $2 how many rows to
  take; it returns where it ends now, null if nothing is left, and where the last one will end.
- `stopped`: one transaction that may take long, while no program runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import sql

_OLDEST = re.compile(r"^-- oldest program: (\d+)$", re.MULTILINE)
# What a migration only takes away need not be gone before programs of its own version run.
_AFTERWARDS = re.compile(r"^-- programs of this version run before it too$", re.MULTILINE)
_STEP = re.compile(r"^-- step: (.*)$", re.MULTILINE)
KINDS = ("brief", "validate", "index", "batches", "stopped")


class MigrationScriptError(Exception):
    """A migration's file is not written as migrations are; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step; kind: of KINDS."""

    kind: str
    statement: str


@dataclass(frozen=True, slots=True)
class Migration:
    """What leads to version `number`. oldest_program: the oldest that may run during it and after it.

    is_afterwards: programs that know it run on the schema before it too.
    """

    number: int
    name: str
    oldest_program: int
    steps: tuple[Step, ...]
    is_afterwards: bool = False

    @property
    def is_live(self) -> bool:
        """Whether programs may run meanwhile."""
        return all(step.kind != "stopped" for step in self.steps)


@cache
def migrations() -> tuple[Migration, ...]:
    """Return the migrations of this program, in order."""
    return tuple(parse(name, script) for name, script in sql.migrations())


def parse(name: str, script: str) -> Migration:
    """Return the migration of a file; name: NUMBER_words.sql. Raises MigrationScriptError."""
    number, title = int(name[:4]), name.removesuffix(".sql")
    oldest = _OLDEST.search(script)
    _, *parts = _STEP.split(script)
    steps = tuple(
        Step(kind.strip(), text.strip()) for kind, text in zip(parts[::2], parts[1::2], strict=True)
    )
    if oldest is None or not steps or any(step.kind not in KINDS for step in steps):
        raise MigrationScriptError(
            f"{name} needs the lines `-- oldest program: NUMBER` and `-- step: {' | '.join(KINDS)}`"
        )
    migration = Migration(
        number, title, int(oldest[1]), steps, is_afterwards=_AFTERWARDS.search(script) is not None
    )
    if migration.oldest_program > number or not (
        migration.is_live or (len(steps) == 1 and migration.oldest_program == number)
    ):
        raise MigrationScriptError(
            f"{name}: programs newer than {number} cannot be asked for; a step `stopped` is the only one of its "
            f"migration, which no older program survives"
        )
    return migration
