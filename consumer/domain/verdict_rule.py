"""Judges whole dedup keys from scratch, in Python: what `verify` holds the stored verdicts against.

Owns the rule of docs/semantics.md §4 a second time, on purpose: apply.sql goes through gates and judges only what
can have changed, this knows no gate and walks every key from its first event on. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from schemas.names import Per, Policy, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Edition:
    """A dedup policy; interval: None unless it is a cooldown."""

    policy: Policy
    interval: timedelta | None
    per: Per


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """A stored entry of one contact and definition, as far as judging it needs it."""

    occurred_at: datetime
    event_key: bytes
    edition: int
    object_id: str | None
    settled: bool
    verdict: Verdict

    @property
    def order(self) -> tuple[datetime, bytes]:
        """The place of the event in the order of events."""
        return self.occurred_at, self.event_key


def wrong_verdicts(
    entries: Sequence[TimelineEntry], editions: Mapping[int, Edition]
) -> list[tuple[TimelineEntry, Verdict]]:
    """Return the entries of one contact and definition whose verdict is wrong, with what it should be.

    Settled verdicts depend on what had arrived before them and are not judged again; but a counted one must keep
    its distance from everything else that counts.
    """
    wrong: list[tuple[TimelineEntry, Verdict]] = []
    for number in sorted({entry.edition for entry in entries}):
        edition = editions[number]
        for key, of_key in _by_key(entries, number, edition.per).items():
            fixed = [
                entry
                for entry in entries
                if entry.verdict is Verdict.COUNTED
                and (entry.edition < number or (entry.edition == number and entry.settled))
                and _key(entry, edition.per) == key
            ]
            wrong += _differing_of_key(of_key, fixed, edition)
    return wrong


def _differing_of_key(
    entries: Iterable[TimelineEntry], fixed: Sequence[TimelineEntry], edition: Edition
) -> list[tuple[TimelineEntry, Verdict]]:
    ordinary = sorted((entry for entry in entries if not entry.settled), key=lambda entry: entry.order)
    counted = _counted(ordinary, fixed, edition)
    refusal = Verdict.COOLING_DOWN if edition.policy is Policy.COOLDOWN else Verdict.ALREADY_COUNTED
    verdicts = [(entry, Verdict.COUNTED if entry in counted else refusal) for entry in ordinary]
    wrong = [(entry, verdict) for entry, verdict in verdicts if entry.verdict is not verdict]
    if edition.policy is Policy.ONCE and len(fixed) > 1:
        wrong += [(entry, refusal) for entry in fixed[1:] if entry.settled]
    if edition.policy is Policy.COOLDOWN and edition.interval is not None:
        standing = sorted([*fixed, *counted], key=lambda entry: entry.order)
        wrong += [
            (later, refusal)
            for earlier, later in pairwise(standing)
            if (earlier.settled or later.settled)
            and later.occurred_at - earlier.occurred_at < edition.interval
        ]
    return wrong


def _counted(
    ordinary: Sequence[TimelineEntry], fixed: Sequence[TimelineEntry], edition: Edition
) -> list[TimelineEntry]:
    """Walk the ordinary events of a key in event order and return those that count."""
    if edition.policy is Policy.ALWAYS:
        return list(ordinary)
    if edition.policy is Policy.ONCE:
        return [] if fixed else list(ordinary[:1])
    interval = edition.interval
    if interval is None:
        raise ValueError("a cooldown without an interval")
    counted: list[TimelineEntry] = []
    for entry in ordinary:
        if counted and entry.occurred_at - counted[-1].occurred_at < interval:
            continue
        if any(abs(entry.occurred_at - point.occurred_at) < interval for point in fixed):
            continue
        counted.append(entry)
    return counted


def _by_key(
    entries: Iterable[TimelineEntry], edition: int, per: Per
) -> dict[str | None, list[TimelineEntry]]:
    keys: dict[str | None, list[TimelineEntry]] = {}
    for entry in entries:
        if entry.edition == edition and entry.verdict is not Verdict.EXCLUDED:
            keys.setdefault(_key(entry, per), []).append(entry)
    return keys


def _key(entry: TimelineEntry, per: Per) -> str | None:
    """Name the key an entry falls under; those without an object form one together."""
    return entry.object_id if per is Per.OBJECT else None
