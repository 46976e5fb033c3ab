"""Writes the new verdicts of a definition's history: timeline, dedup keys, scores, XP messages.

The caller's transaction shares the account's lock and holds the contacts' locks.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from consumer.contact_state import dedup_keys, messages, timeline_entries
from consumer.contact_state.dedup_keys import CARRIED
from consumer.contact_state.outbox import Outbox
from consumer.contact_state.scores import Scores
from consumer.contact_state.timeline_entries import Flip
from consumer.contact_state.weights import Weights
from consumer.domain.dedup_key import KeyState
from consumer.scoring.announce import ScoreDeltas
from consumer.scoring.rejudgement.history import key_object
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
    await write_verdicts(connection, definition, contacts, entries, with_xp=with_xp)
    deltas = await _write_scores(connection, definition, entries)
    return sum(entry.verdict_before != entry.verdict for entry in entries), deltas


async def write_verdicts(
    connection: Connection,
    definition: RejudgedDefinition,
    contacts: Sequence[int],
    entries: Sequence[RejudgedEntry],
    *,
    with_xp: bool,
) -> None:
    """Store the same but the scores, which the caller makes anew from the tallies."""
    await _write_entries(connection, definition, entries, with_xp=with_xp)
    await _write_keys(connection, definition, contacts, entries)


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
        if not entry.is_purged
        and (
            (entry.verdict_before, entry.edition) != (entry.verdict, definition.edition)
            or (with_xp and entry.xp_differs)
        )
    ]
    if not changed:
        return
    changes = await timeline_entries.flip(
        connection,
        [
            Flip(
                definition.account_id,
                entry.contact_id,
                *entry.order,
                definition.id,
                definition.key,
                entry.verdict,
                definition.edition,
                entry.xp_worth,
                entry.credit_number,
                with_xp and entry.xp_differs,
            )
            for entry in changed
        ],
    )
    due = [change for change in changes if change.xp_due]
    outbox = Outbox()
    rows = await connection.fetch(_SQL["contacts"], sorted({change.contact_id for change in due}))
    contacts = {row["id"]: row for row in rows}
    for change in sorted(due, key=lambda one: (one.contact_id, one.occurred_us, one.event_key)):
        contact = contacts[change.contact_id]
        facts = messages.xp_credited(change, definition.account, contact["external_id"])
        outbox.add(contact["shard"], "xp_credited", facts)
    await outbox.enqueue(connection)


async def _write_keys(
    connection: Connection,
    definition: RejudgedDefinition,
    contacts: Sequence[int],
    entries: Iterable[RejudgedEntry],
) -> None:
    """Move what has counted to the keys of the newest edition; of others, counts that a purge has left stay."""
    by_object = {row["number"] for row in await connection.fetch(_SQL["by_object"], definition.id)}
    stored = await dedup_keys.of_definitions(connection, contacts, [definition.id])
    keys = {key: one.state for key, one in stored.items()}
    for key, state in keys.items():
        if CARRIED < key[2] < definition.edition:
            keys[key] = KeyState(state.count)
    judged: defaultdict[DedupKey, list[RejudgedEntry]] = defaultdict(list)
    for entry in entries:
        per = Per.OBJECT if entry.edition in by_object else Per.CONTACT
        if entry.was_counted and not entry.is_purged:
            keys[entry.contact_id, definition.id, entry.edition, key_object(entry, per)].count -= 1
        newest = key_object(entry, definition.rule.per)
        judged[entry.contact_id, definition.id, definition.edition, newest].append(entry)
    for key, of_key in judged.items():
        counted = [entry for entry in of_key if entry.is_counted]
        state = keys.setdefault(key, KeyState())
        state.count += sum(not entry.is_purged for entry in counted)
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
    moved = {(contact, definition.id): step for contact, step in sorted(steps.items()) if step}
    weights = Weights()
    await weights.read_missing(connection, definitions=[definition.id], accounts=[definition.account_id])
    scores = await Scores.read(connection, [contact for contact, _ in moved], weights.frames)
    deltas = [
        (contact, profile, group, points)
        for (contact, profile, _), by_group in scores.move(moved, weights.by_definition).items()
        for group, points in by_group.items()
    ]
    await scores.write(connection)
    return ScoreDeltas.of(deltas)
