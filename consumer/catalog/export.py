"""Exports an account as one document: byte-stable, and without a difference when applied again.

It writes every field, those with default values too, always in the same order.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from consumer.catalog import repository
from consumer.catalog.document.fields import duration_text
from consumer.catalog.model import profile_versions
from consumer.catalog.model.conditions import condition_mapping
from consumer.catalog.model.frames import frame_mapping, frames_mapping
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from consumer.catalog.model.account import (
        AccountCatalog,
        AccountSettings,
        DedupPolicy,
        Definition,
        Group,
        Profile,
    )
    from consumer.infra.postgres.connection import Connection

# Text that every YAML parser reads as that text; all other text is quoted.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")
_RESERVED = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
_DURATION = re.compile(r"[0-9]+[smhd]")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


async def export_document(connection: Connection, account: str | None = None) -> str:
    """Return an account's document; without a key, of the only account.

    A profile is `published: true` if readers see its draft. With changes that wait for a publish it is
    `published: false`, so that applying the document does not publish them. Raises LookupError, with a message for
    people, where there is no such account.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        keys = [row["key"] for row in await connection.fetch(queries("catalog")["list_accounts"])]
        if account is None and len(keys) != 1:
            raise LookupError(
                "there is no account yet" if not keys else "there are several accounts: name one"
            )
        catalog = await repository.read(connection, account or keys[0])
    if catalog.settings is None:
        raise LookupError(f"there is no account {account}")
    return document_text(catalog, catalog.settings)


def document_text(catalog: AccountCatalog, settings: AccountSettings) -> str:
    """Return the document of an account with these settings."""
    return "".join(f"{line}\n" for line in _document(catalog, settings))


def _document(catalog: AccountCatalog, settings: AccountSettings) -> Iterator[str]:
    yield from _fields({"engagement_catalog": 1, "account": catalog.account, **settings_mapping(settings)})
    yield from _section("groups", [group_mapping(each) for each in catalog.groups.values()])
    yield from _section("definitions", [definition_mapping(each) for each in catalog.definitions.values()])
    # Of an archived profile a document would be refused.
    profiles = [each for each in catalog.profiles.values() if not each.archived]
    yield from _section("profiles", [_profile(each, catalog) for each in profiles])


def settings_mapping(settings: AccountSettings) -> dict[str, Any]:
    """Return an account's own fields in the form of a document."""
    retention = settings.retention_seconds
    return {
        "name": settings.name,
        "engagement": settings.engagement,
        "sales": settings.sales,
        "retention": None if retention is None else duration_text(retention),
        "time_zone": settings.time_zone,
        "count_robots": settings.count_robots,
    }


def group_mapping(group: Group) -> dict[str, Any]:
    """Return a group in the form of a document."""
    return {"key": group.key, "name": group.name, "icon": group.icon}


def definition_mapping(definition: Definition) -> dict[str, Any]:
    """Return a definition in the form of a document."""
    return {
        "key": definition.key,
        "name": definition.name,
        "group": definition.group,
        "icon": definition.icon,
        "default_points": definition.default_points,
        "active": definition.active,
        "events": definition.events,
        "when": [condition_mapping(condition) for condition in definition.when],
        "dedup": dedup_mapping(definition.dedup),
        "xp": definition.xp,
    }


def dedup_mapping(dedup: DedupPolicy) -> dict[str, str]:
    """Return a dedup policy in the form of a document."""
    interval = {"interval": duration_text(dedup.interval_seconds)} if dedup.interval_seconds else {}
    return {"policy": dedup.policy.value, **interval, "per": dedup.per.value}


def _profile(profile: Profile, catalog: AccountCatalog) -> dict[str, Any]:
    return {
        "key": profile.key,
        "name": profile.name,
        "description": profile.description,
        "primary": profile.primary,
        "inherits": profile.inherits,
        "published": profile_versions.is_draft_published(profile, catalog.definitions),
        "weights": dict(sorted(profile.weights.items())),
        "overall": frame_mapping(profile.overall),
        "groups": frames_mapping(profile.groups),
    }


def _section(name: str, entries: list[dict[str, Any]]) -> Iterator[str]:
    if not entries:
        yield f"{name}: []"
        return
    yield f"{name}:"
    for entry in entries:
        for number, line in enumerate(_fields(entry)):
            yield f"    {line}" if number else f"  - {line}"


def _fields(mapping: Mapping[str, Any]) -> Iterator[str]:
    for name, value in mapping.items():
        yield f"{name}: {yaml_value(value)}"


def yaml_value(value: Any) -> str:
    """Return a value as YAML on one line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{yaml_value(name)}: {yaml_value(each)}" for name, each in value.items()) + "}"
        )
    return "[" + ", ".join(map(yaml_value, value)) + "]"


def _text(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _RESERVED
    if plain or _DURATION.fullmatch(text):
        return str(text)
    return '"' + "".join(map(_character, text)) + '"'


def _character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    # Editors and parsers refuse, fold or lose characters that are not printable.
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - what four digits hold
