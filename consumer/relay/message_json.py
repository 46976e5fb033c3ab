"""Makes key and JSON of score-changed, band-changed and xp-credited messages from the facts stored in the outbox.

The facts of a message are one text (fact_format.py), in the order read here: U+001F separates facts, U+001E the
events of a message, U+001D the facts of one event. None of these occurs in a value (semantics §2); a contact's name
and owner, which may hold any character, are JSON already.

Never reads anything else, so that a message published again is the same.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from consumer.relay.fact_format import split_format
from schemas.timestamps import rfc3339, rfc3339_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

# Number as facts have it, key, and whether it is in the catalog.
Group: TypeAlias = tuple[str, str, bool]

_FIELD = "\x1f"
_EVENT = "\x1e"
_EVENT_FIELD = "\x1d"
# The format of score changes of versions with frames.
_SHOWN = 2
# The overall score, among the groups.
_OVERALL: Group = ("0", "overall", True)

_encode = msgspec.json.Encoder().encode
_groups = msgspec.json.Decoder(dict[str, list[tuple[int, str, bool]]]).decode


class MessageEncoder:
    """Encodes the messages of one row of the outbox, which share incarnation, groups and commit time."""

    def __init__(self, incarnation: int, groups: str, committed_at: datetime) -> None:
        self._incarnation = incarnation
        # By account, overall first.
        self._groups: Mapping[str, Sequence[Group]] = {
            account: [_OVERALL, *((str(number), key, in_catalog) for number, key, in_catalog in of_account)]
            for account, of_account in _groups(groups).items()
        }
        self._time = rfc3339(committed_at)

    def encode(self, kind: str, facts: str) -> tuple[bytes, bytes]:
        """Return key and value of a message; kind: 'score_changed', 'band_changed' or 'xp_credited'."""
        number, facts = split_format(facts)
        if kind == "score_changed":
            return self._shown_changed(facts) if number == _SHOWN else self._score_changed(facts)
        return self._band_changed(facts) if kind == "band_changed" else self._xp_credited(facts)

    # JSON is put together as text: half the time of encoding dictionaries (measured). Keys, kinds and verdicts are
    # fixed words without characters that need escaping.

    def _score_changed(self, facts: str) -> tuple[bytes, bytes]:
        """Encode a score change: from the points last published (previous) to the base plus the points added.

        The base is the points under a profile version just published (rebased), else previous.
        """
        (
            account, contact, profile, profile_version, version, causes,
            previous_groups, previous_points, rebased_groups, rebased_points, added_groups, added_points,
            *events,
        ) = facts.split(_FIELD)  # fmt: skip
        previous = _by_group(previous_groups, previous_points)
        current = _by_group(rebased_groups, rebased_points) if rebased_groups else previous.copy()
        for group, points in _by_group(added_groups, added_points).items():
            current[group] = str(int(current.get(group, 0)) + int(points))
        about = (account, contact, profile, profile_version, version, causes)
        return self._changed(about, previous, current, {}, events)

    def _shown_changed(self, facts: str) -> tuple[bytes, bytes]:
        """Encode a score change of versions with frames: points as they are shown, and bands."""
        (
            account, contact, profile, profile_version, version, causes,
            groups, previous_points, current_points, bands, *events,
        ) = facts.split(_FIELD)  # fmt: skip
        band = {}
        for of_group in bands.split(",") if bands else ():
            group, was, becomes = of_group.split(":")
            band[group] = f',"band":{{"previous":{_key(was)},"current":"{becomes}"}}'
        about = (account, contact, profile, profile_version, version, causes)
        previous, current = _by_group(groups, previous_points), _by_group(groups, current_points)
        return self._changed(about, previous, current, band, events)

    def _changed(
        self,
        about: tuple[str, ...],
        previous: Mapping[str, str],
        current: Mapping[str, str],
        band: Mapping[str, str],
        events: Sequence[str],
    ) -> tuple[bytes, bytes]:
        """Put a score change together.

        about, events: the first and the last facts. previous, current, band: by group, JSON.
        """
        event_count, *listed = events
        account, contact, profile, profile_version, version, causes = about
        overall, *groups = [
            f'"{name}":{{"previous":{previous.get(group, "0")},"current":{current.get(group, "0")}'
            f"{band.get(group, '')}}}"
            for group, name, in_catalog in self._groups[account]
            if in_catalog or previous.get(group, "0") != "0"
        ]
        shown = [_event(text) for text in listed[0].split(_EVENT)] if listed and listed[0] else []
        key = f"{account}:{profile}:{contact}"
        data = (
            f'{{"profile":"{profile}","profile_version":{profile_version},"version":{version},'
            f'"causes":{_causes(causes)},{overall},"groups":{{{",".join(groups)}}},'
            f'"events":[{",".join(shown)}],"event_count":{event_count}}}'
        )
        return key.encode(), self._cloudevent(
            f"{key}:{version}", "engagement.score.changed", contact, account, data
        )

    def _band_changed(self, facts: str) -> tuple[bytes, bytes]:
        (
            account, contact, profile, profile_version, version, causes,
            group, previous, current, before, after, name, owner, event,
        ) = facts.split(_FIELD)  # fmt: skip
        axis = None
        if group != _OVERALL[0]:
            axis = {number: key for number, key, _ in self._groups[account]}.get(group)
        key = f"{account}:{profile}:{contact}"
        data = (
            f'{{"profile":"{profile}","profile_version":{profile_version},"version":{version},'
            f'"causes":{_causes(causes)},"group":{_key(axis)},'
            f'"band":{{"previous":{_key(before)},"current":"{after}"}},'
            f'"points":{{"previous":{previous},"current":{current}}},'
            f'"contact":{{"name":{name},"owner":{owner}}},"event":{_event(event) if event else "null"}}}'
        )
        return key.encode(), self._cloudevent(
            f"{key}:{version}:band{f':{axis}' if axis else ''}",
            "engagement.band.changed",
            contact,
            account,
            data,
        )

    def _xp_credited(self, facts: str) -> tuple[bytes, bytes]:
        account, contact, actor, event_key, definition, number, amount, occurred, event, source, kind = (
            facts.split(_FIELD)
        )
        stem = f"{account}:{event_key}:{definition}"
        # Odd numbers are credits; an even number reverses the credit before it.
        reverses = "null" if int(number) % 2 else f'"{self._incarnation}:{stem}:{int(number) - 1}"'
        data = (
            f'{{"amount":{amount},"definition":"{definition}","contact":{_quoted(contact)},'
            f'"occurred_at":"{rfc3339_of(int(occurred))}","event":{{"id":{_quoted(event)},"source":{_quoted(source)},'
            f'"type":{_quoted(kind)}}},"reverses":{reverses}}}'
        )
        return f"{account}:{actor}".encode(), self._cloudevent(
            f"{stem}:{number}", "engagement.xp.credited", actor, account, data
        )

    def removed(self, facts: str) -> bytes:
        """Return a tombstone as an event, for readers that cannot have a record without a value."""
        account, contact, profile, version = facts.split(_FIELD)
        data = f'{{"profile":"{profile}","version":{version}}}'
        return self._cloudevent(
            f"{account}:{profile}:{contact}:{version}:end",
            "engagement.contact.removed",
            contact,
            account,
            data,
        )

    def _cloudevent(self, name: str, kind: str, subject: str, account: str, data: str) -> bytes:
        return (
            f'{{"specversion":"1.0","id":{_quoted(f"{self._incarnation}:{name}")},"source":"/engagement",'
            f'"type":"{kind}","time":"{self._time}","subject":{_quoted(subject)},"accountid":"{account}",'
            f'"datacontenttype":"application/json","data":{data}}}'
        ).encode()


def tombstone(facts: str) -> tuple[bytes, bytes]:
    """Return key and id of a tombstone of score-changed messages: their key, and the version that it ends."""
    account, contact, profile, version = facts.split(_FIELD)
    key = f"{account}:{profile}:{contact}"
    return key.encode(), f"{key}:{version}:end".encode()


def _by_group(groups: str, points: str) -> dict[str, str]:
    """Return points by group, from two arrays in the text form of Postgres, or two empty texts."""
    if len(groups) <= len("{}"):
        return {}
    return dict(zip(_numbers_of(groups), points[1:-1].split(","), strict=True))


@lru_cache(maxsize=4096)  # the same in most messages of an account
def _numbers_of(groups: str) -> Sequence[str]:
    return groups[1:-1].split(",")


def _causes(causes: str) -> str:
    quoted = causes.replace(",", '","')
    return f'["{quoted}"]'


def _key(key: str | None) -> str:
    return f'"{key}"' if key else "null"


def _event(text: str) -> str:
    event, source, kind, occurred, definition, verdict, points = text.split(_EVENT_FIELD)
    return (
        f'{{"id":{_quoted(event)},"source":{_quoted(source)},"type":{_quoted(kind)},'
        f'"occurred_at":"{rfc3339_of(int(occurred))}","definition":"{definition}","verdict":"{verdict}",'
        f'"points":{points}}}'
    )


def _quoted(text: str) -> str:
    return _encode(text).decode()
