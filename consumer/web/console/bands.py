"""The bands of a profile's version, from the coldest to the warmest, as pages show them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from consumer.web.console.api_client import part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.web.console.api_client import ApiClient
    from consumer.web.console.visit import Visit


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


async def read_bands(visit: Visit, profile: str, version: int) -> Bands:
    """Return the bands of a published version. Raises ApiProblem."""
    return await ask_for_bands(visit.api, profile, version)


async def ask_for_bands(api: ApiClient, profile: str, version: int) -> Bands:
    """Return the bands of a published version, by an API client of the account. Raises ApiProblem."""
    found = (await api.get(f"profiles/{part(profile)}/versions/{version}")).body
    return Bands(
        _ranges(found["overall"]), {group: _ranges(frame) for group, frame in found["groups"].items()}
    )


def _ranges(frame: Mapping[str, Any]) -> list[tuple[str, int | None]]:
    return [(band["key"], band["min"]) for band in frame["bands"]]
