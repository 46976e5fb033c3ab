"""Previews of a moment ago, kept in memory: one comes back from a contact without another minute of computing.

A preview is about one revision of the draft; scores go on changing, and contacts may be deleted, so it has an age,
and is not kept for long.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

# Seconds, and previews of one process: each has some tens of kilobytes.
_SECONDS: Final = 300.0
_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Kept:
    """A preview as the API gave it, and when (`time.time()`)."""

    result: dict[str, Any]
    at: float


class KeptPreviews:
    """The previews of a process, by account and profile."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], Kept] = OrderedDict()

    def keep(self, account: str, profile: str, result: dict[str, Any]) -> Kept:
        """Keep a preview in the place of the one before, and return it."""
        kept = Kept(result, time.time())
        self._kept[account, profile] = kept
        self._kept.move_to_end((account, profile))
        while len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return kept

    def find(self, account: str, profile: str, revision: str) -> Kept | None:
        """Return the preview of a profile as it is now; None: there is none, or it is too old."""
        kept = self._kept.get((account, profile))
        if kept is None or kept.result["revision"] != revision or time.time() - kept.at > _SECONDS:
            return None
        return kept
