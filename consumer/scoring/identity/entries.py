"""Judges what a contact has under a definition again as a set, edition by edition (8.12)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from consumer.contact_state import dedup_keys, timeline_entries
from consumer.contact_state.messages import xp_differs
from consumer.contact_state.timeline_entries import Flip
from consumer.domain.dedup_key import KeyState
from consumer.domain.verdict_rule import Edition, judge, verdict_of
from schemas.vocabulary import Per, Policy, Verdict
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from consumer.contact_state.dedup_keys import DedupKey
    from consumer.contact_state.messages import ChangedEntry
    from consumer.infra.postgres.connection import Connection

_SQL = queries("identity")


class Definition(msgspec.Struct, frozen=True):
    """A definition with all its editions by number."""

    id: int
    key: str
    editions: dict[int, Edition]


class UnionEntry(msgspec.Struct, gc=False):
    """An entry of a contact that is not excluded. was_counted: as stored; counts: as judged in the union."""

    order: tuple[datetime, bytes]
    edition: int
    was_counted: bool
    settled: bool
    object_id: str
    verdict: str
    xp_worth: int
    credit_number: int
    counts: bool = False


async def judge_again(
    connection: Connection, account_id: int, contact: int, definitions: Collection[int]
) -> list[ChangedEntry]:
    """Judge the entries of a contact under these definitions as sets; store verdicts and dedup keys.

    Returns the entries that began to count or ceased to. Settled entries keep their verdicts (8.13).
    """
    if not definitions:
        return []
    by_definition: defaultdict[int, list[UnionEntry]] = defaultdict(list)
    for definition, occurred_at, event_key, *rest in await connection.fetch(
        _SQL["entries"], account_id, contact, sorted(definitions)
    ):
        by_definition[definition].append(UnionEntry((occurred_at, event_key), *rest))
    known = await read_definitions(connection, by_definition)
    flips: list[Flip] = []
    keys: list[tuple[DedupKey, KeyState]] = []
    for number, entries in by_definition.items():
        definition = known[number]
        states = judge_union(entries, definition.editions)
        keys += [((contact, number, *key), state) for key, state in states.items()]
        flips += [
            _flip(account_id, contact, definition, entry)
            for entry in entries
            if entry.counts != entry.was_counted
        ]
    await connection.execute(_SQL["delete_keys"], contact, sorted(definitions))
    if keys:
        await dedup_keys.write(connection, keys)
    return await timeline_entries.flip(connection, flips) if flips else []


def judge_union(
    entries: Iterable[UnionEntry], editions: Mapping[int, Edition]
) -> dict[tuple[int, str], KeyState]:
    """Judge the entries of one contact and definition, in event order, edition by edition.

    Sets `counts` of each. Returns the states of their dedup keys by edition and object.
    """
    states: dict[tuple[int, str], KeyState] = {}
    by_edition: defaultdict[int, list[UnionEntry]] = defaultdict(list)
    for entry in entries:
        by_edition[entry.edition].append(entry)
    older: list[UnionEntry] = []
    for number, of_edition in sorted(by_edition.items()):
        rule = editions[number]
        by_key = _by_object(of_edition, rule.per)
        older_by_key = _by_object(older, rule.per)
        for object_key, of_key in by_key.items():
            states[number, object_key] = _judge_key(of_key, older_by_key.get(object_key, ()), rule)
        older += [entry for entry in of_edition if entry.counts]
    return states


def _judge_key(of_key: Iterable[UnionEntry], older: Sequence[UnionEntry], rule: Edition) -> KeyState:
    """Judge the entries of a dedup key beside what has counted under older editions (3.17)."""
    ordinary: list[UnionEntry] = []
    fixed = [entry.order[0] for entry in older]
    count = 0
    for entry in of_key:
        if entry.settled:
            entry.counts = entry.was_counted
            if entry.counts:
                fixed.append(entry.order[0])
                count += 1
        else:
            ordinary.append(entry)
    fixed.sort()
    last_counted = None
    for entry, counts in zip(
        ordinary, judge([entry.order[0] for entry in ordinary], rule, fixed_points=fixed), strict=True
    ):
        entry.counts = counts
        if counts:
            last_counted = entry.order
            count += 1
    if rule.policy is Policy.ALWAYS:
        return KeyState(count)
    return KeyState(count, last_counted, fixed[-1] if fixed else None)


def _by_object(entries: Iterable[UnionEntry], per: Per) -> dict[str, list[UnionEntry]]:
    by_object: defaultdict[str, list[UnionEntry]] = defaultdict(list)
    for entry in entries:
        by_object[entry.object_id if per is Per.OBJECT else ""].append(entry)
    return by_object


def _flip(account_id: int, contact: int, definition: Definition, entry: UnionEntry) -> Flip:
    verdict = verdict_of(counts=entry.counts, policy=definition.editions[entry.edition].policy)
    return Flip(
        account_id,
        contact,
        *entry.order,
        definition.id,
        definition.key,
        verdict,
        entry.edition,
        entry.xp_worth,
        entry.credit_number,
        xp_differs(entry.xp_worth, entry.credit_number, counts=verdict is Verdict.COUNTED),
    )


async def read_definitions(connection: Connection, numbers: Collection[int]) -> dict[int, Definition]:
    """Return definitions by number."""
    found: dict[int, Definition] = {}
    for number, key, edition, policy, interval, per in await connection.fetch(
        _SQL["definitions"], sorted(numbers)
    ):
        found.setdefault(number, Definition(number, key, {})).editions[edition] = Edition.stored(
            policy, interval, per
        )
    return found
