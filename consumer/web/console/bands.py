"""The bands of a profile's version, from the coldest to the warmest, as pages show them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.api_client import part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.web.console.api_client import ApiClient
    from consumer.web.console.visit import Visit

# Seconds for which bands are remembered: a profile may be deleted, and another made.
_SECONDS: Final = 60.0
# Versions, before all are forgotten.
_MOST: Final = 1_000


@dataclass(frozen=True)
class Bands:
    """overall: each band's key and least points (None for the first), in order. groups: the same, by group."""

    overall: list[tuple[str, int | None]] = field(default_factory=list)
    groups: dict[str, list[tuple[str, int | None]]] = field(default_factory=dict)

    def of(self, group: str | None) -> list[tuple[str, int | None]]:
        """Return the bands of a group; None: of overall. Empty: it has none."""
        return self.overall if group is None else self.groups.get(group, [])

    def place(self, key: str, group: str | None = None) -> int:
        """Return the place of a band, from 0 up."""
        return next((place for place, (each, _) in enumerate(self.of(group)) if each == key), 0)


class KnownBands:
    """The bands of versions that were asked for in the last minute: pages and badges of a list have the same."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, int], tuple[float, Bands]] = {}

    async def of(self, api: ApiClient, account: str, profile: str, version: int) -> Bands:
        """Return the bands of a published version. api: of the account. Raises ApiProblem."""
        key, now = (account, profile, version), time.monotonic()
        until, bands = self._known.get(key, (0.0, Bands()))
        if until <= now:
            found = (await api.get(f"profiles/{part(profile)}/versions/{version}")).body
            groups = {group: _ranges(frame) for group, frame in found["groups"].items()}
            bands = Bands(_ranges(found["overall"]), groups)
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[key] = now + _SECONDS, bands
        return bands


async def read_bands(visit: Visit, profile: str, version: int) -> Bands:
    """Return the bands of a published version, which never change. Raises ApiProblem."""
    known: KnownBands = visit.request.app.state.known_bands
    return await known.of(visit.api, visit.key, profile, version)


def _ranges(frame: Mapping[str, Any]) -> list[tuple[str, int | None]]:
    return [(band["key"], band["min"]) for band in frame["bands"]]
