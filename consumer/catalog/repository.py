"""Reads an account's configuration from the database, and writes it back where it differs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from consumer.catalog.model.account import (
    AccountCatalog,
    AccountSettings,
    DedupPolicy,
    Definition,
    DefinitionWeight,
    Group,
    Profile,
    ProfileVersion,
)
from consumer.catalog.model.conditions import condition_mapping, conditions_from_json
from schemas.exact_json import exact_json
from schemas.vocabulary import Per, Policy
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable

    import asyncpg

    from consumer.infra.postgres.connection import Connection


async def newest_revision(connection: Connection) -> int:
    """Return the revision of the installation."""
    revision: int = await connection.fetchval(queries("catalog")["newest_revision"])
    return revision


async def changed_since(connection: Connection, account: str, revision: int) -> bool:
    """Return whether the configuration of an account has changed after this revision of the installation."""
    return bool(await connection.fetchval(queries("catalog")["changed_since"], account, revision))


async def lock_uncounted(connection: Connection, account: str) -> None:
    """Lock the definitions of an account that have not counted; batches that count one for the first time wait.

    Those that do so already are waited for. What a later statement reads is then true until the transaction ends.
    """
    await connection.execute(queries("catalog")["lock_uncounted"], account)


async def read(connection: Connection, account: str) -> AccountCatalog:
    """Return an account, without settings if there is none. Several statements: call it in a transaction."""
    statements = queries("catalog")
    row = await connection.fetchrow(statements["read_account"], account)
    if row is None:
        return AccountCatalog(account)
    number = row["id"]
    return AccountCatalog(
        account=account,
        settings=AccountSettings(
            name=row["name"],
            engagement=row["engagement"],
            sales=row["sales"],
            retention_seconds=row["retention_seconds"],
            time_zone=row["time_zone"],
            count_robots=row["count_robots"],
        ),
        groups={
            each["key"]: Group(each["key"], each["name"], each["icon"])
            for each in await connection.fetch(statements["read_groups"], number)
        },
        definitions={
            each["key"]: _definition(each)
            for each in await connection.fetch(statements["read_definitions"], number)
        },
        profiles=await _profiles(connection, number),
        has_history=row["has_history"],
    )


def _definition(row: asyncpg.Record) -> Definition:
    return Definition(
        key=row["key"],
        name=row["name"],
        group=row["group_key"],
        icon=row["icon"],
        default_points=row["default_points"],
        events=tuple(row["events"]),
        active=row["active"],
        when=conditions_from_json(row["conditions"]),
        dedup=DedupPolicy(Policy(row["policy"]), row["interval_seconds"], Per(row["per"])),
        xp=row["xp"],
        edition=row["edition"],
        counted=row["counted"],
    )


async def _profiles(connection: Connection, account: int) -> dict[str, Profile]:
    statements = queries("catalog")
    versions = {
        (row["profile"], row["state"]): version_of(row)
        for row in await connection.fetch(statements["read_versions"], account)
    }
    return {
        row["key"]: Profile(
            key=row["key"],
            name=row["name"],
            description=row["description"],
            primary=row["is_primary"],
            inherits=row["inherits"],
            weights=json.loads(row["weights"]),
            version=versions.get((row["key"], "published")),
            building=versions.get((row["key"], "building")),
            last_number=row["last_number"],
            publish_runs=row["publish_runs"],
            archived=row["archived"],
            was_published=row["was_published"],
        )
        for row in await connection.fetch(statements["read_profiles"], account)
    }


def version_of(row: asyncpg.Record) -> ProfileVersion:
    """Return the version of a row of `read_versions`."""
    return ProfileVersion(
        number=row["number"],
        inherits=row["inherits"],
        own_weights=json.loads(row["own_weights"]),
        weights={
            key: DefinitionWeight(points, group, joined)
            for key, points, group, joined in json.loads(row["weights"])
        },
    )


async def write(connection: Connection, before: AccountCatalog, after: AccountCatalog, *, by: str) -> None:
    """Write an account where it differs from `before`, in the transaction of a configuration change.

    by: the actor of the publishes that this begins. Raises what asyncpg raises.
    """
    statements = queries("catalog")
    if after.settings is None:
        raise ValueError("an account without settings cannot be written")
    number = await connection.fetchval(
        statements["write_account"], after.account, _json({"": after.settings}.values())
    )
    await connection.execute(statements["write_groups"], number, _json(after.groups.values()))
    await connection.execute(
        statements["write_definitions"], number, _json(map(_definition_row, after.definitions.values()))
    )
    await connection.execute(statements["write_editions"], number)
    await _write_profiles(connection, number, before, after, by)


async def _write_profiles(
    connection: Connection, number: int, before: AccountCatalog, after: AccountCatalog, by: str
) -> None:
    statements = queries("catalog")
    profiles = list(after.profiles.values())
    new_versions = [
        row for profile in profiles for row in _new_versions(before.profiles.get(profile.key), profile)
    ]
    primary = next(profile.key for profile in profiles if profile.primary)
    await connection.execute(statements["demote_profiles"], number, primary)
    await connection.execute(statements["write_profiles"], number, _json(map(_profile_row, profiles)))
    weights = [
        {"profile": profile.key, "definition": definition, "weight": weight}
        for profile in profiles
        for definition, weight in profile.weights.items()
    ]
    await connection.execute(statements["write_own_weights"], number, _json(weights))
    await connection.execute(statements["drop_own_weights"], number, _json(weights))
    published = [row["profile"] for row in new_versions if row["state"] == "published"]
    archived = [
        key for key, profile in before.profiles.items() if profile.version and _is_archived(after, key)
    ]
    await connection.execute(statements["retire_versions"], number, [*published, *archived])
    await connection.execute(statements["write_versions"], number, _json(new_versions), by)
    await connection.execute(statements["write_publishes"], number, _json(new_versions), by)
    await connection.execute(statements["write_version_weights"], number, _json(_weight_rows(profiles)))
    await connection.execute(statements["write_overall_scores"], number, published)
    await connection.execute(statements["drop_retired_scores"], number, published)


def _is_archived(catalog: AccountCatalog, key: str) -> bool:
    return key in catalog.profiles and catalog.profiles[key].archived


def _new_versions(before: Profile | None, after: Profile) -> Iterable[dict[str, Any]]:
    """Yield the new versions of a profile: published at once, or to be built."""
    for state, old, new in (
        ("published", before and before.version, after.version),
        ("building", before and before.building, after.building),
    ):
        if new is not None and new.number != (old.number if old else None):
            yield _row(new) | {"profile": after.key, "state": state}


async def delete_removed(connection: Connection, before: AccountCatalog, after: AccountCatalog) -> None:
    """Delete profiles, definitions and groups that `after` lacks; call it after `write`, when no row needs them.

    A profile must never have been published, and a definition must not have history: this is not checked here.
    Raises what asyncpg raises.
    """
    statements = queries("catalog")
    for name, old, new in (
        ("drop_profiles", before.profiles, after.profiles),
        ("drop_definitions", before.definitions, after.definitions),
        ("drop_groups", before.groups, after.groups),
    ):
        await connection.execute(statements[name], after.account, [*old.keys() - new.keys()])


def _definition_row(definition: Definition) -> dict[str, Any]:
    row = _row(definition) | _row(definition.dedup)
    row["conditions"] = [condition_mapping(condition) for condition in definition.when]
    return row


def _profile_row(profile: Profile) -> dict[str, Any]:
    published = profile.version.number if profile.version else None
    return _row(profile) | {"is_primary": profile.primary, "published_version": published}


def _weight_rows(profiles: list[Profile]) -> Iterable[dict[str, Any]]:
    for profile in profiles:
        for version in filter(None, (profile.version, profile.building)):
            for definition, weight in version.weights.items():
                yield _row(weight) | {
                    "profile": profile.key,
                    "number": version.number,
                    "definition": definition,
                }


def _row(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _json(rows: Iterable[Any]) -> str:
    """Return rows as a JSON list, each with its position, with exact numbers."""
    listed = [row if isinstance(row, dict) else _row(row) for row in rows]
    return exact_json([{**row, "position": place} for place, row in enumerate(listed)])
