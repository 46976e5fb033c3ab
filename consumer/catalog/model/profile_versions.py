"""What a profile's published version is, and what it would be if it were published now (semantics §5).

Owns how weights come about, joining and following, and whether a publish takes effect at once. Pure; never touches
scores: where any may differ from 0 the version begins to be built, and consumer/publishing/ goes on from there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from consumer.catalog.model.account import DefinitionWeight, ProfileVersion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.catalog.model.account import Definition, Profile


def draft_version(profile: Profile, definitions: Mapping[str, Definition]) -> ProfileVersion:
    """Return the version that publishing the profile now would make."""
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
    )


def points(definition: Definition, inherits: bool, own_weights: Mapping[str, int]) -> int:
    """Return what a definition counts for under a draft or version with these weights of its own."""
    return own_weights.get(definition.key, definition.default_points if inherits else 0)


def same_content(published: ProfileVersion, draft: ProfileVersion) -> bool:
    """Tell whether publishing the draft would change nothing."""
    return (
        published.inherits == draft.inherits
        and published.own_weights == draft.own_weights
        and all(published_weight(published, key, weight) == weight for key, weight in draft.weights.items())
    )


def is_draft_published(profile: Profile, definitions: Mapping[str, Definition]) -> bool:
    """Tell whether readers of a profile see what its draft says."""
    return profile.version is not None and same_content(profile.version, draft_version(profile, definitions))


def published_weight(published: ProfileVersion, key: str, draft: DefinitionWeight) -> DefinitionWeight:
    """Return what a definition counts for under a published version, to be compared with its draft weight.

    One that the version does not know scores nothing, wherever it belongs.
    """
    return replace(published.weights.get(key, DefinitionWeight(0, draft.group)), joined=False)


def with_new_definitions(version: ProfileVersion, definitions: Mapping[str, Definition]) -> ProfileVersion:
    """Return the version with the definitions created since it was published.

    They join where it inherits, and follow the catalog's points and group until they first count.
    """
    weights = dict(version.weights)
    for definition in definitions.values():
        known = weights.get(definition.key)
        joins = version.inherits if known is None else known.joined and not definition.counted
        if joins:
            counts_for = points(definition, version.inherits, version.own_weights)
            weights[definition.key] = DefinitionWeight(counts_for, definition.group, joined=True)
    return replace(version, weights=weights)


def publish_if_wanted(
    profile: Profile, definitions: Mapping[str, Definition], *, wanted: bool, has_history: bool
) -> Profile:
    """Return the profile after a document: published, or about to be, if that is wanted and changes anything.

    A primary profile that was never published is, whatever is wanted. Before a publish has ended another one
    does not begin; what it does not bring is pending.
    """
    current, building = (
        with_new_definitions(version, definitions) if version else None
        for version in (profile.version, profile.building)
    )
    after = replace(profile, version=current, building=building)
    draft = draft_version(profile, definitions)
    must = profile.primary and after.coming is None
    if profile.publish_runs or not (wanted or must) or (current and same_content(current, draft)):
        return after
    if has_history:
        return replace(after, building=draft, last_number=draft.number, publish_runs=True)
    return replace(after, version=draft, last_number=draft.number)
