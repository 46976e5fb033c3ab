"""What score-changed and xp-credited say: from the facts that a transaction kept of a message to its key and JSON.

Owns the form of both messages, and the order in which SQL lays their facts out: one text with U+001F between them,
U+001E between the events of a message and U+001D between what is said of one. None of these occurs in a value
(semantics §2). Never looks anything up: facts are all there is, so that whoever publishes again says the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from schemas.timestamps import rfc3339, rfc3339_of

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
_columns = msgspec.json.Decoder(tuple[list[int], list[int]]).decode


class MessageEncoder:
    """What the messages of one row of the outbox have in common."""

    def __init__(self, incarnation: int, groups: str, committed_at: datetime) -> None:
        self._incarnation = incarnation
        self._groups: Mapping[str, Sequence[Group]] = _groups(groups)
        self._time = rfc3339(committed_at)

    def encode(self, kind: str, facts: str) -> tuple[bytes, bytes]:
        """Return key and value of a message; kind: 'score_changed' or 'xp_credited'."""
        return self._score_changed(facts) if kind == "score_changed" else self._xp_credited(facts)

    # Their JSON is put together as text, in half of the time that it takes to encode dictionaries. Keys, kinds and
    # verdicts are words of ours and need no quoting.

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

        def change(group: int) -> str:
            current = stands.get(group, 0) + steps.get(group, 0)
            return f'{{"previous":{said.get(group, 0)},"current":{current}}}'

        groups = [
            f'"{name}":{change(group)}'
            for group, name, in_catalog in self._groups[account]
            if in_catalog or said.get(group)
        ]
        told = [_event(words) for words in events[0].split(_EVENT)] if events else []
        named = causes.replace(",", '","')
        key = f"{account}:{profile}:{contact}"
        data = (
            f'{{"profile":"{profile}","profile_version":{profile_version},"version":{version},'
            f'"causes":["{named}"],"overall":{change(_OVERALL)},"groups":{{{",".join(groups)}}},'
            f'"events":[{",".join(told)}],"event_count":{event_count}}}'
        )
        return key.encode(), self._cloudevent(
            f"{key}:{version}", "engagement.score.changed", contact, account, data
        )

    def _xp_credited(self, facts: str) -> tuple[bytes, bytes]:
        account, contact, actor, event_key, definition, number, amount, occurred, event, source, kind = (
            facts.split(_FIELD)
        )
        stem = f"{account}:{event_key}:{definition}"
        # Even ones are reversals, each of the credit before.
        reverses = "null" if int(number) % 2 else f'"{self._incarnation}:{stem}:{int(number) - 1}"'
        data = (
            f'{{"amount":{amount},"definition":"{definition}","contact":{_quoted(contact)},'
            f'"occurred_at":"{rfc3339_of(int(occurred))}","event":{{"id":{_quoted(event)},"source":{_quoted(source)},'
            f'"type":{_quoted(kind)}}},"reverses":{reverses}}}'
        )
        return f"{account}:{actor}".encode(), self._cloudevent(
            f"{stem}:{number}", "engagement.xp.credited", actor, account, data
        )

    def _cloudevent(self, name: str, kind: str, subject: str, account: str, data: str) -> bytes:
        return (
            f'{{"specversion":"1.0","id":{_quoted(f"{self._incarnation}:{name}")},"source":"/engagement",'
            f'"type":"{kind}","time":"{self._time}","subject":{_quoted(subject)},"accountid":"{account}",'
            f'"datacontenttype":"application/json","data":{data}}}'
        ).encode()


def _points(groups: str, points: str) -> dict[int, int]:
    """Return points by group, from two arrays as Postgres writes them, or two empty texts."""
    return dict(zip(*_columns(f"[[{groups[1:-1]}],[{points[1:-1]}]]"), strict=True))


def _event(words: str) -> str:
    event, source, kind, occurred, definition, verdict, points = words.split(_WORD)
    return (
        f'{{"id":{_quoted(event)},"source":{_quoted(source)},"type":{_quoted(kind)},'
        f'"occurred_at":"{rfc3339_of(int(occurred))}","definition":"{definition}","verdict":"{verdict}",'
        f'"points":{points}}}'
    )


def _quoted(text: str) -> str:
    return _encode(text).decode()
