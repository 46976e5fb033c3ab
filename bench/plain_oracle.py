"""What the plain consumer must have stored and published: its own rules once more, over the records that were sent.

Imports nothing of the consumer that it checks. All events of a dedup key are in one partition, so they arrive in
the order of sending.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bench.traffic import DEFINITIONS, KINDS

if TYPE_CHECKING:
    import asyncpg

    from bench.traffic import Sent

_BY_TYPE = {kind.type: [each for each in DEFINITIONS if each["key"] in kind.definitions] for kind in KINDS}
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


class PlainExpected:
    """rows: of the timeline. scores: by (contact, group), where not 0; overall is one of the groups."""

    def __init__(self) -> None:
        self.rows = 0
        self.scores: Counter[tuple[str, str]] = Counter()
        self._seen: set[tuple[str, str]] = set()
        self._last_counted: dict[tuple[str, str, str], datetime] = {}

    def add(self, sent: Sent) -> None:
        """Take one more record, in the order of sending."""
        event = sent.event
        identity = event["source"], event["id"]
        if identity in self._seen:
            return
        self._seen.add(identity)
        contact, at = f"{event['accountid']}:{event['subject']}", datetime.fromisoformat(event["time"])
        for definition in _BY_TYPE[event["type"]]:
            self.rows += 1
            dedup = definition["dedup"]
            if dedup["policy"] != "always":
                key = contact, definition["key"], event["objectid"] if dedup["per"] == "object" else ""
                last = self._last_counted.get(key)
                if last is not None and (
                    dedup["policy"] == "once" or at - last < _interval(dedup["interval"])
                ):
                    continue
                self._last_counted[key] = at
            for group in ("overall", definition["group"]):
                self.scores[contact, group] += definition["default_points"]


def _interval(text: str) -> timedelta:
    return int(text[:-1]) * _UNITS[text[-1]]


class Published:
    """What a reader of the messages knows. scores: as in PlainExpected. gaps: messages that missed a change."""

    def __init__(self) -> None:
        self.scores: dict[tuple[str, str], int] = {}
        self.gaps = 0

    def add(self, message: bytes) -> None:
        """Take one more message, those of a contact in their order."""
        value = json.loads(message)
        contact = f"{value['accountid']}:{value['subject']}"
        for group, points in {**value["data"]["groups"], "overall": value["data"]["overall"]}.items():
            self.gaps += points["previous"] != self.scores.get((contact, group), 0)
            self.scores[contact, group] = points["current"]


async def compare_plain(
    connection: asyncpg.Connection[asyncpg.Record], published: Published, expected: PlainExpected
) -> list[str]:
    """Return what differs, in the database and among the messages."""
    rows = await connection.fetchval("select count(*) from timeline")
    scores = await connection.fetch("select contact, grp, points from scores")
    right = {
        "timeline": rows == expected.rows,
        "scores": {(contact, group): points for contact, group, points in scores} == expected.scores,
        "messages": published.scores == expected.scores,
        "previous scores in messages": published.gaps == 0,
    }
    return [name for name, holds in right.items() if not holds]
