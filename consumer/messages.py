"""What score-changed and xp-credited say: from the facts that a transaction kept of a message to its key and JSON.

Owns the form of both messages, and the order in which SQL lays their facts out: one text with U+001F between them,
U+001E between the events of a message and U+001D between what is said of one. None of these occurs in a value
(semantics §2). Never looks anything up: facts are all there is, so that whoever publishes again says the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from consumer.timestamps import instant, rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

# Number, key, and whether it is in the catalog.
Group: TypeAlias = tuple[int, str, bool]

_FIELD = "\x1f"
_EVENT = "\x1e"
_WORD = "\x1d"
# Where the sum of the groups stands among them.
_OVERALL = 0

_encode = msgspec.json.Encoder().encode
_groups = msgspec.json.Decoder(dict[str, list[Group]]).decode


class Commit:
    """What the messages of one row of the outbox have in common."""

    def __init__(self, incarnation: int, groups: str, committed_at: datetime) -> None:
        self._incarnation = incarnation
        self._groups: Mapping[str, Sequence[Group]] = _groups(groups)
        self._time = rfc3339(committed_at)

    def message(self, kind: str, facts: str) -> tuple[bytes, bytes]:
        """Return key and value of a message; kind: 'score_changed' or 'xp_credited'."""
        return self._score_changed(facts) if kind == "score_changed" else self._xp_credited(facts)

    def _score_changed(self, facts: str) -> tuple[bytes, bytes]:
        """Lay out what stood before (said), what stands under a version just published, and what came to it."""
        (
            account, contact, profile, profile_version, version, causes,
            said_groups, said_points, stands_groups, stands_points, step_groups, step_points,
            event_count, *events,
        ) = facts.split(_FIELD)  # fmt: skip
        said = _points(said_groups, said_points)
        stands = _points(stands_groups, stands_points) if stands_groups else said
        steps = _points(step_groups, step_points)

        def change(group: int) -> dict[str, int]:
            return {
                "previous": said.get(group, 0),
                "current": stands.get(group, 0) + steps.get(group, 0),
            }

        key = f"{account}:{profile}:{contact}"
        data = {
            "profile": profile,
            "profile_version": int(profile_version),
            "version": int(version),
            "causes": causes.split(","),
            "overall": change(_OVERALL),
            "groups": {
                name: change(group)
                for group, name, in_catalog in self._groups[account]
                if in_catalog or said.get(group)
            },
            "events": [_event(words) for words in events[0].split(_EVENT)] if events else [],
            "event_count": int(event_count),
        }
        return key.encode(), self._cloudevent(
            f"{key}:{version}", "engagement.score.changed", contact, account, data
        )

    def _xp_credited(self, facts: str) -> tuple[bytes, bytes]:
        account, contact, actor, event_key, definition, number, amount, occurred, event, source, kind = (
            facts.split(_FIELD)
        )
        stem = f"{account}:{event_key}:{definition}"
        credit = int(number)
        data = {
            "amount": int(amount),
            "definition": definition,
            "contact": contact,
            "occurred_at": rfc3339(instant(int(occurred))),
            "event": {"id": event, "source": source, "type": kind},
            # Even ones are reversals, each of the credit before.
            "reverses": None if credit % 2 else f"{self._incarnation}:{stem}:{credit - 1}",
        }
        return f"{account}:{actor}".encode(), self._cloudevent(
            f"{stem}:{number}", "engagement.xp.credited", actor, account, data
        )

    def _cloudevent(self, name: str, kind: str, subject: str, account: str, data: dict[str, object]) -> bytes:
        return _encode(
            {
                "specversion": "1.0",
                "id": f"{self._incarnation}:{name}",
                "source": "/engagement",
                "type": kind,
                "time": self._time,
                "subject": subject,
                "accountid": account,
                "datacontenttype": "application/json",
                "data": data,
            }
        )


def _points(groups: str, points: str) -> dict[int, int]:
    """Return points by group, from two arrays as Postgres writes them; nothing from empty texts and arrays."""
    if len(groups) <= len("{}"):
        return {}
    return dict(zip(map(int, groups[1:-1].split(",")), map(int, points[1:-1].split(",")), strict=True))


def _event(words: str) -> dict[str, object]:
    event, source, kind, occurred, definition, verdict, points = words.split(_WORD)
    return {
        "id": event,
        "source": source,
        "type": kind,
        "occurred_at": rfc3339(instant(int(occurred))),
        "definition": definition,
        "verdict": verdict,
        "points": int(points),
    }
