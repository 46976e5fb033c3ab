"""An account as one document: byte for byte the same while nothing changes, and applied without a difference.

Owns how a document is written, every field in its usual place. Never leaves out what has a default: the document
says everything, so it can be read on its own.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from consumer.catalog import repository
from consumer.catalog.document.fields import duration_text
from consumer.catalog.model import profile_versions
from consumer.catalog.model.conditions import as_mapping
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

# Text that every YAML parser reads as that text; anything else is quoted.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")
_RESERVED = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
_DURATION = re.compile(r"[0-9]+[smhd]")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


async def export_document(connection: Connection, account: str | None = None) -> str:
    """Return an account's document; without a key, of the only account there is.

    A profile is written as published where readers see what its draft says: one with changes that wait for a
    publish is `published: false`, so that they go on waiting when the document is applied. Raises LookupError,
    with a line for people, where there is no such account.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        keys = [row["key"] for row in await connection.fetch(queries("catalog")["list_accounts"])]
        if account is None and len(keys) != 1:
            raise LookupError(
                "there is no account yet" if not keys else "there are several accounts: name one"
            )
        state = await repository.read(connection, account or keys[0])
    if state.settings is None:
        raise LookupError(f"there is no account {account}")
    return document_text(state, state.settings)


def document_text(state: AccountCatalog, settings: AccountSettings) -> str:
    """Return the document of an account with these settings."""
    return "".join(f"{line}\n" for line in _document(state, settings))


def _document(state: AccountCatalog, settings: AccountSettings) -> Iterator[str]:
    yield from _fields({"engagement_catalog": 1, "account": state.account, **settings_mapping(settings)})
    yield from _section("groups", [group_mapping(each) for each in state.groups.values()])
    yield from _section("definitions", [definition_mapping(each) for each in state.definitions.values()])
    yield from _section("profiles", [_profile(each, state) for each in state.profiles.values()])


def settings_mapping(settings: AccountSettings) -> dict[str, Any]:
    """Return an account's own fields as they stand in a document."""
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
    """Return a group as it stands in a document."""
    return {"key": group.key, "name": group.name, "icon": group.icon}


def definition_mapping(definition: Definition) -> dict[str, Any]:
    """Return a definition as it stands in a document."""
    return {
        "key": definition.key,
        "name": definition.name,
        "group": definition.group,
        "icon": definition.icon,
        "default_points": definition.default_points,
        "active": definition.active,
        "events": definition.events,
        "when": [as_mapping(condition) for condition in definition.when],
        "dedup": dedup_mapping(definition.dedup),
        "xp": definition.xp,
    }


def dedup_mapping(dedup: DedupPolicy) -> dict[str, str]:
    """Return a dedup policy as it stands in a document."""
    interval = {"interval": duration_text(dedup.interval_seconds)} if dedup.interval_seconds else {}
    return {"policy": dedup.policy.value, **interval, "per": dedup.per.value}


def _profile(profile: Profile, state: AccountCatalog) -> dict[str, Any]:
    return {
        "key": profile.key,
        "name": profile.name,
        "description": profile.description,
        "primary": profile.primary,
        "inherits": profile.inherits,
        "published": profile_versions.is_draft_published(profile, state.definitions),
        "weights": dict(sorted(profile.weights.items())),
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
    # What is not printable would be refused, folded or lost on the way through an editor.
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - what four digits hold
