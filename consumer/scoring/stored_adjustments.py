"""What adjustments that were stored just now do: they change scores, and are audited and announced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from consumer.catalog import audit
from consumer.catalog.audit import AuditedChange
from consumer.contact_state.frames import read_frames
from consumer.contact_state.scores import OVERALL, Scores
from consumer.scoring import announce
from consumer.scoring.announce import ScoreDeltas
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.infra.postgres.connection import Connection

_SQL = queries("adjustments")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAdjustment:
    """A new row of the transaction. named: the id under which it is audited; audited: what that shows."""

    contact: int
    profile: int
    group: int
    points: int
    named: str
    audited: dict[str, Any]


async def count(
    connection: Connection, account: str, author: str, stored: Sequence[StoredAdjustment]
) -> None:
    """Add new rows to the scores, audit and announce them; the caller holds the locks of their contacts."""
    contacts = sorted({one.contact for one in stored})
    profiles = sorted({one.profile for one in stored})
    versions: dict[int, list[int]] = {profile: [] for profile in profiles}
    published: dict[int, int] = {}
    for row in await connection.fetch(_SQL["versions"], profiles):
        versions[row["profile_id"]].append(row["version"])
        if row["is_published"]:
            published[row["profile_id"]] = row["version"]
    scores = await Scores.read(connection, contacts, await read_frames(connection, profiles))
    deltas: list[tuple[int, int, int, int]] = []
    for one in stored:
        for version in versions[one.profile]:
            of_overall = scores.under(one.contact, one.profile, version).add(one.group, one.points)
            if version == published.get(one.profile):
                deltas.append((one.contact, one.profile, OVERALL, of_overall))
                deltas.append((one.contact, one.profile, one.group, one.points))
    await scores.write(connection)
    await audit.record_changes(
        connection,
        account,
        author,
        *(AuditedChange("adjusted", "contact", one.named, None, one.audited) for one in stored),
    )
    await announce.enqueue_score_messages(
        connection, contacts, profiles, cause="adjustment", deltas=ScoreDeltas.of(deltas)
    )
