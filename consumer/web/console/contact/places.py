"""Groups as pages show them: with name, icon and a colour by their place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Place:
    """A group among those of the account. hue: gives its colour."""

    name: str
    icon: str | None
    hue: int


def places_of(groups: Iterable[Mapping[str, Any]]) -> dict[str, Place]:
    """Return the API's groups by key."""
    return {group["key"]: Place(group["name"], group["icon"], number) for number, group in enumerate(groups)}
