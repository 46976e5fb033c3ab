"""Turns what judging has changed into points and messages: scores under every version, XP, dead letters."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

from consumer.contact_state import messages
from consumer.contact_state.messages import Crossing, ShownAnnouncement
from consumer.contact_state.scores import Scores, continue_chains, read_ended_chains, read_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from consumer.contact_state.messages import ChangedEntry
    from consumer.contact_state.outbox import Outbox
    from consumer.contact_state.weights import Weight, Weights
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.postgres.writes import Writes
    from consumer.ingest.judge_entries import JudgedEntries
    from consumer.ingest.lock_contacts import LockedContact

    # A crossing of a contact, with profile and its version.
    _OfContact: TypeAlias = tuple[LockedContact, str, int, Crossing]


async def score_changes(
    connection: Connection,
    writes: Writes,
    judged: JudgedEntries,
    contacts: Iterable[LockedContact],
    *,
    accounts: Mapping[int, str],
    weights: Weights,
    outbox: Outbox,
    cause: str,
) -> None:
    """Move and store the scores that the judged entries change, and add the messages about it to the outbox.

    contacts: all that the transaction holds; a new one gets an overall score of 0 under every version. accounts:
    their keys by number. weights: read of all of them. cause: of the score messages.
    """
    by_number = {contact.id: contact for contact in contacts}
    new = [contact for contact in by_number.values() if contact.is_new]
    moved = {contact for contact, _ in judged.tally_steps}
    for change in judged.changes:
        if change.xp_due:
            contact = by_number[change.contact_id]
            facts = messages.xp_credited(change, accounts[contact.account_id], contact.external_id)
            outbox.add(contact.shard, "xp_credited", facts)
    if not (new or moved):
        return
    scores = await Scores.read(connection, sorted(moved - {contact.id for contact in new}), weights.frames)
    if new:
        for contact in new:
            for profile, version in weights.versions[contact.account_id]:
                scores.under(contact.id, profile, version)
        if again := [contact.id for contact in new if contact.was_erased]:
            await continue_chains(connection, scores, again)
    steps = scores.move(judged.tally_steps, weights.by_definition)
    crossings = _announce(
        scores,
        judged.changes,
        steps,
        ended=await _ended_chains(connection, scores, steps),
        contacts=by_number,
        accounts=accounts,
        weights=weights.by_definition,
        outbox=outbox,
        cause=cause,
    )
    if crossings:
        await _announce_crossings(connection, crossings, accounts, outbox)
    await scores.write(writes)


def _announce(
    scores: Scores,
    changes: Sequence[ChangedEntry],
    steps: Mapping[tuple[int, int, int], Mapping[int, int]],
    *,
    ended: Mapping[tuple[int, int], int],
    contacts: Mapping[int, LockedContact],
    accounts: Mapping[int, str],
    weights: Mapping[int, Sequence[Weight]],
    outbox: Outbox,
    cause: str,
) -> list[_OfContact]:
    """Add a message for each contact and profile of which something shown has changed; return the crossings.

    ended: of `_ended_chains`.
    """
    published = {
        definition: [one for one in weights[definition] if one.is_published and one.weight]
        for definition in {change.definition_id for change in changes}
    }
    profiles = {one.profile_id: one.profile for of in published.values() for one in of}
    shown: defaultdict[tuple[int, int], list[tuple[ChangedEntry, Weight]]] = defaultdict(list)
    for change in changes:
        for weight in published[change.definition_id]:
            shown[change.contact_id, weight.profile_id].append((change, weight))
    crossings: list[_OfContact] = []
    for (number, profile, version), of_profile in steps.items():
        score = scores.under(number, profile, version)
        announcement = messages.announce_events(
            scores.of_profile(number, profile), score, of_profile, cause, ended.get((number, profile))
        )
        if announcement is not None:
            contact, moved = contacts[number], shown[number, profile]
            facts = messages.score_changed(
                announcement,
                moved,
                account=accounts[contact.account_id],
                contact=contact.external_id,
                profile=profiles[profile],
                profile_version=version,
            )
            outbox.add(contact.shard, "score_changed", facts, contact.account_id)
            if isinstance(announcement, ShownAnnouncement):
                for group, (before, after) in announcement.bands.items():
                    if before != after:
                        crossing = Crossing(announcement, group, score.frames, moved)
                        crossings.append((contact, profiles[profile], version, crossing))
    return crossings


async def _ended_chains(
    connection: Connection, scores: Scores, moved: Iterable[tuple[int, int, int]]
) -> dict[tuple[int, int], int]:
    """Return the last message versions of ended chains, by contact and profile, where messages go on from them.

    Of contacts to which a version with frames is still to be announced, which are few: for others it is the same.
    """
    unsure = sorted(
        {
            contact
            for contact, profile, version in moved
            if scores.is_to_be_announced(contact, profile, version)
        }
    )
    return await read_ended_chains(connection, unsure) if unsure else {}


async def _announce_crossings(
    connection: Connection, crossings: Sequence[_OfContact], accounts: Mapping[int, str], outbox: Outbox
) -> None:
    """Add a message for each crossing, with name and owner of its contact as of this transaction."""
    names = await read_names(connection, sorted({contact.id for contact, *_ in crossings}))
    for contact, profile, version, crossing in crossings:
        named = names.get(contact.id, {})
        facts = crossing.facts(
            account=accounts[contact.account_id],
            contact=contact.external_id,
            profile=profile,
            profile_version=version,
            name=named.get("name"),
            owner=named.get("owner"),
        )
        outbox.add(contact.shard, "band_changed", facts, contact.account_id)
