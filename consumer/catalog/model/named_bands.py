"""Which bands segments name, and whether a change of the configuration takes one away (semantics 5.35). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.domain.frame import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from consumer.catalog.model.account import AccountCatalog, NamedBand, Profile, ProfileVersion


class BandInUseError(Exception):
    """Segments name bands that a version lacks; the message says which."""


def bands_taken_away(before: AccountCatalog, after: AccountCatalog) -> dict[str, list[NamedBand]]:
    """Return by profile the bands that segments name and that a change leaves them without."""
    taken = {
        key: [
            named
            for named in _named_of(after, profile)
            if any(lacks(version, named) for version in _new_versions(before.profiles.get(key), profile))
        ]
        for key, profile in after.profiles.items()
    }
    return {key: named for key, named in taken.items() if named}


def bands_lacking(catalog: AccountCatalog, profile: Profile, version: ProfileVersion) -> list[NamedBand]:
    """Return the bands that segments name of a profile and that a version of it lacks."""
    return [named for named in _named_of(catalog, profile) if lacks(version, named)]


def lacks(version: ProfileVersion, named: NamedBand) -> bool:
    """Return whether a version has no such band."""
    frame = version.overall if named.group is None else version.groups.get(named.group, PLAIN)
    return frame.band_range(named.band) is None


def why_refused(profile: str, taken: Iterable[NamedBand]) -> str:
    """Return why a version is not published: the bands that it lacks, each with the segments that name it."""
    listed = ", ".join(
        f"{band} of {'overall' if group is None else f'group {group}'} ({', '.join(segments)})"
        for (group, band), segments in segments_by_band(taken).items()
    )
    return f"profile {profile}: segments use bands that it would not have, change them first: {listed}"


def segments_by_band(named_bands: Iterable[NamedBand]) -> dict[tuple[str | None, str], list[str]]:
    """Return the segments that name a band, by group and band."""
    segments: dict[tuple[str | None, str], list[str]] = {}
    for named in named_bands:
        segments.setdefault((named.group, named.band), []).append(named.segment)
    return segments


def _named_of(catalog: AccountCatalog, profile: Profile) -> Iterator[NamedBand]:
    for named in catalog.named_bands:
        if named.profile == profile.key or (named.profile is None and profile.primary):
            yield named


def _new_versions(before: Profile | None, after: Profile) -> list[ProfileVersion]:
    """Return the versions that a segment on the profile did not mean before a change, and means after it."""
    versions = [version for version in (after.version, after.building) if version is not None]
    if before is None or (after.primary and not before.primary):
        return versions
    known = {version.number for version in (before.version, before.building) if version is not None}
    return [version for version in versions if version.number not in known]
