"""Computes profile versions (semantics §5): the next one of a draft, and definitions that join one. Pure.

A publish takes effect at once while all scores are 0. Otherwise the version is `building`, and
consumer/scoring/profile_publish/ builds its scores.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from consumer.catalog.model.account import DefinitionWeight, ProfileVersion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.catalog.model.account import Definition, Profile


def draft_version(profile: Profile, definitions: Mapping[str, Definition]) -> ProfileVersion:
    """Return the version that publishing the profile now would create."""
    return ProfileVersion(
        number=profile.last_number + 1,
        inherits=profile.inherits,
        own_weights=dict(profile.weights),
        weights={
            definition.key: DefinitionWeight(
                points(definition, profile.inherits, profile.weights), definition.group
            )
            for definition in definitions.values()
        },
        overall=profile.overall,
        groups=dict(profile.groups),
    )


def points(definition: Definition, inherits: bool, own_weights: Mapping[str, int]) -> int:
    """Return the points of a definition in a draft or version with these own weights."""
    return own_weights.get(definition.key, definition.default_points if inherits else 0)


def same_content(published: ProfileVersion, draft: ProfileVersion) -> bool:
    """Return True if publishing the draft would change nothing."""
    return (
        published.inherits == draft.inherits
        and published.own_weights == draft.own_weights
        and published.overall == draft.overall
        and published.groups == draft.groups
        and all(published_weight(published, key, weight) == weight for key, weight in draft.weights.items())
    )


def is_draft_published(profile: Profile, definitions: Mapping[str, Definition]) -> bool:
    """Return True if readers see the profile's draft."""
    return profile.version is not None and same_content(profile.version, draft_version(profile, definitions))


def published_weight(published: ProfileVersion, key: str, draft: DefinitionWeight) -> DefinitionWeight:
    """Return a definition's weight in a published version, comparable with its weight in the draft.

    A definition without a weight in the version scores 0, in the draft's group.
    """
    weight = published.weights.get(key) or DefinitionWeight(0, draft.group)
    # Asked for each definition under each profile; `replace` takes several times as long.
    return DefinitionWeight(weight.points, weight.group) if weight.joined else weight


def with_new_definitions(version: ProfileVersion, definitions: Mapping[str, Definition]) -> ProfileVersion:
    """Return the version with the definitions created since it was published.

    They join if it inherits, and follow the catalog's points and group until they first count.
    """
    weights = dict(version.weights)
    for definition in definitions.values():
        known = weights.get(definition.key)
        joins = version.inherits if known is None else known.joined and not definition.counted
        if joins:
            joined_points = points(definition, version.inherits, version.own_weights)
            weights[definition.key] = DefinitionWeight(joined_points, definition.group, joined=True)
    return replace(version, weights=weights)


def publish_if_wanted(
    profile: Profile, definitions: Mapping[str, Definition], *, wanted: bool, has_history: bool
) -> Profile:
    """Return the profile published, or with a version being built, if that is wanted and changes anything.

    A primary profile that was never published is published even if not wanted, an archived one never. While a
    publish runs no other one begins; differences from its version are pending.
    """
    if profile.archived:
        return profile
    current, building = (
        with_new_definitions(version, definitions) if version else None
        for version in (profile.version, profile.building)
    )
    after = replace(profile, version=current, building=building)
    draft = draft_version(profile, definitions)
    must = profile.primary and after.target_version is None
    if profile.publish_runs or not (wanted or must) or (current and same_content(current, draft)):
        return after
    if has_history:
        return replace(after, building=draft, last_number=draft.number, publish_runs=True)
    return replace(after, version=draft, last_number=draft.number)
