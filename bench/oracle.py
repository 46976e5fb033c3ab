"""What must stand in the database after a run: the contract once more, in memory, from the records that were sent.

Owns verdicts, tallies, scores and net XP at the end, not how they came about (tests/oracle knows that, and is too
thorough for hundreds of thousands of events). Imports nothing of the product. Its traffic has no settled events, no
second edition and no robots.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bench.traffic import DEFINITIONS, KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import asyncpg

    from bench.traffic import Sent

    _Entry = tuple[datetime, bytes, str | None]  # occurred_at, event key, rep

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_BY_TYPE = {kind.type: [each for each in DEFINITIONS if each["key"] in kind.definitions] for kind in KINDS}


class Expected:
    """verdicts: by verdict. tallies: by (contact, definition). scores: by (contact, group). xp: by actor.

    Complete after `judge()`, once all records are added.
    """

    def __init__(self) -> None:
        self.events = 0
        self.entries = 0
        self.verdicts: Counter[str] = Counter()
        self.tallies: Counter[tuple[str, str]] = Counter()
        self.scores: Counter[tuple[str, str]] = Counter()
        self.xp: Counter[str] = Counter()
        self._keys: defaultdict[tuple[str, str, str], list[_Entry]] = defaultdict(list)

    def add(self, sent: Sent) -> None:
        """Take one more record."""
        if sent.duplicate:
            return
        self.events += 1
        event = sent.event
        at = datetime.fromisoformat(event["time"])
        event_key = hashlib.blake2b(f"{event['source']}\0{event['id']}".encode(), digest_size=16).digest()
        rep = event["actorid"] if event.get("actortype") == "rep" else None
        for definition in _BY_TYPE[event["type"]]:
            self.entries += 1
            per = event["objectid"] if definition["dedup"].get("per") == "object" else ""
            self._keys[event["subject"], definition["key"], per].append((at, event_key, rep))

    def judge(self) -> None:
        """Judge all that was added, in event order."""
        definitions = {each["key"]: each for each in DEFINITIONS}
        for (contact, key, _), entries in self._keys.items():
            self._judge(contact, definitions[key], sorted(entries, key=lambda each: each[:2]))
        self._keys.clear()

    def scores_within(self, frames: Mapping[str, Any]) -> Counter[tuple[str, str]]:
        """Return the sums under frames: of groups as they are, of overall from what groups show."""
        scores = Counter[tuple[str, str]]()
        for (contact, group), points in self.scores.items():
            if group == "overall":
                continue
            frame = frames["groups"].get(group, {})
            scores[contact, group] = points
            if not frame.get("apart"):
                scores[contact, "overall"] += min(
                    max(points, frame.get("floor", points)), frame.get("cap", points)
                )
        return scores

    def _judge(self, contact: str, definition: dict[str, Any], entries: list[_Entry]) -> None:
        dedup = definition["dedup"]
        interval = _interval(dedup.get("interval", "0s"))
        last: datetime | None = None
        for at, _, rep in entries:
            counts = (
                dedup["policy"] == "always"
                or last is None
                or (dedup["policy"] == "cooldown" and at - last >= interval)
            )
            if not counts:
                self.verdicts["already_counted" if dedup["policy"] == "once" else "cooling_down"] += 1
                continue
            last = at
            self.verdicts["counted"] += 1
            self.tallies[contact, definition["key"]] += 1
            for group in ("overall", definition["group"]):
                self.scores[contact, group] += definition["default_points"]
            if definition["xp"] and rep is not None:
                self.xp[rep] += definition["xp"]


def _interval(text: str) -> timedelta:
    return timedelta(seconds=int(text[:-1]) * _SECONDS[text[-1]])


async def compare(
    connection: asyncpg.Connection[asyncpg.Record],
    expected: Expected,
    frames: Mapping[str, Any] | None = None,
) -> list[str]:
    """Return what differs between the database and what is expected; frames: of the profile."""
    wanted_scores = expected.scores if frames is None else expected.scores_within(frames)
    verdicts = await connection.fetch("select verdict::text, count(*) from timeline group by verdict")
    tallies = await connection.fetch("""
        select c.external_id, d.key, sum(t.count) from dedup_keys t join contacts c on c.id = t.contact_id
        join definitions d on d.id = t.definition_id group by 1, 2 having sum(t.count) <> 0""")
    scores = await connection.fetch("""
        select c.external_id, coalesce(g.key, 'overall'), s.points from scores s
        join contacts c on c.id = s.contact_id left join groups g on g.id = s.group_id where s.points <> 0""")
    xp = await connection.fetch("""
        select actor_id, sum(xp_worth) from timeline where verdict = 'counted' and xp_worth <> 0 group by 1""")
    told = await connection.fetchval("select coalesce(sum(head), 0) from outbox_heads")
    announced = await connection.fetchval("select coalesce(sum(message_version), 0) from contact_scores")
    credits_ = await connection.fetchval("select coalesce(sum(credit_number), 0) from timeline")
    pairs: list[tuple[str, Any, Any]] = [
        ("verdicts", {row[0]: row[1] for row in verdicts}, dict(expected.verdicts)),
        ("tallies", {(row[0], row[1]): row[2] for row in tallies}, dict(expected.tallies)),
        (
            "scores",
            {(row[0], row[1]): row[2] for row in scores},
            {key: points for key, points in wanted_scores.items() if points},
        ),
        ("net XP", {row[0]: row[1] for row in xp}, dict(expected.xp)),
    ]
    # Crossings are messages too; how many depends on what was committed together.
    pairs.append(("messages", told >= announced + credits_ if frames else told == announced + credits_, True))
    return [name for name, there, wanted in pairs if there != wanted]
