"""Reads an account's configuration from the database: the whole of it, or what a request is about.

An account may have thousands of definitions, with weights in each of its profiles. Rows become objects in another
thread, since the event loop would stand still meanwhile.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from consumer.catalog.model.account import (
    AccountCatalog,
    AccountSettings,
    DedupPolicy,
    Definition,
    DefinitionWeight,
    Group,
    NamedBand,
    Profile,
    ProfileVersion,
    Rest,
)
from consumer.catalog.model.conditions import conditions_from_json
from consumer.catalog.model.frames import frame_from_mapping
from consumer.domain.frame import PLAIN, Band, Frame
from consumer.infra.postgres.connection import fetch_one
from schemas.vocabulary import Per, Policy
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import asyncpg

    from consumer.infra.postgres.connection import Connection

_SQL = queries("catalog_reads")


@dataclass(frozen=True, slots=True)
class Scope:
    """What of an account to read. definitions, profiles: by key, also of those to be created; None: all.

    Groups and settings are always read. Of definitions left out, profiles have no weights either.
    """

    definitions: Collection[str] | None = None
    profiles: Collection[str] | None = None


WHOLE = Scope()
# So many definitions have their weights looked up one by one; of more, all weights are read, which is faster.
_LOOKED_UP = 100
# The account's own fields and its groups.
SETTINGS = Scope(definitions=(), profiles=())


async def newest_revision(connection: Connection) -> int:
    """Return the revision of the installation."""
    revision: int = await connection.fetchval(queries("catalog")["newest_revision"])
    return revision


async def changed_since(connection: Connection, account: str, revision: int) -> bool:
    """Return whether the configuration of an account has changed after this revision of the installation."""
    return bool(await connection.fetchval(queries("catalog")["changed_since"], account, revision))


async def lock_uncounted(connection: Connection, account: str, scope: Scope) -> None:
    """Lock the definitions of a scope that have not counted; batches that count one for the first time wait.

    Those that do so already are waited for. What a later statement reads is then true until the transaction ends.
    """
    keys = None if scope.definitions is None else list(scope.definitions)
    await connection.execute(queries("catalog")["lock_uncounted"], account, keys)


async def lock_segments(connection: Connection, account: str) -> None:
    """Keep an account's segments as they are, and others from being created, until the transaction ends."""
    await connection.execute(queries("catalog")["lock_segments"], account)


async def definition_keys(connection: Connection, account: int) -> list[str]:
    """Return the keys of an account's definitions in display order. account: its number."""
    return [row["key"] for row in await connection.fetch(_SQL["definition_keys"], account)]


async def read(
    connection: Connection, account: str, scope: Scope = WHOLE, *, with_rest: bool = False
) -> AccountCatalog:
    """Return an account, without settings if there is none. Several statements: call it in a transaction.

    with_rest: count what the scope leaves out, for changes.
    """
    row = await connection.fetchrow(_SQL["account"], account)
    if row is None:
        return AccountCatalog(account)
    rows = _Rows(row, await connection.fetch(_SQL["groups"], row["id"]))
    if scope.definitions is None or scope.definitions:
        keys = None if scope.definitions is None else list(scope.definitions)
        rows.definitions = await connection.fetch(_SQL["definitions"], row["id"], keys)
    if scope.profiles is None or scope.profiles:
        await _fetch_profiles(connection, rows, scope)
        # It matters where a version may be published, which has the weights of all definitions.
        if scope.definitions is None:
            rows.has_history = await connection.fetchval(_SQL["has_history"], row["id"])
            rows.named_bands = await connection.fetch(_SQL["named_bands"], row["id"])
    if with_rest and scope != WHOLE:
        await _fetch_rest(connection, rows, scope)
    return await asyncio.to_thread(_catalog, account, rows, scope)


@dataclass(slots=True)
class _Rows:
    """The rows of an account. definitions, profiles, versions: of the scope."""

    account: asyncpg.Record
    groups: list[asyncpg.Record]
    definitions: list[asyncpg.Record] = field(default_factory=list)
    profiles: list[asyncpg.Record] = field(default_factory=list)
    versions: list[asyncpg.Record] = field(default_factory=list)
    has_history: bool = False
    named_bands: list[asyncpg.Record] = field(default_factory=list)
    rest: Rest = field(default_factory=Rest)


async def _fetch_profiles(connection: Connection, rows: _Rows, scope: Scope) -> None:
    account = rows.account["id"]
    profiles = None if scope.profiles is None else list(scope.profiles)
    if scope.definitions is None or len(scope.definitions) > _LOOKED_UP:
        rows.profiles = await connection.fetch(_SQL["profiles"], account, profiles)
        rows.versions = await connection.fetch(_SQL["versions"], account, profiles)
        return
    keys = list(scope.definitions)
    rows.profiles = await connection.fetch(_SQL["profiles_of_definitions"], account, profiles, keys)
    single = None if len(keys) > 1 else "".join(keys)
    numbers = [row["id"] for row in rows.definitions]
    rows.versions = await connection.fetch(
        _SQL["versions_of_definitions"], account, profiles, numbers, single
    )


async def _fetch_rest(connection: Connection, rows: _Rows, scope: Scope) -> None:
    account = rows.account["id"]
    definitions, profiles = (
        None if keys is None else list(keys) for keys in (scope.definitions, scope.profiles)
    )
    counts = await fetch_one(connection, _SQL["rest"], account, definitions, profiles)
    types = await connection.fetch(_SQL["types_of_rest"], account, definitions) if definitions else []
    rows.rest = Rest(
        definitions=counts["definitions"],
        types={row["type"]: row["count"] for row in types},
        profiles=counts["profiles"],
        primary=counts["primary"],
    )


def _catalog(account: str, rows: _Rows, scope: Scope) -> AccountCatalog:
    own = rows.account
    wanted = None if scope.definitions is None else frozenset(scope.definitions)
    group_keys = {row["id"]: row["key"] for row in rows.groups}
    definition_keys = {row["id"]: row["key"] for row in rows.definitions}
    versions = {
        (row["profile"], row["state"]): _version(row, definition_keys, group_keys) for row in rows.versions
    }
    return AccountCatalog(
        account=account,
        settings=AccountSettings(
            name=own["name"],
            engagement=own["engagement"],
            sales=own["sales"],
            retention_seconds=own["retention_seconds"],
            time_zone=own["time_zone"],
            count_robots=own["count_robots"],
        ),
        groups={
            row["key"]: Group(row["key"], row["name"], row["icon"])
            for row in rows.groups
            if not row["deleted"]
        },
        definitions={row["key"]: _definition(row, group_keys) for row in rows.definitions},
        profiles={
            row["key"]: Profile(
                key=row["key"],
                name=row["name"],
                description=row["description"],
                primary=row["is_primary"],
                inherits=row["inherits"],
                weights={
                    key: weight
                    for key, weight in zip(row["keys"] or (), row["weights"] or (), strict=True)
                    if wanted is None or key in wanted
                },
                **_draft_frames(json.loads(row["frames"])),
                version=versions.get((row["key"], "published")),
                building=versions.get((row["key"], "building")),
                last_number=row["last_number"],
                publish_runs=row["publish_runs"],
                archived=row["archived"],
                was_published=row["was_published"],
            )
            for row in rows.profiles
        },
        has_history=rows.has_history,
        named_bands=tuple(NamedBand(**each) for each in rows.named_bands),
        rest=rows.rest,
    )


def _definition(row: asyncpg.Record, group_keys: Mapping[int, str]) -> Definition:
    return Definition(
        key=row["key"],
        name=row["name"],
        group=group_keys[row["group_id"]],
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


def _version(
    row: asyncpg.Record, definition_keys: Mapping[int, str], group_keys: Mapping[int, str]
) -> ProfileVersion:
    """Return the version of a row of `versions`, its weights in the order of the definitions."""
    columns: list[Any] = [row[name] or () for name in ("definitions", "weights", "groups", "joined")]
    weights = {
        number: DefinitionWeight(points, group_keys[group], joined)
        for number, points, group, joined in zip(*columns, strict=True)
    }
    return ProfileVersion(
        number=row["number"],
        inherits=row["inherits"],
        own_weights=json.loads(row["own_weights"]),
        weights={key: weights[number] for number, key in definition_keys.items() if number in weights},
        **_version_frames((group_keys.get(each[0]), *each[1:]) for each in json.loads(row["frames"])),
    )


def version_of(row: asyncpg.Record) -> ProfileVersion:
    """Return the version of a row of `versions` in publish.sql, whose weights are a list of JSON by key."""
    return ProfileVersion(
        number=row["number"],
        inherits=row["inherits"],
        own_weights=json.loads(row["own_weights"]),
        weights={
            key: DefinitionWeight(points, group, joined)
            for key, points, group, joined in json.loads(row["weights"])
        },
        **_version_frames(json.loads(row["frames"])),
    )


def _draft_frames(stored: Mapping[str, Any]) -> dict[str, Any]:
    groups = {key: frame_from_mapping(each) for key, each in stored.get("groups", {}).items()}
    return {"overall": frame_from_mapping(stored.get("overall", {})), "groups": groups}


def _version_frames(rows: Iterable[Any]) -> dict[str, Any]:
    """Return `overall` and `groups`; rows: group by key (None: overall), floor, cap, apart, bands, leasts."""
    frames = {
        group: Frame(
            floor,
            cap,
            apart,
            tuple(
                Band(key, least if place else None)
                for place, (key, least) in enumerate(zip(keys or (), leasts or (), strict=True))
            ),
        )
        for group, floor, cap, apart, keys, leasts in rows
    }
    return {"overall": frames.pop(None, PLAIN), "groups": frames}
