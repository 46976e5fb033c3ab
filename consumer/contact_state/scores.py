"""Scores in memory: read for contacts whose locks are held, moved, and written back with the ranks of lists."""

from __future__ import annotations

from collections import defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from consumer.contact_state.frames import shown
from consumer.infra.postgres.column_params import numbers, places, texts
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from consumer.contact_state.frames import Frames, VersionFrames
    from consumer.contact_state.weights import Weight
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.postgres.writes import Executes

_SQL = queries("contact_scores")
_IDENTITY = queries("identity")
# Number of the overall score among the groups.
OVERALL = 0
_NO_FRAMES: VersionFrames = MappingProxyType({})


class Score(msgspec.Struct, gc=False):
    """The sums of a contact under one profile version, by group; what is shown of them adds up to `overall`.

    frames: of the version. message_version: of the last message, None until this version is announced to the
    contact. before: overall (group 0) and groups as they are stored, empty where no row is. place: of the row
    (ctid). is_changed: differs from the row.
    """

    contact_id: int
    profile_id: int
    version: int
    frames: VersionFrames = _NO_FRAMES
    overall: int = 0
    groups: dict[int, int] = {}
    message_version: int | None = None
    before: dict[int, int] = {}
    place: tuple[int, int] | None = None
    is_changed: bool = False

    def add(self, group_id: int, points: int) -> int:
        """Add points to a group; adding 0 gives the contact the group. Returns what that adds to overall."""
        if not points and group_id in self.groups:
            return 0
        before = self.groups.get(group_id, 0)
        self.groups[group_id] = before + points
        step = points
        if (frame := self.frames.get(group_id)) is not None:
            step = 0 if frame.apart else frame.shown(before + points) - frame.shown(before)
        self.overall += step
        self.is_changed = True
        return step

    def announce(self, message_version: int) -> None:
        """Note the version of the message that announces the score."""
        self.message_version = message_version
        self.is_changed = True

    @property
    def by_group(self) -> dict[int, int]:
        """Sums by group, overall as group 0."""
        return {OVERALL: self.overall, **self.groups}

    def shown(self, sums: Mapping[int, int]) -> Mapping[int, int]:
        """Return what the version shows of sums by group."""
        return shown(self.frames, sums) if self.frames else sums


class Scores:
    """The scores of some contacts under all versions, as they stand in memory."""

    def __init__(self, frames: Frames) -> None:
        """frames: of all versions that the contacts have scores under."""
        self._frames = frames
        self._of_contact: dict[int, list[Score]] = {}

    @classmethod
    async def read(cls, connection: Connection, contacts: Sequence[int], frames: Frames) -> Scores:
        """Return the stored scores of these contacts. frames: of all versions that they have scores under."""
        scores = cls(frames)
        scores._of_contact = {contact: [] for contact in contacts}
        rows = await connection.fetch(_SQL["read"], numbers(contacts)) if contacts else ()
        for contact, profile, version, overall, group_ids, group_points, message_version, place in rows:
            groups = dict(zip(group_ids, group_points, strict=True))
            scores._of_contact[contact].append(
                Score(
                    contact,
                    profile,
                    version,
                    frames.get((profile, version), _NO_FRAMES),
                    overall,
                    groups,
                    message_version,
                    {OVERALL: overall, **groups},
                    place,
                )
            )
        return scores

    def under(self, contact_id: int, profile_id: int, version: int) -> Score:
        """Return a contact's score under a version; where there is none, a new one of 0, which `write` stores."""
        of_contact = self._of_contact.setdefault(contact_id, [])
        for score in of_contact:
            if score.version == version and score.profile_id == profile_id:
                return score
        frames = self._frames.get((profile_id, version), _NO_FRAMES)
        score = Score(contact_id, profile_id, version, frames, is_changed=True)
        of_contact.append(score)
        return score

    def of_profile(self, contact_id: int, profile_id: int) -> list[Score]:
        """Return a contact's scores under all versions of a profile."""
        return [score for score in self._of_contact[contact_id] if score.profile_id == profile_id]

    def is_to_be_announced(self, contact_id: int, profile_id: int, version: int) -> bool:
        """Return whether a version has frames, and a contact has had no message under it, but one under another."""
        return (
            len(self._of_contact[contact_id]) > 1
            and (profile_id, version) in self._frames
            and self.under(contact_id, profile_id, version).message_version is None
            and any(score.message_version is not None for score in self.of_profile(contact_id, profile_id))
        )

    def move(
        self, tally_steps: Mapping[tuple[int, int], int], weights: Mapping[int, Sequence[Weight]]
    ) -> dict[tuple[int, int, int], dict[int, int]]:
        """Move the sums by steps × weights under every version.

        tally_steps: by contact and definition. weights: by definition. Returns what moved under published versions:
        by contact, profile and version the sums' steps by group (0: overall), none of them 0.
        """
        moved: defaultdict[tuple[int, int, int], defaultdict[int, int]] = defaultdict(
            lambda: defaultdict(int)
        )
        for (contact, definition), step in tally_steps.items():
            for weight in weights[definition]:
                points = step * weight.weight
                score = self.under(contact, weight.profile_id, weight.version)
                of_overall = score.add(weight.group_id, points)
                if points and weight.is_published:
                    by_group = moved[contact, weight.profile_id, weight.version]
                    by_group[weight.group_id] += points
                    by_group[OVERALL] += of_overall
        return {
            key: steps
            for key, by_group in moved.items()
            if (steps := {group: points for group, points in by_group.items() if points})
        }

    async def write(self, writes: Executes) -> None:
        """Store what has changed."""
        touched = [
            score for of_contact in self._of_contact.values() for score in of_contact if score.is_changed
        ]
        if not touched:
            return
        new = [score for score in touched if score.place is None]
        moved = [score for score in touched if score.place is not None]
        await writes.execute(
            _SQL["write"],
            numbers([score.contact_id for score in new]),
            numbers([score.profile_id for score in new]),
            numbers([score.version for score in new]),
            *_value_columns(new),
            places([score.place for score in moved if score.place is not None]),
            *_value_columns(moved),
        )
        await _write_ranks(writes, touched)


async def read_names(connection: Connection, contacts: Sequence[int]) -> dict[int, dict[str, str]]:
    """Return the fields `name` and `owner` of those of these contacts that have them."""
    names: defaultdict[int, dict[str, str]] = defaultdict(dict)
    for contact, field, value in await connection.fetch(_SQL["names"], numbers(contacts)):
        names[contact][field] = value
    return names


async def read_ended_chains(connection: Connection, contacts: Sequence[int]) -> dict[tuple[int, int], int]:
    """Return the last message versions of chains of these contacts that have ended, by contact and profile."""
    rows = await connection.fetch(_IDENTITY["ended_chains"], contacts)
    return {(contact, profile): message_version for contact, profile, _, message_version in rows}


async def continue_chains(connection: Connection, scores: Scores, contacts: Sequence[int]) -> None:
    """Let the messages of contacts that begin anew go on from the last one before their tombstones (8.24)."""
    for contact, profile, version, message_version in await connection.fetch(
        _IDENTITY["ended_chains"], contacts
    ):
        scores.under(contact, profile, version).announce(message_version)


async def _write_ranks(writes: Executes, scores: Iterable[Score]) -> None:
    new: list[tuple[int, int, int, int, int]] = []
    moved: list[tuple[int, int, int, int, int, int]] = []
    for score in scores:
        before = score.before
        for group, points in score.by_group.items():
            was = before.get(group)
            if was is None:
                new.append((score.profile_id, score.version, group, points, score.contact_id))
            elif was != points:
                moved.append((score.profile_id, score.version, group, score.contact_id, was, points))
    # In the order of the index, whose pages are then written one after another.
    new.sort()
    moved.sort(key=lambda row: (row[0], row[1], row[2], row[5]))
    if new or moved:
        await writes.execute(
            _SQL["write_ranks"],
            *(numbers([row[column] for row in new]) for column in range(5)),
            *(numbers([row[column] for row in moved]) for column in range(6)),
        )


def _value_columns(scores: Sequence[Score]) -> tuple[str, str, str, str]:
    return (
        numbers([score.overall for score in scores]),
        texts([numbers(score.groups) for score in scores]),
        texts([numbers(score.groups.values()) for score in scores]),
        numbers([score.message_version for score in scores]),
    )
