"""Writes an account's configuration where it differs from what was read: changed rows, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from consumer.catalog.model.conditions import condition_mapping
from consumer.catalog.model.frames import frame_mapping, frames_mapping
from consumer.domain.frame import PLAIN
from schemas.exact_json import exact_json
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from consumer.catalog.model.account import AccountCatalog, Definition, Profile, ProfileVersion
    from consumer.infra.postgres.connection import Connection

Entry = TypeVar("Entry")

_SQL = queries("catalog")
_LEAST = -(2**63)


async def write(connection: Connection, before: AccountCatalog, after: AccountCatalog, *, by: str) -> None:
    """Write an account where it differs from `before`, in the transaction of a configuration change.

    before: as it is stored, read under the account's lock. by: the actor of the publishes that this begins. Raises
    what asyncpg raises.
    """
    if after.settings is None:
        raise ValueError("an account without settings cannot be written")
    if before.settings == after.settings:
        number = await connection.fetchval(_SQL["account_number"], after.account)
    else:
        rows = _json({"": after.settings}.values())
        number = await connection.fetchval(_SQL["write_account"], after.account, rows)
    await _write_section(connection, number, "groups", before.groups, after.groups)
    written = await _write_section(connection, number, "definitions", before.definitions, after.definitions)
    if written:
        await connection.execute(_SQL["write_editions"], number, written)
    await _write_profiles(connection, number, before, after)
    await _write_versions(connection, number, before, after, by)


async def _write_section(
    connection: Connection,
    number: int,
    section: str,
    before: Mapping[str, Entry],
    after: Mapping[str, Entry],
) -> list[str]:
    """Write the rows of groups, definitions or profiles that differ, and the order; return the keys of the rows."""
    row_of = _ROWS[section]
    rows = {
        key: row_of(entry)
        for key, entry in after.items()
        if key not in before or (entry is not before[key] and row_of(entry) != row_of(before[key]))
    }
    if rows:
        await connection.execute(_SQL[f"write_{section}"], number, _json(rows.values()))
    # New rows come last, unless the order says otherwise.
    usual = [*(key for key in before if key in after), *(key for key in after if key not in before)]
    if usual != list(after):
        await connection.execute(_SQL[f"order_{section}"], number, list(after))
    return list(rows)


async def _write_profiles(
    connection: Connection, number: int, before: AccountCatalog, after: AccountCatalog
) -> None:
    primary = next((key for key, profile in after.profiles.items() if profile.primary), None)
    stored = before.profiles.get(primary) if primary else None
    if primary and not (stored and stored.primary):
        await connection.execute(_SQL["demote_profiles"], number, primary)
    await _write_section(connection, number, "profiles", before.profiles, after.profiles)
    changed, dropped = _changed_own_weights(before, after)
    if changed:
        await connection.execute(_SQL["write_own_weights"], number, _json(changed))
    if dropped:
        await connection.execute(_SQL["drop_own_weights"], number, _json(dropped))


def _changed_own_weights(
    before: AccountCatalog, after: AccountCatalog
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the drafts' own weights that are new or differ, and those that are no longer there."""
    changed, dropped = [], []
    for key, profile in after.profiles.items():
        stored = before.profiles[key].weights if key in before.profiles else {}
        if stored != profile.weights:
            changed += [
                {"profile": key, "definition": definition, "weight": weight}
                for definition, weight in profile.weights.items()
                if stored.get(definition) != weight
            ]
            dropped += [
                {"profile": key, "definition": definition} for definition in stored.keys() - profile.weights
            ]
    return changed, dropped


async def _write_versions(
    connection: Connection, number: int, before: AccountCatalog, after: AccountCatalog, by: str
) -> None:
    new = [
        row
        for profile in after.profiles.values()
        for row in _new_versions(before.profiles.get(profile.key), profile)
    ]
    if new and after.rest.definitions:
        raise ValueError("a version has the weights of all definitions")
    published = [row["profile"] for row in new if row["state"] == "published"]
    archived = [
        key for key, profile in after.profiles.items() if profile.archived and _has_version(before, key)
    ]
    if published or archived:
        await connection.execute(_SQL["retire_versions"], number, [*published, *archived])
    if new:
        await connection.execute(_SQL["write_versions"], number, _json(map(_version_row, new)), by)
        await connection.execute(_SQL["write_publishes"], number, _json(map(_version_row, new)), by)
    if frames := [row for version in new for row in _frame_rows(version)]:
        await connection.execute(_SQL["write_version_groups"], number, _json(frames))
    if weights := [*_changed_weights(before, after)]:
        await connection.execute(_SQL["write_version_weights"], number, _json(weights))
    if published:
        await connection.execute(_SQL["write_overall_scores"], number, published)
        await connection.execute(_SQL["drop_retired_scores"], number, published)


def _has_version(catalog: AccountCatalog, key: str) -> bool:
    return key in catalog.profiles and catalog.profiles[key].version is not None


def _new_versions(before: Profile | None, after: Profile) -> Iterator[dict[str, Any]]:
    """Yield the new versions of a profile: published at once, or to be built."""
    for state, old, new in (
        ("published", before and before.version, after.version),
        ("building", before and before.building, after.building),
    ):
        if new is not None and new.number != (old.number if old else None):
            yield _row(new) | {"profile": after.key, "state": state}


def _version_row(version: Mapping[str, Any]) -> dict[str, Any]:
    """Return a new version without what has rows of its own."""
    return {name: version[name] for name in ("profile", "state", "number", "inherits", "own_weights")}


def _frame_rows(version: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the frames of a new version that are not plain. The first band begins at the least number there is."""
    for group, frame in {None: version["overall"], **version["groups"]}.items():
        if frame != PLAIN:
            yield {
                "profile": version["profile"],
                "number": version["number"],
                "group": group,
                "floor": frame.floor,
                "cap": frame.cap,
                "apart": frame.apart,
                "band_keys": [band.key for band in frame.bands] or None,
                "band_least": [_LEAST if band.least is None else band.least for band in frame.bands] or None,
            }


def _changed_weights(before: AccountCatalog, after: AccountCatalog) -> Iterator[dict[str, Any]]:
    """Yield the weights of new versions, and those that differ in a version that was there."""
    stored = dict(_versions(before))
    for (profile, number), version in _versions(after):
        known = stored[profile, number].weights if (profile, number) in stored else {}
        for definition, weight in version.weights.items() if known != version.weights else ():
            if known.get(definition) != weight:
                yield _row(weight) | {"profile": profile, "number": number, "definition": definition}


def _versions(catalog: AccountCatalog) -> Iterator[tuple[tuple[str, int], ProfileVersion]]:
    for key, profile in catalog.profiles.items():
        for version in (profile.version, profile.building):
            if version:
                yield (key, version.number), version


async def delete_removed(connection: Connection, before: AccountCatalog, after: AccountCatalog) -> None:
    """Delete profiles, definitions and groups that `after` lacks; call it after `write`, when no row needs them.

    A profile must never have been published, and a definition must not have history: this is not checked here.
    Raises what asyncpg raises.
    """
    for name, old, new in (
        ("drop_profiles", before.profiles, after.profiles),
        ("drop_definitions", before.definitions, after.definitions),
        ("drop_groups", before.groups, after.groups),
    ):
        if removed := [*old.keys() - new.keys()]:
            await connection.execute(_SQL[name], after.account, removed)


def _definition_row(definition: Definition) -> dict[str, Any]:
    row = _row(definition) | _row(definition.dedup)
    row["conditions"] = [condition_mapping(condition) for condition in definition.when]
    return row


def _profile_row(profile: Profile) -> dict[str, Any]:
    return {
        "key": profile.key,
        "name": profile.name,
        "description": profile.description,
        "is_primary": profile.primary,
        "inherits": profile.inherits,
        "published_version": profile.version.number if profile.version else None,
        "archived": profile.archived,
        "frames": {"overall": frame_mapping(profile.overall), "groups": frames_mapping(profile.groups)},
    }


def _row(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


_ROWS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "groups": _row,
    "definitions": _definition_row,
    "profiles": _profile_row,
}


def _json(rows: Iterable[Any]) -> str:
    """Return rows as a JSON list, each with its position, with exact numbers."""
    listed = [row if isinstance(row, dict) else _row(row) for row in rows]
    return exact_json([{**row, "position": place} for place, row in enumerate(listed)])
