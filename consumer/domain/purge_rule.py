"""What a purge leaves of a contact's entries, and makes of dedup keys (docs/semantics.md, 8.29 to 8.31). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from consumer.domain.dedup_key import KeyState
from schemas.vocabulary import Per, Policy, Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Mapping
    from datetime import datetime

    from consumer.domain.verdict_rule import Edition, TimelineEntry

# Number of an edition and object of a dedup key ('' where it has none), of one contact and definition.
Key = tuple[int, str]


class Purged(msgspec.Struct, gc=False):
    """What a purge makes of the entries of one contact and definition.

    left: those that stay as fixed points; the others go. carried: by `came_by`, how many counted ones go, and when
    the last of them occurred.
    """

    left: list[TimelineEntry]
    carried: dict[int | None, tuple[int, datetime]]


def purge(entries: Collection[TimelineEntry], editions: Mapping[int, Edition], horizon: datetime) -> Purged:
    """Return what becomes of entries of one contact and definition, all of them dated before the horizon.

    editions: of the definition, by number.
    """
    counted = sorted(
        (entry for entry in entries if entry.verdict is Verdict.COUNTED), key=lambda entry: entry.order
    )
    left: dict[tuple[datetime, bytes], TimelineEntry] = {}
    for number, edition in editions.items():
        if edition.policy is Policy.ALWAYS:
            continue
        first: set[Hashable] = set()
        for entry in counted:
            if entry.edition > number:
                continue
            if edition.policy is Policy.ONCE:
                key = entry.came_by, entry.object_id if edition.per is Per.OBJECT else None
                if key in first:
                    continue
                first.add(key)
            elif horizon - entry.occurred_at >= edition.interval:
                continue
            left[entry.order] = entry
    carried: dict[int | None, tuple[int, datetime]] = {}
    for entry in counted:
        if entry.order not in left:
            count, _ = carried.get(entry.came_by, (0, entry.occurred_at))
            carried[entry.came_by] = count + 1, entry.occurred_at
    return Purged([entry for entry in counted if entry.order in left], carried)


def keys_after(
    keys: Mapping[Key, KeyState],
    entries: Iterable[TimelineEntry],
    left: Collection[TimelineEntry],
    editions: Mapping[int, Edition],
    horizon: datetime,
) -> dict[Key, KeyState | None]:
    """Return the dedup keys that a purge changes, of one contact and definition; None: the key goes.

    keys: as stored. entries, left: those dated before the horizon, and which of them stay.
    """
    gone = {entry.order for entry in entries} - {entry.order for entry in left}
    counts: dict[Key, int] = {}
    for entry in entries:
        if entry.verdict is Verdict.COUNTED and entry.order in gone:
            key = _key(entry, entry.edition, editions)
            counts[key] = counts.get(key, 0) + 1
    last_left: dict[Key, datetime] = {}
    for number in editions:
        for entry in left:
            if entry.edition <= number:
                key = _key(entry, number, editions)
                last_left[key] = max(last_left.get(key, entry.occurred_at), entry.occurred_at)
    changed: dict[Key, KeyState | None] = {}
    for key, state in keys.items():
        after = KeyState(state.count - counts.get(key, 0), state.last_counted, state.last_fixed_at)
        if after.last_counted is not None and after.last_counted[0] < horizon:
            after.last_counted = None
        if editions[key[0]].policy is not Policy.ALWAYS and (
            after.last_fixed_at is None or after.last_fixed_at < horizon
        ):
            after.last_fixed_at = last_left.get(key)
        if after == state:
            continue
        is_empty = not after.count and after.last_counted is None and after.last_fixed_at is None
        changed[key] = None if is_empty else after
    return changed


def _key(entry: TimelineEntry, edition: int, editions: Mapping[int, Edition]) -> Key:
    per_object = editions[edition].per is Per.OBJECT
    return edition, (entry.object_id or "") if per_object else ""
