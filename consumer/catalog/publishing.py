"""What a profile's published version is, and what it would be if it were published now (semantics §5).

Owns how weights come about, joining and following, and when a publish takes effect. Pure; never touches scores.

Building the scores of contacts anew under another version is not done here, so that a profile is published only
while no score of its account can differ from 0; what cannot be published yet is pending.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from consumer.catalog.state import Version, Weight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.catalog.state import Definition, Profile


def draft_version(profile: Profile, definitions: Mapping[str, Definition]) -> Version:
    """Return the version that publishing the profile now would make."""
    return Version(
        number=profile.version.number + 1 if profile.version else 1,
        inherits=profile.inherits,
        own_weights=dict(profile.weights),
        weights={
            definition.key: Weight(_points(definition, profile.inherits, profile.weights), definition.group)
            for definition in definitions.values()
        },
    )


def _points(definition: Definition, inherits: bool, own_weights: Mapping[str, int]) -> int:
    return own_weights.get(definition.key, definition.default_points if inherits else 0)


def says_the_same(published: Version, draft: Version) -> bool:
    """Tell whether publishing the draft would change nothing."""
    return (
        published.inherits == draft.inherits
        and published.own_weights == draft.own_weights
        and all(effective(published, key, weight) == weight for key, weight in draft.weights.items())
    )


def is_published_as_drafted(profile: Profile, definitions: Mapping[str, Definition]) -> bool:
    """Tell whether readers of a profile see what its draft says."""
    return profile.version is not None and says_the_same(profile.version, draft_version(profile, definitions))


def effective(published: Version, key: str, draft: Weight) -> Weight:
    """Return what a definition counts for under a published version, to be compared with its draft weight.

    One that the version does not know scores nothing, wherever it belongs.
    """
    return replace(published.weights.get(key, Weight(0, draft.group)), joined=False)


def following(version: Version, definitions: Mapping[str, Definition]) -> Version:
    """Return the version with the definitions created since it was published.

    They join where it inherits, and follow the catalog's points and group until they first count.
    """
    weights = dict(version.weights)
    for definition in definitions.values():
        known = weights.get(definition.key)
        joins = version.inherits if known is None else known.joined and not definition.counted
        if joins:
            points = _points(definition, version.inherits, version.own_weights)
            weights[definition.key] = Weight(points, definition.group, joined=True)
    return replace(version, weights=weights)


def publish(
    profile: Profile, definitions: Mapping[str, Definition], *, wanted: bool, has_history: bool
) -> Profile:
    """Return the profile after a document: published if that is wanted, changes anything and can be done.

    A primary profile that was never published is, whatever is wanted.
    """
    current = following(profile.version, definitions) if profile.version else None
    draft = draft_version(profile, definitions)
    must = profile.primary and current is None
    if (wanted or must) and not has_history and (current is None or not says_the_same(current, draft)):
        return replace(profile, version=draft)
    return replace(profile, version=current)
