"""Judges the new entries of a batch, dedup key by dedup key, and writes timeline and keys."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from consumer.contact_state import dedup_keys
from consumer.contact_state.dedup_keys import Span, StoredKey
from consumer.domain.dedup_key import KeyState, judge_new, judge_next, reach
from consumer.domain.verdict_rule import verdict_of
from consumer.ingest.store_entries import NewEntry, counted_entry, flip_entries, store_entries
from schemas.vocabulary import Per, Policy, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.contact_state.dedup_keys import DedupKey
    from consumer.contact_state.messages import ChangedEntry
    from consumer.domain.dedup_key import KeyJudgement, StoredEntry
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.postgres.writes import Writes

_ALWAYS = datetime.min.replace(tzinfo=UTC)
_END = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class JudgedEntries:
    """What judging a batch has changed.

    changes: entries that began to count or ceased to. tally_steps: by contact and definition, none is 0. verdicts:
    of the new entries. flipped: stored entries whose verdict turned over.
    """

    changes: list[ChangedEntry]
    tally_steps: dict[tuple[int, int], int]
    verdicts: Counter[Verdict]
    flipped: int


async def judge_entries(connection: Connection, writes: Writes, entries: Sequence[NewEntry]) -> JudgedEntries:
    """Judge new entries; store them, the entries that turn over, and the states of their dedup keys."""
    if not entries:
        return JudgedEntries([], {}, Counter(), 0)
    by_key: dict[DedupKey, list[NewEntry]] = {}
    for entry in entries:
        if not _is_excluded(entry):
            by_key.setdefault(_key_of(entry), []).append(entry)
    keys = await _read_keys(connection, by_key)
    states, flipped = await _judge_keys(connection, by_key, keys)

    changes = [counted_entry(entry) for entry in entries if entry.verdict is Verdict.COUNTED]
    await store_entries(writes, entries)
    if flipped:
        changes += await flip_entries(connection, flipped)
    await _write_keys(writes, keys, states)

    steps: defaultdict[tuple[int, int], int] = defaultdict(int)
    for change in changes:
        steps[change.contact_id, change.definition_id] += change.step
    return JudgedEntries(
        changes,
        {key: step for key, step in steps.items() if step},
        Counter(entry.verdict for entry in entries),
        len(flipped),
    )


# Judging -----------------------------------------------------------------------------------------------------


def _is_excluded(entry: NewEntry) -> bool:
    return entry.event.robot and not entry.account.count_robots


def _key_of(entry: NewEntry) -> DedupKey:
    definition = entry.definition
    object_key = (entry.event.object_id or "") if definition.rule.per is Per.OBJECT else ""
    return entry.contact.id, definition.id, definition.edition, object_key


async def _read_keys(
    connection: Connection, by_key: Mapping[DedupKey, Sequence[NewEntry]]
) -> dict[DedupKey, StoredKey]:
    """Return the keys as they are remembered; of those seen first, what has counted under older editions."""
    # A contact that this transaction has created has none yet.
    known = [key for key, entries in by_key.items() if not entries[0].contact.is_created]
    keys = await dedup_keys.read(connection, known) if known else {}
    limited: list[Span] = []
    for key, entries in by_key.items():
        if key not in keys:
            keys[key] = StoredKey(KeyState())
            definition = entries[0].definition
            if definition.edition > 1 and definition.rule.policy is not Policy.ALWAYS:
                since = _ALWAYS
                if definition.rule.policy is Policy.COOLDOWN:
                    since = min(entry.order for entry in entries)[0] - definition.rule.interval
                limited.append(Span(entries[0].account.id, key, definition.rule.per, since, _END))
    if limited:
        for span, last_fixed_at in zip(
            limited, await dedup_keys.read_fixed_points(connection, limited), strict=True
        ):
            keys[span.key].state.last_fixed_at = last_fixed_at
    return keys


async def _judge_keys(
    connection: Connection,
    by_key: Mapping[DedupKey, list[NewEntry]],
    keys: Mapping[DedupKey, StoredKey],
) -> tuple[dict[DedupKey, KeyState], list[tuple[NewEntry, StoredEntry]]]:
    """Judge the new entries of each key, and set their verdicts.

    Returns the states that have changed, and the stored entries that turn over, each with a new one of its key.
    """
    states: dict[DedupKey, KeyState] = {}
    spans: list[Span] = []
    for key, entries in by_key.items():
        state, rule = keys[key].state, entries[0].definition.rule
        if (after := _judge_usual(entries, state)) is not None:
            if after is not state or keys[key].place is None:
                states[key] = after
            continue
        entries.sort(key=lambda entry: entry.order)
        span = reach(state, rule, *_orders(entries))
        if span is None:
            states[key] = _judge(entries, state).state
        else:
            spans.append(Span(entries[0].account.id, key, rule.per, *span))
    flipped: list[tuple[NewEntry, StoredEntry]] = []
    if spans:
        for one, stored in zip(spans, await dedup_keys.read_entries(connection, spans), strict=True):
            entries = by_key[one.key]
            judgement = _judge(entries, keys[one.key].state, stored)
            states[one.key] = judgement.state
            flipped += [(entries[0], entry) for entry in judgement.flipped]
    return states, flipped


def _judge_usual(entries: Sequence[NewEntry], state: KeyState) -> KeyState | None:
    """Judge entries for which what is remembered of their key decides one by one; None where it does not.

    Returns the key's state after them.
    """
    rule = entries[0].definition.rule
    if rule.policy is Policy.ALWAYS:
        for entry in entries:
            entry.verdict = Verdict.COUNTED
        return KeyState(state.count + len(entries))
    if len(entries) > 1 or entries[0].event.settled:
        return None
    counts = judge_next(state, rule, entries[0].order)
    if counts is None:
        return None
    entries[0].verdict = verdict_of(counts=counts, policy=rule.policy)
    return KeyState(state.count + 1, entries[0].order, state.last_fixed_at) if counts else state


def _judge(entries: Sequence[NewEntry], state: KeyState, stored: Sequence[StoredEntry] = ()) -> KeyJudgement:
    definition = entries[0].definition
    ordinary, settled = _orders(entries)
    judgement = judge_new(
        state, definition.rule, definition.edition, ordinary=ordinary, settled=settled, stored=stored
    )
    counts = {False: iter(judgement.ordinary), True: iter(judgement.settled)}
    for entry in entries:
        does = next(counts[entry.event.settled])
        entry.verdict = verdict_of(counts=does, policy=definition.rule.policy)
    return judgement


def _orders(
    entries: Sequence[NewEntry],
) -> tuple[list[tuple[datetime, bytes]], list[tuple[datetime, bytes]]]:
    """Return the places of the ordinary and of the settled events in event order."""
    return (
        [entry.order for entry in entries if not entry.event.settled],
        [entry.order for entry in entries if entry.event.settled],
    )


async def _write_keys(
    writes: Writes,
    keys: Mapping[DedupKey, StoredKey],
    states: Mapping[DedupKey, KeyState],
) -> None:
    new = sorted(
        [(key, state) for key, state in states.items() if keys[key].place is None], key=lambda one: one[0]
    )
    changed = [
        (place, state)
        for key, state in states.items()
        if (place := keys[key].place) is not None and state != keys[key].state
    ]
    if new or changed:
        await dedup_keys.write(writes, new, changed)
