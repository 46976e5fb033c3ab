"""The facts of messages out, in the order in which consumer/relay/message_json.py takes them apart.

A message is one text: U+001F separates facts, U+001E the events of a message, U+001D the facts of one event. This
is format 1; another one begins with its number (consumer/relay/fact_format.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from consumer.infra.postgres.column_params import numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.contact_state.scores import Score

# A score-changed message lists so many events at most (6.7).
MAX_EVENTS = 20


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


def announce_events(
    scores: Sequence[Score], published: Score, steps: Mapping[int, int], cause: str
) -> Announcement | None:
    """Return what events that moved a contact's published score are to announce, and note it in the scores.

    scores: all of the contact under the profile. published: the one under the published version, moved already.
    steps: by group, 0 included; some differ from 0. cause: `events` or `backfill`. None: a publish that was not
    announced yet and these events cancel out, so that nothing has changed since the last message (6.13).
    """
    last, number = None, 1
    for one in scores:
        if one.message_version is not None and one.version <= published.version:
            number = max(number, one.message_version + 1)
            if last is None or one.version > last.version:
                last = one
    if last is published:
        announcement = Announcement(number, cause, published.before, None, steps)
    else:
        said = last.by_group if last else {}
        stands = published.before or None
        causes = cause
        if stands is not None:
            if all(said.get(of, 0) == published.by_group.get(of, 0) for of in {*said, *published.by_group}):
                return None
            if any(said.get(of, 0) != stands.get(of, 0) for of in {*said, *stands}):
                causes = f"publish,{cause}"
        announcement = Announcement(number, causes, said, stands, steps)
    published.announce(number)
    return announcement


def score_changed(
    announcement: Announcement,
    changes: Sequence[tuple[ChangedEntry, int]],
    *,
    account: str,
    contact: str,
    profile: str,
    profile_version: int,
) -> str:
    """Return the facts of a score-changed message. changes: what moved the score, each with its weight."""
    listed = changes
    if len(changes) > 1:
        listed = sorted(changes, key=lambda one: (one[0].occurred_us, one[0].event_key, one[0].definition))
    events = "\x1e".join([entry.shown(weight) for entry, weight in listed[:MAX_EVENTS]])
    said_groups, said_points = _points(announcement.said)
    stands_groups, stands_points = _points(announcement.stands or {})
    step_groups, step_points = _points(announcement.steps)
    return (
        f"{account}\x1f{contact}\x1f{profile}\x1f{profile_version}\x1f{announcement.version}\x1f{announcement.causes}"
        f"\x1f{said_groups}\x1f{said_points}\x1f{stands_groups}\x1f{stands_points}\x1f{step_groups}\x1f{step_points}"
        f"\x1f{len(changes)}\x1f{events}"
    )


def _points(by_group: Mapping[int, int]) -> tuple[str, str]:
    """Return groups and points as two arrays; two empty texts where there are none."""
    if not by_group:
        return "", ""
    return numbers(by_group), numbers(by_group.values())
