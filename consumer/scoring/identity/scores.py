"""Scores and messages of contacts whose entries have changed by joins or deletions: made anew from tallies."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from consumer.contact_state.scores import Scores
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.contact_state.outbox import Outbox
    from consumer.contact_state.weights import Weights
    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.identity.cluster import Member

_SQL = queries("identity")


async def end_chains(
    connection: Connection, member: Member, *, account: str, profiles: Mapping[int, str], outbox: Outbox
) -> None:
    """Delete all scores of a contact; a tombstone ends each chain of messages that has begun (8.14, 8.21)."""
    chains = {
        profile: version
        for profile, version in await connection.fetch(_SQL["delete_scores"], member.number, None, None)
        if version is not None
    }
    if not chains:
        return
    await connection.execute(_SQL["end_chains"], member.number, list(chains), list(chains.values()))
    for profile in sorted(chains):
        facts = "\x1f".join((account, member.name or "", profiles[profile], str(chains[profile])))
        outbox.add(member.shard, "tombstone", facts)


async def build_scores(
    connection: Connection, member: Member, weights: Weights
) -> list[tuple[int, int, int, int]]:
    """Make the scores of a contact anew; returns what is added to its sums under published versions.

    Of each: contact, profile, group (0: overall), points. A contact without scores goes on from its ended chains.
    """
    contact = member.number
    await weights.read_missing(connection, accounts=[member.account_id])
    versions = weights.versions[member.account_id]
    points = await _points(connection, contact, weights)
    before = await Scores.read(connection, [contact], weights.frames)
    ended = {
        profile: number for _, profile, _, number in await connection.fetch(_SQL["ended_chains"], [contact])
    }
    published = {
        row["profile_id"]: row["version"]
        for row in await connection.fetch(_SQL["published"], member.account_id)
    }
    await connection.execute(
        _SQL["delete_scores"],
        contact,
        [profile for profile, _ in versions],
        [version for _, version in versions],
    )
    after = Scores(weights.frames)
    deltas: list[tuple[int, int, int, int]] = []
    for profile, version in versions:
        is_stored = any(one.place is not None for one in before.of_profile(contact, profile))
        had = before.under(contact, profile, version)
        score = after.under(contact, profile, version)
        for group, added in points.get((profile, version), {}).items():
            score.add(group, added)
        if published.get(profile) != version:
            continue
        number = had.message_version if is_stored else ended.get(profile)
        if number is not None:
            score.announce(number)
        was, now = had.before, score.by_group
        deltas += [
            (contact, profile, group, step)
            for group in sorted({*was, *now})
            if (step := now.get(group, 0) - was.get(group, 0))
        ]
    await after.write(connection)
    return deltas


async def _points(
    connection: Connection, contact: int, weights: Weights
) -> dict[tuple[int, int], dict[int, int]]:
    """Return points by profile and version, then by group: of everything counted, and of adjustments."""
    tallies = {
        definition: count for definition, count in await connection.fetch(_SQL["tallies"], contact) if count
    }
    await weights.read_missing(connection, definitions=tallies)
    points: defaultdict[tuple[int, int], defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
    for definition, count in tallies.items():
        for weight in weights.by_definition[definition]:
            points[weight.profile_id, weight.version][weight.group_id] += count * weight.weight
    for profile, version, group, adjusted in await connection.fetch(_SQL["adjusted"], contact):
        points[profile, version][group] += adjusted
    return {key: dict(by_group) for key, by_group in points.items()}
