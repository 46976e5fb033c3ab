"""How much an account may configure: limits from settings, and the rule by which a change is refused. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from consumer.infra.settings import Settings, variable

if TYPE_CHECKING:
    from typing import Self

_COUNTED = {
    "max_definitions": "definitions",
    "max_groups": "groups",
    "max_profiles": "profiles",
    "max_profile_weights": "own weights",
    "max_segments": "segments",
    "max_definition_events": "events",
    "max_definition_conditions": "conditions",
    "max_type_definitions": "active definitions",
}


@dataclass(frozen=True, slots=True)
class CatalogLimits:
    """The largest counts allowed, each by the name of its setting."""

    max_definitions: int
    max_groups: int
    max_profiles: int
    max_profile_weights: int
    max_segments: int
    max_definition_events: int
    max_definition_conditions: int
    max_type_definitions: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the limits that settings name."""
        return cls(**{each.name: getattr(settings, each.name) for each in fields(cls)})

    def allowed(self, name: str, before: int) -> int:
        """Return the largest count allowed now: a count that exceeds its limit already may stay or shrink."""
        limit: int = getattr(self, name)
        return max(limit, before)

    def refusal(self, name: str, before: int, after: int) -> str | None:
        """Return why a count must not change like this, as "would have …"; None if it may.

        name: the limit's setting.
        """
        if after <= self.allowed(name, before):
            return None
        limit = getattr(self, name)
        return f"would have {after} {_COUNTED[name]}, more than the limit of {limit} ({variable(name)})"


DEFAULT_LIMITS = CatalogLimits(
    **{each.name: Settings.model_fields[each.name].default for each in fields(CatalogLimits)}
)
