"""Verdicts: what became of one event under one definition (semantics §4).

Owns the walk over one key. Never remembers anything between two calls but
the verdicts on the entries themselves; knows no batch, no score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from tests.oracle.catalog import Edition
    from tests.oracle.decode import Event


@dataclass(eq=False)  # an entry is itself, not its values
class Entry:
    """One event under one definition.

    worth: the XP that it is worth to its actor while counted, fixed for ever. verdict: '' until judged.
    credits: how many XP messages it has sent, the last K. purged: a purge has left it.
    """

    event: Event
    definition: str
    edition: Edition
    worth: int
    verdict: str = ""
    credits: int = 0
    purged: bool = False

    @property
    def counted(self) -> bool:
        """Whether it counts now."""
        return self.verdict == "counted"

    @property
    def settled(self) -> bool:
        """Whether it keeps its verdict."""
        return self.event.settled or self.purged

    @property
    def order(self) -> tuple[datetime, bytes]:
        """Its place among others."""
        return self.event.order

    @property
    def key_object(self) -> str | None:
        """The object that its key spans: none where a key spans all, or where the event has none."""
        return self.event.object if self.edition.per == "object" else None


NOT_COUNTED = {"once": "already_counted", "cooldown": "cooling_down"}


def judge(entries: list[Entry], edition: Edition, object_: str | None) -> None:
    """Judge one key of an edition from scratch.

    entries: all that the contact has under the definition, of every edition and object; those of the key get
    their verdicts, settled ones only once.
    """
    under_key = [
        entry
        for entry in sorted(entries, key=lambda each: each.order)
        if entry.verdict != "excluded" and (edition.per == "contact" or entry.event.object == object_)
    ]
    current = [entry for entry in under_key if entry.edition == edition]
    ordinary = [entry for entry in current if not entry.settled]
    fixed = [
        entry
        for entry in under_key
        if entry.counted
        and (entry.edition.number < edition.number or (entry.settled and entry.edition == edition))
    ]
    arrived = [entry for entry in current if entry.settled and not entry.verdict]
    walk(edition, ordinary, beside=fixed)
    walk(edition, arrived, beside=[*fixed, *(entry for entry in ordinary if entry.counted)])


def judge_anew(entries: list[Entry], edition: Edition) -> None:
    """Judge the history of a definition again, settled entries too, as if an edition had always held.

    entries: all that the contact has under the definition. What a purge has left stays as it is.
    """
    ordered = sorted(entries, key=lambda each: each.order)
    again = [entry for entry in ordered if not entry.purged and entry.verdict != "excluded"]
    for entry in again:
        entry.edition = edition
    for object_ in {entry.key_object for entry in again}:
        fixed = [
            entry
            for entry in ordered
            if entry.purged and (edition.per == "contact" or entry.event.object == object_)
        ]
        walk(edition, [entry for entry in again if entry.key_object == object_], beside=fixed)


def walk(edition: Edition, entries: list[Entry], beside: list[Entry]) -> None:
    """Judge entries in event order, each beside those counted so far and those that count anyway."""
    counted = [entry.event.occurred_at for entry in beside]
    for entry in entries:
        at = entry.event.occurred_at
        if counts(edition, at, counted):
            entry.verdict = "counted"
            counted.append(at)
        else:
            entry.verdict = NOT_COUNTED[edition.policy]


def counts(edition: Edition, at: datetime, counted: list[datetime]) -> bool:
    """Return whether an event counts beside these: `once` if there is none, `cooldown` if none is near."""
    if edition.policy == "always":
        return True
    if edition.policy == "once":
        return not counted
    interval = edition.interval
    assert interval is not None  # a cooldown has one
    return not any(abs(at - other) < interval for other in counted)
