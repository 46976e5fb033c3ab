"""Writes the new verdicts of a definition's history: timeline, dedup keys, scores, XP messages.

The caller's transaction shares the revision lock and holds the contacts' locks.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from consumer.contact_state import dedup_keys, messages, timeline_entries
from consumer.contact_state.messages import ChangedEntry
from consumer.contact_state.outbox import Outbox
from consumer.contact_state.scores import OVERALL, Scores
from consumer.contact_state.timeline_entries import Flip
from consumer.contact_state.weights import Weights
from consumer.domain.dedup_key import KeyState
from consumer.infra.postgres.column_params import numbers
from consumer.scoring.announce import ScoreDeltas
from consumer.scoring.rejudgement.history import key_object
from schemas.timestamps import to_microseconds
from schemas.vocabulary import Per, Policy
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from consumer.contact_state.dedup_keys import DedupKey
    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.rejudgement.history import RejudgedDefinition, RejudgedEntry

_SQL = queries("rejudgement")


async def write_history(
    connection: Connection,
    definition: RejudgedDefinition,
    contacts: Sequence[int],
    entries: Sequence[RejudgedEntry],
    *,
    with_xp: bool,
) -> tuple[int, ScoreDeltas]:
    """Store what judging these contacts' history again has changed.

    with_xp: reps gain and lose XP by it, else theirs stays as it is. Returns how many verdicts have changed, and
    the points added under published versions, for their messages.
    """
    await _write_entries(connection, definition, entries, with_xp=with_xp)
    await _write_keys(connection, definition, contacts, entries)
    deltas = await _write_scores(connection, definition, entries)
    return sum(entry.verdict_before != entry.verdict for entry in entries), deltas


async def _write_entries(
    connection: Connection,
    definition: RejudgedDefinition,
    entries: Iterable[RejudgedEntry],
    *,
    with_xp: bool,
) -> None:
    """Write verdicts and editions, and enqueue the XP messages that are due."""
    changed = [
        entry
        for entry in entries
        if (entry.verdict_before, entry.edition) != (entry.verdict, definition.edition)
        or (with_xp and entry.xp_differs)
    ]
    if not changed:
        return
    flips = [
        Flip(
            definition.account_id,
            entry.contact_id,
            *entry.order,
            definition.id,
            entry.verdict,
            definition.edition,
            entry.credit_number + (with_xp and entry.xp_differs),
        )
        for entry in changed
    ]
    shown = await timeline_entries.flip(connection, flips)
    due = [(place, entry) for place, entry in enumerate(changed) if with_xp and entry.xp_differs]
    outbox = Outbox()
    rows = await connection.fetch(_SQL["contacts"], sorted({entry.contact_id for _, entry in due}))
    contacts = {row["id"]: row for row in rows}
    for place, entry in sorted(due, key=lambda one: (one[1].contact_id, one[1].order)):
        of_event, contact = shown[place], contacts[entry.contact_id]
        change = ChangedEntry(
            entry.contact_id,
            definition.id,
            definition.key,
            to_microseconds(entry.order[0]),
            entry.order[1],
            of_event["event_id"],
            of_event["source"],
            of_event["type"],
            of_event["actor_id"],
            entry.verdict,
            1 if entry.is_counted else -1,
            entry.xp_worth,
            entry.credit_number + 1,
            xp_due=True,
        )
        facts = messages.xp_credited(change, definition.account, contact["external_id"])
        outbox.add(contact["shard"], "xp_credited", facts)
    await outbox.enqueue(connection)


async def _write_keys(
    connection: Connection,
    definition: RejudgedDefinition,
    contacts: Sequence[int],
    entries: Iterable[RejudgedEntry],
) -> None:
    """Move what has counted to the keys of the newest edition; of others, counts of entries not retained stay."""
    by_object = {row["number"] for row in await connection.fetch(_SQL["by_object"], definition.id)}
    keys = await dedup_keys.of_definition(connection, contacts, definition.id)
    for key, state in keys.items():
        if key[2] < definition.edition:
            keys[key] = KeyState(state.count)
    judged: defaultdict[DedupKey, list[RejudgedEntry]] = defaultdict(list)
    for entry in entries:
        if entry.was_counted:
            per = Per.OBJECT if entry.edition in by_object else Per.CONTACT
            keys[entry.contact_id, definition.id, entry.edition, key_object(entry, per)].count -= 1
        newest = key_object(entry, definition.rule.per)
        judged[entry.contact_id, definition.id, definition.edition, newest].append(entry)
    for key, of_key in judged.items():
        counted = [entry for entry in of_key if entry.is_counted]
        state = keys.setdefault(key, KeyState())
        state.count += len(counted)
        if definition.rule.policy is not Policy.ALWAYS:
            state.last_counted = max((entry.order for entry in counted if not entry.settled), default=None)
            state.last_fixed_at = max((entry.order[0] for entry in counted if entry.settled), default=None)
    await dedup_keys.delete(connection, contacts, definition.id)
    kept = [(key, state) for key, state in keys.items() if state.count or key[2] == definition.edition]
    await dedup_keys.write(connection, kept)


async def _write_scores(
    connection: Connection, definition: RejudgedDefinition, entries: Iterable[RejudgedEntry]
) -> ScoreDeltas:
    steps: defaultdict[int, int] = defaultdict(int)
    for entry in entries:
        steps[entry.contact_id] += entry.step
    moved = {contact: step for contact, step in sorted(steps.items()) if step}
    weights = (await Weights().of_definitions(connection, [definition.id]))[definition.id]
    scores = await Scores.read(connection, list(moved))
    deltas: list[tuple[int, int, int, int]] = []
    for contact, step in moved.items():
        for weight in weights:
            points = step * weight.weight
            scores.under(contact, weight.profile_id, weight.version).add(weight.group_id, points)
            if weight.is_published:
                deltas += [
                    (contact, weight.profile_id, group, points) for group in (OVERALL, weight.group_id)
                ]
    await scores.write(connection)
    return ScoreDeltas(*(numbers([delta[column] for delta in deltas]) for column in range(4)))
