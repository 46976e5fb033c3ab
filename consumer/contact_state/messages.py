"""The facts of messages out, in the order in which consumer/relay/message_json.py takes them apart.

A message is one text: U+001F separates facts, U+001E the events of a message, U+001D the facts of one event. It has
format 1, or begins with the number of another one (consumer/relay/fact_format.py). Format 2 is for score changes of
versions with frames: points as they are shown, and bands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from consumer.contact_state.frames import bands_of
from consumer.domain.frame import PLAIN
from consumer.infra.postgres.column_params import numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.contact_state.frames import VersionFrames
    from consumer.contact_state.scores import Score
    from consumer.contact_state.weights import Weight

# A score-changed message lists so many events at most (6.7).
MAX_EVENTS = 20
# How facts of format 2 begin.
WITH_FRAMES = "\x1c2\x1f"


class ChangedEntry(msgspec.Struct, gc=False):
    """An entry that began to count (step 1) or ceased to (-1), with what messages show of it.

    occurred_us: microseconds since 1970 in UTC. xp_worth: its XP. credit_number: of the XP message that this change
    makes, if `xp_due`.
    """

    contact_id: int
    definition_id: int
    definition: str
    occurred_us: int
    event_key: bytes
    event_id: str
    source: str
    type: str
    actor_id: str | None
    verdict: str
    step: int
    xp_worth: int
    credit_number: int
    xp_due: bool

    def shown(self, weight: int) -> str:
        """Return it as one event of a score-changed message."""
        return (
            f"{self.event_id}\x1d{self.source}\x1d{self.type}\x1d{self.occurred_us}\x1d{self.definition}"
            f"\x1d{self.verdict}\x1d{self.step * weight}"
        )


def xp_differs(xp_worth: int, credit_number: int, *, counts: bool) -> bool:
    """Return whether the XP credited for an entry does not match its verdict; it is credited if the number is odd.

    credit_number: of XP messages for it so far. After a rejudgement without XP it can match a new verdict already.
    """
    return xp_worth != 0 and (credit_number % 2 == 1) != counts


def xp_credited(entry: ChangedEntry, account: str, contact: str) -> str:
    """Return the facts of the xp-credited message of an entry whose XP is due."""
    return "\x1f".join(
        (
            account,
            contact,
            entry.actor_id or "",
            entry.event_key.hex(),
            entry.definition,
            str(entry.credit_number),
            str(entry.step * entry.xp_worth),
            str(entry.occurred_us),
            entry.event_id,
            entry.source,
            entry.type,
        )
    )


class Announcement(msgspec.Struct, gc=False):
    """What a score-changed message says of a contact and profile, by group (0: overall).

    said: the points of the message before. stands: where the profile's flip is not announced yet, the points under
    the published version before this transaction. steps: the points that this transaction adds.
    """

    version: int
    causes: str
    said: Mapping[int, int]
    stands: Mapping[int, int] | None
    steps: Mapping[int, int]


class ShownAnnouncement(msgspec.Struct, gc=False):
    """The same where the version that is announced, or the one before it, has frames: points as they are shown.

    previous, current: of the same groups in the same order. bands: of overall and groups that have some, before
    (None: the version before had none there) and after.
    """

    version: int
    causes: str
    previous: Mapping[int, int]
    current: Mapping[int, int]
    bands: Mapping[int, tuple[str | None, str]]


def announce_events(
    scores: Sequence[Score],
    published: Score,
    steps: Mapping[int, int],
    cause: str,
    ended: int | None = None,
) -> Announcement | ShownAnnouncement | None:
    """Return what events that moved a contact's published sums are to announce, and note it in the scores.

    scores: all of the contact under the profile. published: the one under the published version, moved already.
    steps: by group, 0 included; some differ from 0. cause: `events` or `backfill`. ended: the version of the last
    message before a tombstone of the contact. None: these events change nothing that is shown (6.26), or a publish
    that was not announced yet and they cancel out, so that nothing has changed since the last message (6.13).
    """
    last, number = None, 1
    for one in scores:
        if one.message_version is not None and one.version <= published.version:
            number = max(number, one.message_version + 1)
            if last is None or one.version > last.version:
                last = one
    announcement: Announcement | ShownAnnouncement | None
    if last is not None and last is not published and last.message_version == ended:
        last = None  # nothing was said since the tombstone
    if published.frames or (last is not None and last.frames):
        announcement = _announce_shown(last, published, steps, number, cause)
    else:
        announcement = _announce_sums(last, published, steps, number, cause)
    if announcement is not None:
        published.announce(number)
    return announcement


def _announce_sums(
    last: Score | None, published: Score, steps: Mapping[int, int], number: int, cause: str
) -> Announcement | None:
    if last is published:
        return Announcement(number, cause, published.before, None, steps)
    said = last.by_group if last else {}
    stands = published.before or None
    causes = cause
    if stands is not None:
        if not _differ(said, published.by_group):
            return None
        if _differ(said, stands):
            causes = f"publish,{cause}"
    return Announcement(number, causes, said, stands, steps)


def _announce_shown(
    last: Score | None, published: Score, steps: Mapping[int, int], number: int, cause: str
) -> ShownAnnouncement | None:
    """Compare what was said last, what stood before these events, and what they make of it: points and bands."""
    frames, before = published.frames, published.before
    now = published.by_group
    for group, frame in frames.items():
        if group in now:
            now[group] = frame.shown(now[group])
    stood = now.copy()
    for group in steps:
        stood[group] = frames.get(group, PLAIN).shown(before.get(group, 0))
    if stood == now:  # bands follow from what is shown
        return None
    if last is published or (last is None and not before):
        # Before the first message there are 0 points, and their band.
        said = stood if last is published else dict.fromkeys(now, 0)
        return ShownAnnouncement(number, cause, said, now, _bands(frames, said, frames, now))
    said = {**dict.fromkeys(now, 0), **(last.shown(last.by_group) if last else {})}
    now = {group: now.get(group, 0) for group in said}
    bands = _bands(last.frames if last else frames, said, frames, now)
    if said == now and all(was == band for was, band in bands.values()):
        return None
    if before and (
        _differ(said, stood) or any(bands[of][0] != was for of, was in bands_of(frames, stood).items())
    ):
        cause = f"publish,{cause}"
    return ShownAnnouncement(number, cause, said, now, bands)


def _bands(
    frames_said: VersionFrames, said: Mapping[int, int], frames: VersionFrames, now: Mapping[int, int]
) -> dict[int, tuple[str | None, str]]:
    """Return the bands before and after of all groups that have some after; before: None where there were none."""
    bands: dict[int, tuple[str | None, str]] = {}
    for group, frame in frames.items():
        points = now.get(group, 0)
        if (band := frame.band(points)) is not None:
            was = said.get(group, 0)
            is_same = was == points and frames_said is frames
            bands[group] = band if is_same else frames_said.get(group, PLAIN).band(was), band
    return bands


def _differ(one: Mapping[int, int], other: Mapping[int, int]) -> bool:
    return any(one.get(group, 0) != other.get(group, 0) for group in {*one, *other})


def score_changed(
    announcement: Announcement | ShownAnnouncement,
    changes: Sequence[tuple[ChangedEntry, Weight]],
    *,
    account: str,
    contact: str,
    profile: str,
    profile_version: int,
) -> str:
    """Return the facts of a score-changed message. changes: what moved sums, each with its weight."""
    listed = in_event_order(changes)
    events = "\x1e".join([entry.shown(weight.weight) for entry, weight in listed[:MAX_EVENTS]])
    version, causes = announcement.version, announcement.causes
    about = f"{account}\x1f{contact}\x1f{profile}\x1f{profile_version}\x1f{version}\x1f{causes}"
    if isinstance(announcement, ShownAnnouncement):
        groups, current = _points(announcement.current)
        bands = ",".join(
            [f"{group}:{before or ''}:{after}" for group, (before, after) in announcement.bands.items()]
        )
        shown = f"{groups}\x1f{numbers(announcement.previous.values())}\x1f{current}\x1f{bands}"
        return f"{WITH_FRAMES}{about}\x1f{shown}\x1f{len(changes)}\x1f{events}"
    said_groups, said_points = _points(announcement.said)
    stands_groups, stands_points = _points(announcement.stands or {})
    step_groups, step_points = _points(announcement.steps)
    return (
        f"{about}\x1f{said_groups}\x1f{said_points}\x1f{stands_groups}\x1f{stands_points}"
        f"\x1f{step_groups}\x1f{step_points}\x1f{len(changes)}\x1f{events}"
    )


class Crossing(msgspec.Struct, gc=False):
    """A message that has changed the band of a group (0: overall). changes: as of `score_changed`."""

    announcement: ShownAnnouncement
    group: int
    frames: VersionFrames
    changes: Sequence[tuple[ChangedEntry, Weight]]

    @property
    def event(self) -> str:
        """What did it, as one event of a score-changed message; empty if no event did (6.33)."""
        moved = self._points[1] - self._points[0]
        for entry, weight in reversed(in_event_order(self.changes)):
            if self._is_of(weight) and entry.step * weight.weight * moved > 0:
                return entry.shown(weight.weight)
        return ""

    def facts(
        self,
        *,
        account: str,
        contact: str,
        profile: str,
        profile_version: int,
        name: str | None,
        owner: str | None,
    ) -> str:
        """Return the facts of the band-changed message. name, owner: of the contact."""
        announcement = self.announcement
        before, after = announcement.bands[self.group]
        previous, current = self._points
        return (
            f"{account}\x1f{contact}\x1f{profile}\x1f{profile_version}\x1f{announcement.version}\x1f{announcement.causes}"
            f"\x1f{self.group}\x1f{previous}\x1f{current}\x1f{before or ''}\x1f{after}"
            f"\x1f{_json(name)}\x1f{_json(owner)}\x1f{self.event}"
        )

    @property
    def _points(self) -> tuple[int, int]:
        return self.announcement.previous.get(self.group, 0), self.announcement.current.get(self.group, 0)

    def _is_of(self, weight: Weight) -> bool:
        if self.group:
            return weight.group_id == self.group
        return not self.frames.get(weight.group_id, PLAIN).apart


def _json(text: str | None) -> str:
    """Return a text that may hold any characters without separators of facts."""
    return msgspec.json.encode(text).decode()


def in_event_order(changes: Sequence[tuple[ChangedEntry, Weight]]) -> Sequence[tuple[ChangedEntry, Weight]]:
    """Return changes in event order (4.2)."""
    if len(changes) < 2:  # noqa: PLR2004 - most have one
        return changes
    return sorted(changes, key=lambda one: (one[0].occurred_us, one[0].event_key, one[0].definition))


def _points(by_group: Mapping[int, int]) -> tuple[str, str]:
    """Return groups and points as two arrays; two empty texts where there are none."""
    if not by_group:
        return "", ""
    return numbers(by_group), numbers(by_group.values())
