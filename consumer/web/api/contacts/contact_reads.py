"""Reads contacts and their scores by id."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from consumer.infra.postgres.connection import fetch_one
from consumer.web.api.contacts.profile_view import points_by_group, read_groups
from consumer.web.api.contacts.recent_changes import read_changes
from consumer.web.api.contacts.schemas import ContactAnswer, ListedContact, ProfileScores
from consumer.web.http.problems import not_found
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from consumer.infra.postgres.connection import Connection
    from consumer.web.api.contacts.profile_view import ProfileView
    from consumer.web.api.contacts.schemas import RecentChanges

_SQL = queries("contacts")


async def read_listed(
    connection: Connection, account: int, view: ProfileView, contact_ids: Sequence[int], *, with_change: bool
) -> list[ListedContact]:
    """Return the contacts with these ids in the database, in the same order."""
    rows, changes = await _read(connection, account, view, contact_ids, with_change=with_change)
    last_events = await _read_last_events(connection, account, contact_ids)
    return [
        ListedContact(
            **_scores(view, row, changes),
            email=row["fields"].get("email"),
            tags=_tags(row["fields"]),
            first_seen_at=row["created_at"],
            last_event_at=last_events.get(row["id"]),
        )
        for row in rows
    ]


async def _read(
    connection: Connection, account: int, view: ProfileView, contact_ids: Sequence[int], *, with_change: bool
) -> tuple[list[dict[str, Any]], Mapping[tuple[int, int], RecentChanges]]:
    stored = await connection.fetch(_SQL["shown"], contact_ids, view.id, view.version)
    rows = [{**row, "fields": json.loads(row["fields"] or "{}")} for row in stored]
    if not (with_change and contact_ids):
        return rows, {}
    return rows, await read_changes(connection, account, contact_ids, {view.id: view.version}, view.groups)


async def _read_last_events(
    connection: Connection, account: int, contact_ids: Sequence[int]
) -> dict[int, datetime]:
    rows = await connection.fetch(_SQL["last_events"], account, contact_ids)
    return {row["contact_id"]: row["occurred_at"] for row in rows}


async def survivors_of(connection: Connection, account: int, contacts: Sequence[str]) -> list[str]:
    """Return the ids of the contacts that these ids mean, without unknown ones and erased ones."""
    rows = await connection.fetch(_SQL["resolve"], account, contacts)
    return [row["external_id"] for row in rows if row["external_id"] is not None]


async def find_contact(connection: Connection, account: int, contact: str) -> tuple[int, str]:
    """Return the database id and the id of a contact; for a joined contact, its survivor's.

    Raises ProblemError (404) if there is none.
    """
    [row] = await connection.fetch(_SQL["resolve"], account, [contact])
    if row["id"] is None:
        raise not_found(f"contact {contact}")
    return row["id"], row["external_id"]


async def read_contact_answer(connection: Connection, account: int, contact: str) -> ContactAnswer:
    """Return a contact; for a joined one, its survivor. Raises ProblemError (404) if there is none."""
    contact_id, external_id = await find_contact(connection, account, contact)
    row = await fetch_one(connection, _SQL["about"], contact_id)
    fields = json.loads(row["fields"] or "{}")
    groups = await read_groups(connection, account)
    stored = await connection.fetch(_SQL["by_profile"], account, contact_id)
    versions = {profile["id"]: profile["version"] for profile in stored}
    changes = await read_changes(connection, account, [contact_id], versions, groups)
    profiles = []
    for profile in stored:
        overall, by_group = points_by_group(groups, profile["points"])
        profiles.append(
            ProfileScores(
                profile=profile["key"],
                name=profile["name"],
                primary=profile["is_primary"],
                version=profile["version"],
                overall=overall,
                groups=by_group,
                change=changes[contact_id, profile["id"]],
            )
        )
    return ContactAnswer(
        id=external_id,
        first_seen_at=row["created_at"],
        last_event_at=(await _read_last_events(connection, account, [contact_id])).get(contact_id),
        **{name: fields.get(name) for name in ("name", "owner", "email", "phone", "url")},
        tags=_tags(fields),
        profiles=profiles,
    )


def _scores(
    view: ProfileView, row: Mapping[str, Any], changes: Mapping[tuple[int, int], RecentChanges]
) -> dict[str, Any]:
    overall, by_group = points_by_group(view.groups, row["points"])
    return {
        "id": row["external_id"],
        "name": row["fields"].get("name"),
        "owner": row["fields"].get("owner"),
        "overall": overall,
        "groups": by_group,
        "change": changes.get((row["id"], view.id)),
    }


def _tags(fields: Mapping[str, str]) -> list[str]:
    tags: list[str] = json.loads(fields.get("tags", "[]"))
    return tags
