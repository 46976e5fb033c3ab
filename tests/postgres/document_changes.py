"""Applies and compares parts of a catalog document, and reads the weights that are in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.catalog import apply_document, diff_document, parse_document

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

HEAD = "engagement_catalog: 1\naccount: acme\n"


async def applied(connection: Connection, text: str) -> list[str]:
    """Apply these sections to the account acme and return the lines of the difference."""
    return [str(each) for each in await apply_document(connection, parse_document(HEAD + text))]


async def compared(connection: Connection, text: str) -> list[str]:
    """Return the lines of the difference, applying nothing."""
    return [str(each) for each in await diff_document(connection, parse_document(HEAD + text))]


async def weights(connection: Connection, profile: str = "lead_score") -> dict[str, tuple[Any, ...]]:
    """(definition) -> weight, group and `joined`, in the published version of a profile."""
    rows = await connection.fetch(
        """select definition.key, held.weight, "group".key as in_group, held.joined
           from version_weights held join profiles profile
             on profile.id = held.profile_id and profile.published_version = held.version
           join definitions definition on definition.id = held.definition_id
           join groups "group" on "group".id = held.group_id
           where profile.key = $1""",
        profile,
    )
    return {row["key"]: (row["weight"], row["in_group"], row["joined"]) for row in rows}
