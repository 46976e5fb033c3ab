"""The lanes that one pipeline holds, each as it is after the last batch that is known to be committed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from consumer.lanes.positions import LaneKey

if TYPE_CHECKING:
    from consumer.lanes.positions import Lane


class HeldLanes(Mapping[LaneKey, "Lane"]):
    """The lanes of a pipeline by (topic, partition).

    Assignment takes, refreshes, stops and releases them between batches; the batch processor advances them, and
    refreshes them after an error. Nothing else changes them. The database may be ahead: it fences the batch then.
    """

    def __init__(self) -> None:
        self._lanes: dict[LaneKey, Lane] = {}

    def __getitem__(self, key: LaneKey) -> Lane:
        return self._lanes[key]

    def __iter__(self) -> Iterator[LaneKey]:
        return iter(self._lanes)

    def __len__(self) -> int:
        return len(self._lanes)

    def hold(self, lanes: Iterable[Lane]) -> None:
        """Hold these lanes as they are given: just taken, advanced by a batch, or stopped."""
        self._lanes.update({lane.key: lane for lane in lanes})

    def refresh(self, rows: Mapping[LaneKey, Lane]) -> list[LaneKey]:
        """Hold lanes as the database has them, if their epoch is the one held.

        Releases and returns the others: lanes of another epoch, and lanes that are not held.
        """
        others = []
        for key, row in rows.items():
            held = self._lanes.get(key)
            if held is not None and held.epoch == row.epoch:
                self._lanes[key] = row
            else:
                others.append(key)
        self.release(others)
        return others

    def release(self, keys: Iterable[LaneKey]) -> None:
        """Hold these lanes no longer."""
        for key in list(keys):
            self._lanes.pop(key, None)

    def release_slices(self, partitions: Iterable[int]) -> None:
        """Hold no lane of these partitions any longer."""
        gone = set(partitions)
        self.release(key for key in self._lanes if key[1] in gone)

    def clear(self) -> None:
        """Hold no lane any longer."""
        self._lanes.clear()
